//! The two logs behind one small trait.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use consensus::Member;
use consensus::log::{LogOptions, SegmentLog};
use openraft::{CommittedLeaderId, LogId};
use protobuf::well_known_types::BytesValue;
use raft_engine::{Config, Engine, LogBatch, MessageExt, ReadableSize, RecoveryMode};
use units::ClusterId;

use crate::work;

/// What the bake-off asks of a log.
pub trait Log: Send {
    /// Entries that follow the last one; durable on return.
    fn append(&mut self, bodies: &[Vec<u8>]) -> Result<()>;
    /// Index of the last entry; 0 if there is none.
    fn last(&self) -> u64;
    /// The body of an entry.
    fn read(&self, index: u64) -> Result<Option<Vec<u8>>>;
    /// Gives up entries up to this one.
    fn purge(&mut self, upto: u64) -> Result<()>;
}

struct Own(SegmentLog);

fn id(index: u64) -> LogId<Member> {
    LogId::new(CommittedLeaderId::new(1, Member::from(1)), index)
}

impl Log for Own {
    fn append(&mut self, bodies: &[Vec<u8>]) -> Result<()> {
        let first = self.last() + 1;
        let entries: Vec<_> = (first..).map(id).zip(bodies.iter().map(|body| &body[..])).collect();
        Ok(self.0.append(&entries)?)
    }

    fn last(&self) -> u64 {
        self.0.last().map_or(0, |id| id.index)
    }

    fn read(&self, index: u64) -> Result<Option<Vec<u8>>> {
        Ok(self.0.read(index)?.map(|(_, body)| body))
    }

    fn purge(&mut self, upto: u64) -> Result<()> {
        Ok(self.0.purge(id(upto))?)
    }
}

/// An entry for raft-engine: the index in front of the body.
pub struct Indexed;

impl MessageExt for Indexed {
    type Entry = BytesValue;

    fn index(entry: &BytesValue) -> u64 {
        entry.value.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

/// Wraps a body for raft-engine.
pub fn indexed(index: u64, body: &[u8]) -> BytesValue {
    let mut entry = BytesValue::new();
    entry.value = [&index.to_be_bytes()[..], body].concat();
    entry
}

/// The group of a log with one group.
const GROUP: u64 = 1;

struct Tikv(Engine);

impl Log for Tikv {
    fn append(&mut self, bodies: &[Vec<u8>]) -> Result<()> {
        let first = self.last() + 1;
        let entries: Vec<_> =
            (first..).zip(bodies).map(|(index, body)| indexed(index, body)).collect();
        let mut batch = LogBatch::default();
        batch.add_entries::<Indexed>(GROUP, &entries)?;
        self.0.write(&mut batch, true)?;
        Ok(())
    }

    fn last(&self) -> u64 {
        self.0.last_index(GROUP).unwrap_or(0)
    }

    fn read(&self, index: u64) -> Result<Option<Vec<u8>>> {
        let entry = self.0.get_entry::<Indexed>(GROUP, index)?;
        Ok(entry.map(|entry| entry.value.get(8..).unwrap_or_default().to_vec()))
    }

    fn purge(&mut self, upto: u64) -> Result<()> {
        self.0.compact_to(GROUP, upto + 1);
        self.0.purge_expired_files()?;
        Ok(())
    }
}

/// The names of the logs that [`open`] knows.
pub const NAMES: [&str; 3] = ["own", "raft-engine", "raft-engine-strict"];

/// Opens a log by name; `raft-engine-strict` accepts no torn tail.
pub fn open(name: &str, directory: &Path) -> Result<Box<dyn Log>> {
    match name {
        "own" => {
            let disk = disk::RealDisk::open(directory)?;
            let log = SegmentLog::open(
                Arc::clone(&disk) as _,
                "log",
                ClusterId::from_u128(1),
                LogOptions::default(),
                Arc::new(host::SystemRandom),
            )?;
            Ok(Box::new(Own(log)))
        }
        "raft-engine" | "raft-engine-strict" => Ok(Box::new(Tikv(engine(name, directory)?))),
        _ => bail!("no log is called {name}"),
    }
}

/// raft-engine with segments as long as ours, and nothing compressed: entries are sealed.
pub fn engine(name: &str, directory: &Path) -> Result<Engine> {
    let recovery_mode = match name {
        "raft-engine-strict" => RecoveryMode::AbsoluteConsistency,
        _ => RecoveryMode::TolerateTailCorruption,
    };
    Ok(Engine::open(Config {
        dir: directory.display().to_string(),
        recovery_mode,
        batch_compression_threshold: ReadableSize::kb(0),
        target_file_size: ReadableSize::mb(8),
        purge_threshold: ReadableSize::mb(16),
        ..Config::default()
    })?)
}

/// The body of an entry.
pub fn body(index: u64, bytes: usize) -> Vec<u8> {
    work::noise(index, bytes)
}
