//! Disks: which were forgotten, and which the catalog is being searched for.
//!
//! ```text
//! 1 | forgotten (disk 16 | at)… | search? (disk 16 | up to part?)
//! ```
//! One row, which is not there until a disk is to be forgotten; see `apply::disk`.
//!
//! **Invariants**
//! - No part has a slot on a forgotten disk.
//! - No part up to the one that a search has come to has a slot on its disk.

use serde::{Deserialize, Serialize};
use units::{DiskId, PartId, Timestamp};

/// A disk that never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgottenDisk {
    /// Which.
    pub disk: DiskId,
    /// When it was forgotten.
    pub at: Timestamp,
}

/// How far the parts have been searched for slots on a disk that is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSearch {
    /// Which disk.
    pub disk: DiskId,
    /// The last part that was looked at; `None` before the first.
    pub through: Option<PartId>,
}

/// The row of disks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disks {
    /// Those forgotten, in the order in which they were.
    pub forgotten: Vec<ForgottenDisk>,
    /// The search under way.
    pub search: Option<DiskSearch>,
}

impl Disks {
    /// When a disk was forgotten, if it was.
    pub fn forgotten_at(&self, disk: DiskId) -> Option<Timestamp> {
        self.forgotten.iter().find(|one| one.disk == disk).map(|one| one.at)
    }
}
