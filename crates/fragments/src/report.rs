//! What the store says about its disks.

use units::{ByteCount, DiskId};

use crate::FragmentName;

/// Why a disk takes no more writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// A sync failed, or a write that could not be taken back.
    Failed,
    /// Its file system is read-only.
    ReadOnly,
    /// Its directory is not there any more.
    Gone,
}

/// Whether a disk can be trusted with writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskState {
    /// Reads and writes.
    Healthy,
    /// Only reads, removals and compaction: no room is left for appends.
    Full,
    /// A sync failed: only reads that still verify.
    Poisoned,
    /// Its file system does not answer: nothing is asked of it until it does.
    Hanging,
}

/// Room on a disk and what fills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// The disk.
    pub disk: DiskId,
    /// Size of its file system.
    pub total: ByteCount,
    /// What appends may still take: free space less what is kept for deletions.
    pub available: ByteCount,
    /// Bytes of live fragments, with their headers.
    pub live: ByteCount,
    /// Bytes in segments that nothing needs any more.
    pub dead: ByteCount,
    /// How many fragments are live.
    pub fragments: u64,
    /// How many segment files there are.
    pub segments: u64,
}

/// How one disk does, as its node says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskReport {
    /// The disk.
    pub disk: DiskId,
    /// Whether it can be trusted with writes.
    pub state: DiskState,
    /// Why it takes no more writes, if it does not.
    pub poison: Option<Poison>,
    /// Its room; none if it does not answer.
    pub space: Option<DiskSpace>,
}

/// How the disks of one node do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeReport {
    /// Those it has opened.
    pub disks: Vec<DiskReport>,
    /// Those it counts on and has not opened.
    pub missing: Vec<DiskId>,
}

/// Where scrub goes on; starts at the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubCursor(pub(crate) Option<FragmentName>);

impl ScrubCursor {
    /// The beginning.
    pub const START: Self = Self(None);

    /// Goes on after this fragment; for a cursor that was written down.
    pub const fn after(name: FragmentName) -> Self {
        Self(Some(name))
    }

    /// The last fragment verified.
    pub const fn last(self) -> Option<FragmentName> {
        self.0
    }
}

/// What one run of scrub saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// Fragments read whole.
    pub fragments: u64,
    /// Bytes read.
    pub bytes: ByteCount,
    /// Fragments that do not match their checksums or cannot be read.
    pub damaged: Vec<FragmentName>,
    /// Places in segments where records decayed beyond recognition when the disk was
    /// opened: what stood there is absent, and only the catalog knows what it was.
    pub holes: u64,
    /// Where to go on; `None` when the end was reached.
    pub next: Option<ScrubCursor>,
}

/// What one run of compaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// Segments that are gone.
    pub segments: u64,
    /// Bytes that their files gave back, less what was copied.
    pub bytes_freed: ByteCount,
    /// Live bytes copied.
    pub bytes_copied: ByteCount,
    /// Fragments whose header is unreadable: their segment stays until they are
    /// repaired or removed.
    pub damaged: Vec<FragmentName>,
}
