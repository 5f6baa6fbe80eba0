//! Commands about disks.

use serde::{Deserialize, Serialize};
use units::DiskId;

/// One step of forgetting a disk; the step that finds no more parts to look at ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskForget {
    /// Which disk.
    pub disk: DiskId,
    /// Most parts to look at.
    pub rows: u32,
}
