//! What placement knows of a disk.

use units::{ByteCount, DiskId};

/// One disk of the site, as its store reports it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFacts {
    /// Which disk.
    pub id: DiskId,
    /// Whether it takes writes and answers reads.
    pub healthy: bool,
    /// What may still be written to it, the reserve not counted.
    pub free: ByteCount,
    /// What removed fragments take of it until the disk is compacted.
    pub removed: ByteCount,
}
