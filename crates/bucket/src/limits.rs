//! Every bound of a disk in a bucket, with its reason.

use core::time::Duration;

/// How long a write may take with all its retries: the largest group commit (32 MiB) over a
/// link of 10 Mbit/s takes half of it.
pub const PUT_WITHIN: Duration = Duration::from_mins(1);

/// How long a read may take with all its retries: whoever waits has other fragments to
/// turn to.
pub const GET_WITHIN: Duration = Duration::from_secs(10);

/// How long listing or deleting may take with all its retries.
pub const LIST_WITHIN: Duration = Duration::from_mins(2);

/// How long a connection may take to be made: an address where nobody is must not cost a
/// writer its whole time.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// The pause before a request is tried again, doubled each time.
pub const RETRY_FIRST: Duration = Duration::from_millis(100);

/// The longest of these pauses.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(2);

/// How often a request is tried again, if there is time: with the pauses above that is
/// about ten seconds of an answer that another moment may change.
pub const RETRIES_MAX: usize = 8;

/// The pause between two looks whether a bucket answers again, doubled each time.
pub const PROBE_FIRST: Duration = Duration::from_millis(500);

/// The longest of these pauses: whoever mends a bucket sees it within it.
pub const PROBE_PAUSE_MAX: Duration = Duration::from_secs(10);

/// An operation that is under way for so long says that the bucket hangs: it outlasts the
/// retries of a read, and a large write that is slow may outlast it.
pub const HANGS_AFTER: Duration = Duration::from_secs(30);

/// Bytes of one extent at most: a request that fails is sent again whole.
pub const EXTENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// An extent shorter than this is folded with its neighbours: the price of a request does
/// not depend on its length, and one that carries a mebibyte is worth it.
pub const FOLD_BELOW_BYTES: usize = 1024 * 1024;

/// So many small extents of a file are folded into one.
pub const FOLD_COUNT: usize = 64;

/// As many are worth it in a file that nothing more is written to.
pub const FOLD_REST_COUNT: usize = 8;

/// Small extents are folded as soon as they have so many bytes together; they are kept in
/// memory until then.
pub const FOLD_BYTES: usize = 8 * 1024 * 1024;

/// Bytes written and not synced yet that a file may hold in memory: several group commits.
pub const DIRTY_BYTES_MAX: usize = 128 * 1024 * 1024;

/// A small extent is read whole when a range of it is asked for: a footer and its end are
/// two questions, and one request.
pub const READ_WHOLE_BYTES: u64 = 256 * 1024;

/// Bytes of small extents that are kept in memory after they were read.
pub const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Objects that one listing may have: a terabyte in folded extents is less than a million.
pub const OBJECTS_MAX: usize = 16 * 1024 * 1024;

/// Threads that speak to a bucket: requests wait far longer than they compute.
pub const THREADS: usize = 2;

/// Nodes that have laid claim to one bucket that are told of.
pub const CLAIMS_TOLD_MAX: usize = 8;

const _: () = assert!(FOLD_BELOW_BYTES < FOLD_BYTES && FOLD_BYTES <= EXTENT_BYTES_MAX);
const _: () = assert!(EXTENT_BYTES_MAX <= DIRTY_BYTES_MAX, "an extent fits in what is dirty");
