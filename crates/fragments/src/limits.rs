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

/// Most payload bytes in one call to another node: two of the longest fragments. More go
/// in several calls, so that none holds much memory over there for long.
pub const CALL_BYTES_MAX: usize = 2 * FRAGMENT_BYTES_MAX;

/// Most payload bytes that a node receives from others at once; further callers wait, by
/// their deadlines.
pub const RECEIVING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most payload bytes that a node holds for others' reads at once, until they are sent.
pub const ANSWERING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most fragments or names in one call: their words fit in a head.
pub const CALL_NAMES_MAX: usize = 1_000;

/// Most names in one page of a listing from another node: they fit in a head.
pub const REMOTE_LIST_MAX: usize = 2_000;

/// Most disks that a node tells of, and as many missing ones: they fit in a head.
pub const DISKS_REPORTED_MAX: usize = 256;

/// Most bytes of an error's words in an answer: enough for an operator.
pub const REASON_BYTES_MAX: usize = 512;

/// How long a writer waits for a node of which nothing is heard: a dead node must cost a
/// client no more than this.
pub const WRITE_WITHIN: Duration = Duration::from_secs(2);

/// How long a writer waits for a node that is heard of: a link of 10 Mbit/s takes some
/// seconds for the fragments of a few stripes, and such a node is slow, not dead.
pub const WRITE_LONGEST: Duration = Duration::from_secs(15);

/// How long bytes of repairs and moves are waited for from a node that is heard of: eight
/// fragments of the longest cross a link of 1 MB/s that clients use too.
pub const UPKEEP_LONGEST: Duration = Duration::from_mins(1);

/// How long a reader waits for a node of which nothing is heard: less than a writer, since
/// other fragments make up for it.
pub const READ_WITHIN: Duration = Duration::from_secs(1);

/// How long a reader waits for a node that is heard of.
pub const READ_LONGEST: Duration = Duration::from_secs(5);

/// How long a question that is answered from memory may take.
pub const ASK_WITHIN: Duration = Duration::from_secs(1);

/// How long whoever looks for a fragment elsewhere waits for all nodes together: what a
/// node did not say by then is looked for again with the next attempt.
pub const ELSEWHERE_WITHIN: Duration = Duration::from_millis(500);

/// How long a node may take to prove that it has a fragment: it reads the disk, and a
/// prover that is in no hurry is not suspected at once.
pub const PROVE_WITHIN: Duration = Duration::from_secs(5);

/// A node of which nothing came for this long is silent: a live one is asked for its
/// report more often.
pub const SILENT_AFTER: Duration = Duration::from_millis(1_500);

/// How often whoever waits for a slow node looks whether it has gone silent.
pub const SILENCE_LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often a node is asked how its disks do: what a writer may not know of another's
/// disks, and little enough to be nothing on any link.
pub const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Least time between two rounds of asking, however many calls fail meanwhile.
pub const REPORT_EVERY_MIN: Duration = Duration::from_millis(100);

/// How long a report holds: two may be lost before the disks of a node count as
/// unreachable.
pub const REPORT_AGE_MAX: Duration = Duration::from_secs(3);

const _: () = assert!(FRAGMENT_BYTES_MAX as u64 * 4 < SEGMENT_BYTES, "a segment holds several");
const _: () = assert!(SEGMENT_BYTES < u32::MAX as u64 / 2, "offsets in a segment are 32 bits");
const _: () = assert!(RESERVE_STEP_MIN <= RESERVE_STEP_MAX, "steps are ordered");
const _: () = assert!(CALL_BYTES_MAX <= RECEIVING_BYTES_MAX, "a call has room");
const _: () = assert!(FRAGMENT_BYTES_MAX <= ANSWERING_BYTES_MAX, "a reply has room");
const _: () = assert!(CALL_BYTES_MAX <= wire::limits::BODY_COLLECTED_BYTES_MAX);
const _: () = assert!(CALL_NAMES_MAX * 64 <= wire::limits::HEAD_BYTES_MAX, "words of 60 bytes");
const _: () = assert!(REMOTE_LIST_MAX * 32 <= wire::limits::HEAD_BYTES_MAX, "words of 30 bytes");
const _: () = assert!(DISKS_REPORTED_MAX * 128 <= wire::limits::HEAD_BYTES_MAX);

/// The way to a node of which it was not measured yet: that of another continent, so that
/// any way that is known is taken first.
pub const UNKNOWN_WAY: Duration = Duration::from_millis(150);
