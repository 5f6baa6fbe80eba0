//! The handle that the rest of the house holds: several disks, asynchronously.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use disk::Disk;
use units::{ByteCount, ClusterId, DiskId, PartId, Random};

use crate::{
    CompactReport, DiskSpace, DiskState, Fragment, FragmentName, Listed, OpenError, ReadError,
    ScrubCursor, ScrubReport, WriteError,
};

/// Fragments on the disks of one node; clones share the disks.
#[derive(Clone)]
pub struct FragmentStore {
    _disks: Arc<Vec<Arc<dyn Disk>>>,
}

impl FragmentStore {
    /// Opens the disks of this node; blank ones are formatted with a fresh identity.
    pub async fn open(
        cluster: ClusterId,
        disks: Vec<Arc<dyn Disk>>,
        random: &dyn Random,
    ) -> Result<Self, OpenError> {
        let _ = (cluster, random);
        Ok(Self { _disks: Arc::new(disks) })
    }

    /// The disks, in the order they were given.
    pub fn disks(&self) -> Vec<DiskId> {
        Vec::new()
    }

    /// Stores one fragment; `Ok` once it is durable. A fragment of the same name is
    /// replaced.
    pub async fn append(&self, disk: DiskId, fragment: Fragment) -> Result<(), WriteError> {
        self.append_many(disk, vec![fragment]).await
    }

    /// Stores fragments with one sync; `Ok` once all are durable.
    pub async fn append_many(
        &self,
        disk: DiskId,
        fragments: Vec<Fragment>,
    ) -> Result<(), WriteError> {
        let _ = fragments;
        Err(WriteError::NoSuchDisk { disk })
    }

    /// A range of a fragment's payload, verified.
    pub async fn read(
        &self,
        disk: DiskId,
        name: FragmentName,
        range: Range<usize>,
    ) -> Result<Bytes, ReadError> {
        let _ = (name, range);
        Err(ReadError::NoSuchDisk { disk })
    }

    /// A whole fragment, verified.
    pub async fn read_whole(
        &self,
        disk: DiskId,
        name: FragmentName,
    ) -> Result<Fragment, ReadError> {
        let _ = name;
        Err(ReadError::NoSuchDisk { disk })
    }

    /// Length of a fragment's payload, from memory; `None` if it is not there.
    pub fn length(&self, disk: DiskId, name: FragmentName) -> Option<ByteCount> {
        let _ = (disk, name);
        None
    }

    /// Removes all fragments of a part; `Ok` once that is durable. Says how many
    /// there were; removing what is not there succeeds.
    pub async fn remove_part(&self, disk: DiskId, part: PartId) -> Result<u64, WriteError> {
        let _ = part;
        Err(WriteError::NoSuchDisk { disk })
    }

    /// Removes single fragments; `Ok` once that is durable.
    pub async fn remove(&self, disk: DiskId, names: Vec<FragmentName>) -> Result<u64, WriteError> {
        let _ = names;
        Err(WriteError::NoSuchDisk { disk })
    }

    /// Names after `after` in order, at most `limit` (and [`crate::limits::LIST_MAX`]).
    pub fn list(&self, disk: DiskId, after: Option<FragmentName>, limit: usize) -> Vec<Listed> {
        let _ = (disk, after, limit);
        Vec::new()
    }

    /// Verifies fragments from the cursor on until about `budget` bytes are read.
    pub async fn scrub(
        &self,
        disk: DiskId,
        cursor: ScrubCursor,
        budget: ByteCount,
    ) -> Result<ScrubReport, ReadError> {
        let _ = (cursor, budget);
        Err(ReadError::NoSuchDisk { disk })
    }

    /// Compacts the segment that gives back most, if one is worth it.
    pub async fn compact(&self, disk: DiskId) -> Result<CompactReport, WriteError> {
        Err(WriteError::NoSuchDisk { disk })
    }

    /// Room and contents of a disk; `None` if it is not part of this store or does
    /// not answer.
    pub fn space(&self, disk: DiskId) -> Option<DiskSpace> {
        let _ = disk;
        None
    }

    /// State of a disk; `None` if it is not part of this store.
    pub fn state(&self, disk: DiskId) -> Option<DiskState> {
        let _ = disk;
        None
    }

    /// Lets the writers finish what was asked of them and stops them.
    pub async fn shutdown(&self) {}
}
