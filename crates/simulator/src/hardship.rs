//! What a trial does to the hardware besides cutting its power.
//!
//! Rot, failing operations of a data disk and the pulled disk always meet the same
//! disk of a trial: one failure domain is what every geometry survives.

use anyhow::Result;
use disk::Fault;
use rand::Rng;

use crate::report::Kind;
use crate::world::World;

/// Within how many operations of the disk the planned one fails.
const FAULT_WITHIN: u64 = 40;

impl World {
    /// The disk that has all the bad luck.
    pub(crate) fn worst_disk(&self) -> Result<usize> {
        Ok(usize::try_from(self.trial.seed)? % self.site.data.len())
    }

    /// One of the next operations of the system's disk or of the worst one fails.
    pub(crate) fn fault_plan(&mut self) -> Result<()> {
        let fault = if self.rng.random_bool(0.5) { Fault::Io } else { Fault::Full };
        let disk = match self.rng.random_range(0..2_u32) {
            0 => &self.site.system,
            _ => &self.site.data[self.worst_disk()?],
        };
        disk.fail_at(disk.operations() + self.rng.random_range(0..FAULT_WITHIN), fault);
        self.faulty = true;
        Ok(())
    }

    /// Flips bits, always on the same disk of a trial: one failure domain is what
    /// every geometry survives, and nothing is repaired between two rounds.
    pub(crate) fn rot(&mut self) -> Result<()> {
        let rotten = self.worst_disk()?;
        let disk = &self.site.data[rotten];
        let files: Vec<_> = disk.files();
        let segments: Vec<_> = files
            .iter()
            .filter(|(path, length)| path.contains("segment") && length.get() > 0)
            .collect();
        for _ in 0..self.rng.random_range(1..4_u32) {
            if segments.is_empty() {
                return Ok(());
            }
            let (path, length) = segments[self.rng.random_range(0..segments.len())];
            let bit = self.rng.random_range(0..length.get() * 8);
            disk.flip_bit(path, bit);
            self.report.note(Kind::Flipped);
        }
        Ok(())
    }

    /// Counts the faults that happened in the life that ends.
    pub(crate) fn fault_settle(&mut self) {
        let disks = self.site.data.iter().chain([&self.site.system]);
        let faults = disks.map(|disk| disk.faults_happened()).sum::<u64>();
        self.report.note_times(Kind::Fault, faults);
        self.faulty = false;
    }

    /// Whether a verb may fail: the power is off, or an operation was made to fail.
    pub(crate) fn is_excused(&self) -> bool {
        self.site.is_cut() || self.faulty
    }
}
