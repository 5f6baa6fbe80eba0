//! Compaction: room of removed fragments given back to the file system.

use crate::{Steward, StewardError};

impl Steward {
    /// Compacts on every disk of this node the segment most worth it; true if there was one.
    pub async fn compaction_step(&self) -> Result<bool, StewardError> {
        let mut worked = false;
        for disk in self.own_disks().disks() {
            if !self.disk_is_sound(disk) {
                continue;
            }
            let report = self.own_disks().compact(disk).await?;
            worked |= report.segments > 0;
            for name in &report.damaged {
                self.bad_found(name.part, name.fragment)?;
            }
            self.count(|status| status.compacted_bytes += report.bytes_freed.get());
        }
        Ok(worked)
    }
}
