//! What is told at the end, each figure as it was measured.

use std::time::Duration;

use serde::Serialize;

use super::load::Seen;
use crate::failure::Failure;
use crate::output::{self, Table, bytes};

/// The figures of one demonstration.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    /// Sites of the cluster.
    pub sites: usize,
    /// Sites that were killed.
    pub killed: usize,
    /// Objects whose writing was acknowledged.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, not given back as they were.
    pub lost: u64,
    /// Reads while machines were missing, and those that gave what was never written.
    pub reads: u64,
    /// Reads that gave anything else than what had been written.
    pub reads_wrong: u64,
    /// The longest wait for a read.
    pub read_pause_seconds: f64,
    /// The longest wait for a write.
    pub write_pause_seconds: f64,
    /// From the fresh machine's first start until redundancy was whole.
    pub repair_seconds: f64,
}

impl Figures {
    /// Adds what people at work have seen.
    pub fn add(&mut self, seen: &Seen) {
        self.reads += seen.reads;
        self.reads_wrong += seen.wrong;
        self.read_pause_seconds = self.read_pause_seconds.max(seen.read_longest.as_secs_f64());
        self.write_pause_seconds = self.write_pause_seconds.max(seen.write_longest.as_secs_f64());
    }

    /// How long the repair took.
    pub fn repaired(&mut self, after: Duration) {
        self.repair_seconds = after.as_secs_f64();
    }

    /// Prints them.
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return output::json(self);
        }
        let mut table = Table::new(&["WHAT", "FIGURE"]);
        let mut row = |what: &str, figure: String| table.row([what.to_owned(), figure]);
        row("sites, of which were killed", format!("{}, {}", self.sites, self.killed));
        row("objects", self.objects.to_string());
        row("bytes", bytes(self.bytes));
        row("lost", self.lost.to_string());
        row("reads while sites were missing", self.reads.to_string());
        row("  of these wrong", self.reads_wrong.to_string());
        row("longest wait for a read", format!("{:.2} s", self.read_pause_seconds));
        row("longest wait for a write", format!("{:.2} s", self.write_pause_seconds));
        row("repair, until redundancy was whole", format!("{:.1} s", self.repair_seconds));
        table.print("");
        Ok(())
    }

    /// A demonstration that lost something has failed.
    pub fn verdict(&self) -> Result<(), Failure> {
        if self.lost + self.reads_wrong == 0 {
            return Ok(());
        }
        let message = format!(
            "{} of {} objects were lost and {} reads were wrong",
            self.lost, self.objects, self.reads_wrong
        );
        Err(Failure::failed(
            message,
            "this must never happen: keep the logs (--keep) and report it",
        ))
    }
}
