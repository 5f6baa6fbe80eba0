//! Every bound of the fragment store, with its reason.

use core::time::Duration;

use units::limits::{CHUNK_BYTES, STRIPE_BYTES_MAX};

/// Bytes that one checksum guards: one sealed chunk (a chunk of plaintext and its
/// 16-byte tag), so that opening one chunk reads one block.
pub const BLOCK_BYTES: usize = CHUNK_BYTES + 16;

/// Longest payload of a fragment: a whole sealed stripe, with ample room for what
/// sealing adds.
pub const FRAGMENT_BYTES_MAX: usize = STRIPE_BYTES_MAX + STRIPE_BYTES_MAX / 16;

/// Length at which a segment is sealed and the next begun: long enough that files
/// are few, short enough that compaction copies little at a time.
pub const SEGMENT_BYTES: u64 = 128 * 1024 * 1024;

/// Most records in a segment: bounds the memory that remembers the open one's, and
/// the footer.
pub const SEGMENT_RECORDS_MAX: usize = 65_536;

/// Most bytes in one group commit; bounds the memory that waits for one sync.
pub const COMMIT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Most requests in one group commit.
pub const COMMIT_REQUESTS_MAX: usize = 4_096;

/// Most requests that wait for a disk's writer; more than that wait in their tasks.
pub const QUEUE_REQUESTS_MAX: usize = 8_192;

/// How long a shutdown waits for the writers of all disks: longer than a slow disk takes
/// for the largest group commit. One that takes longer hangs in the operating system,
/// perhaps for ever. It is one step of those that the node adds up (`STOP_MAX` there).
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// Least room that is reserved ahead of the writer at once.
pub const RESERVE_STEP_MIN: u64 = 256 * 1024;

/// Most room that is reserved ahead of the writer at once.
pub const RESERVE_STEP_MAX: u64 = 8 * 1024 * 1024;

/// The writer reserves at most this share of what is stored ahead: 1/128 keeps
/// bytes on disk within 1 % of bytes stored.
pub const RESERVE_SHARE: u64 = 128;

/// Room reserved in the open segment for removals alone: some 300 of them, each of
/// which may give back much more, even when others have filled the file system.
pub const REMOVAL_BYTES: u64 = 64 * 1024;

/// Share of a file system that appends leave free, for deletions, compaction and
/// the catalog.
pub const SPARE_SHARE: u64 = 16;

/// Least room left free by appends.
pub const SPARE_BYTES_MIN: u64 = 4 * 1024 * 1024;

/// Most room left free by appends: beyond this, a share would waste a large disk.
pub const SPARE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Most sealed segments kept open per disk; others are opened again when read.
pub const OPEN_SEGMENTS_MAX: usize = 256;

/// Most live bytes that one step of compaction copies before the writer looks at
/// its queue again.
pub const COMPACT_STEP_BYTES: u64 = 4 * 1024 * 1024;

/// A segment is worth compacting when this share of it (one in …) is dead.
pub const COMPACT_DEAD_SHARE: u64 = 4;

/// The open segment is sealed for compaction only when this much of it is dead (or a
/// quarter of a small segment), so that small ones do not multiply.
pub const COMPACT_OPEN_BYTES_MIN: u64 = 1024 * 1024;

/// A dead payload at least this long is given back to the file system at once.
pub const PUNCH_BYTES_MIN: u64 = 64 * 1024;

/// Most reads of one disk that wait for it on threads: one that hangs must leave most of
/// the process's threads for blocking work (64) to the other disks.
pub const WAITING_READS_MAX: usize = 24;

/// How often whoever waits for a disk looks whether it hangs.
pub const HANG_LOOK_EVERY: Duration = Duration::from_millis(500);

/// Longest read that is tried from the page cache on the caller's own thread.
pub const INLINE_READ_BYTES_MAX: usize = 256 * 1024;

/// Most names in one page of a listing.
pub const LIST_MAX: usize = 10_000;

const _: () = assert!(FRAGMENT_BYTES_MAX as u64 * 4 < SEGMENT_BYTES, "a segment holds several");
const _: () = assert!(SEGMENT_BYTES < u32::MAX as u64 / 2, "offsets in a segment are 32 bits");
const _: () = assert!(RESERVE_STEP_MIN <= RESERVE_STEP_MAX, "steps are ordered");
