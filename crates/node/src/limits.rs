//! What the composition allows itself.

use core::time::Duration;

use units::{ByteCount, Timestamp};

/// The first second of 2026 (UTC), before which this software was not there: a clock
/// that says so was never set, and a node is not founded by it.
pub const FOUNDED_AFTER: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// How often a start that waits for its disks says so.
pub const START_TELLS_EVERY: Duration = Duration::from_secs(10);

/// How long requests in flight and tasks may take to end after a signal; a second
/// signal does not wait.
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(20);

/// How long the catalog may take to write a checkpoint and close its log: a large one
/// on a slow disk takes seconds, a disk that hangs for ever.
pub const CATALOG_SHUTDOWN_MAX: Duration = Duration::from_secs(20);

/// How long a stop waits for fragments on their way to slow disks, beside the steward's
/// duties, which may take longer.
pub const LATE_FRAGMENTS_MAX: Duration = Duration::from_secs(3);

/// How long blocking work may hold the exit once everything has ended.
pub const RUNTIME_SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// How long a node may take from the signal to its end, all steps one after the other and
/// each to its limit, as only disks that hang have it. systemd kills after 90 seconds by
/// itself; Docker after 10, which is too short: see `docs/operations/stopping.md`.
pub const STOP_MAX: Duration = Duration::from_secs(65);

const _: () = assert!(
    STOP_MAX.as_secs()
        == SHUTDOWN_MAX.as_secs()
            + steward::limits::SHUTDOWN_MAX.as_secs()
            + fragments::limits::SHUTDOWN_MAX.as_secs()
            + CATALOG_SHUTDOWN_MAX.as_secs()
            + RUNTIME_SHUTDOWN_MAX.as_secs(),
    "the steps of a stop are what is said of it"
);

const _: () = assert!(
    LATE_FRAGMENTS_MAX.as_secs() <= steward::limits::SHUTDOWN_MAX.as_secs(),
    "it takes no time of its own"
);

/// How often the gauges are set and the health of the parts is looked at.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// How often it is written down which disks were there: so exactly is it known since when
/// one is missing.
pub const BOOK_EVERY: Duration = Duration::from_hours(1);

/// Disks in that book; those seen last are kept.
pub const BOOK_DISKS_MAX: usize = 1_000;

/// How often the log says again what waits for an operator's word.
pub const REMIND_EVERY: Duration = Duration::from_hours(1);

/// A settings, token or passphrase file; they are a few lines.
pub const SMALL_FILE_BYTES_MAX: usize = 1024 * 1024;

/// Records of the node in its data directory.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Connections of operators at once; a browser opens six.
pub const ADMIN_CONNECTIONS_MAX: usize = 256;

/// How long an operator's client may take to send a request's head.
pub const ADMIN_HEAD_MAX: Duration = Duration::from_secs(10);

/// Entries an operation may hold to sort a list of tenants, as the catalog keeps
/// them by id.
pub const TENANTS_LISTED_MAX: usize = 10_000;

/// Warnings and errors shown on the status page.
pub const ERRORS_SHOWN_MAX: usize = 20;

/// Pieces of a backup on their way to a slow client.
pub const BACKUP_PIECES_AHEAD: usize = 4;

/// Files that the node itself may have open beside clients' connections: segments
/// being read and written, the engine's tables, operators' connections.
pub const OWN_FILES_MAX: usize = 768;

/// Fewer files than this and a node does not start: what it opens for itself at its
/// smallest, and a client or two.
pub const FILES_MIN: usize = 256;

const _: () = assert!(FILES_MIN < OWN_FILES_MAX, "a small node runs with few files");

/// Unreadable parts that are shown one by one; all are in the JSON.
pub const UNREADABLE_SHOWN_MAX: usize = 20;

/// Symbolic links that are followed to the place of a file; more are a circle.
pub const LINKS_FOLLOWED_MAX: u32 = 40;

/// Rows of the catalog that are read at once when a restore looks for its disks.
pub const RESTORE_ROWS_READ: usize = 1_000;

/// Tenants of a backup whose keys a restore tries the root key on, at most; those erased
/// since do not count.
pub const RESTORE_TENANTS_TRIED_MAX: usize = 1_000;

/// Buckets that are named when their locks keep a tenant from being erased; the others are
/// counted.
pub const LOCKED_BUCKETS_NAMED_MAX: usize = 10;

/// Disks that the doctor asks at once, each on a thread of its own: those that hang are
/// waited for together.
pub const PLACES_ASKED_AT_ONCE: usize = 64;

/// How long a node that joins waits for the catalog: a snapshot of a large one over a
/// slow line takes minutes.
pub const SEAT_WAIT_MAX: Duration = Duration::from_hours(1);

/// Since when at the latest something must have been heard from a node that answers: it is
/// asked every second, and a few answers may be lost.
pub const HEARD_MAX: Duration = Duration::from_secs(5);

/// How long a question about the sites waits for word that the catalog here is that of
/// the cluster; without it the answer says so.
pub const CURRENT_WITHIN: Duration = Duration::from_secs(2);

/// Parts of an object whose fragments are listed; all are counted.
pub const WHERE_PARTS_SHOWN_MAX: usize = 1_000;

/// Rows of parts read at once when an object is looked for.
pub const WHERE_ROWS: usize = 1_000;

/// How long a replacement waits for the disks of the new site: a node lists them a moment
/// after it has joined.
pub const DISKS_LISTED_WITHIN: Duration = Duration::from_secs(10);

/// How often it looks whether they are listed.
pub const DISKS_LOOK_EVERY: Duration = Duration::from_millis(100);

/// Placement policies that are listed: one for each bucket that has one of its own.
pub const POLICIES_LISTED_MAX: usize = 10_000;

/// The object by which it is told what a policy guarantees for what is written now.
pub const POLICY_EXAMPLE_BYTES: ByteCount = ByteCount::new(1 << 20);

/// How often a policy is checked anew because the site map changed meanwhile.
pub const POLICY_SET_ATTEMPTS_MAX: u32 = 8;

/// Sentences about where an object lies: a thousand parts often say the same.
pub const DRIFTS_TOLD_MAX: usize = 100;

/// How long a wrong answer about what a site keeps is told of in the status; it is kept as
/// evidence for longer.
pub const CUSTODY_TOLD: Duration = Duration::from_hours(7 * 24);

/// Questions left unanswered by a node that is there before its operator is told: one may be
/// lost on the way, and a node that starts has not opened its disks yet.
pub const CUSTODY_SILENT_MAX: u64 = 10;
