//! The limits of the object path, each with its reason.

use core::time::Duration;

use units::limits::{CHUNK_BYTES, STRIPE_BYTES_MAX};

/// S3: an object put in one go, or a part, is at most 5 GiB.
pub const PUT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// S3: a batch deletion names at most this many objects.
pub const DELETE_BATCH_MAX: usize = 1_000;

/// Uploads whose bytes are being taken at once; each is sure of one chunk-sized
/// stripe buffer. A thousand slow clients fit, with their 64 MiB at most, and others
/// beside them.
pub const LANES_MAX: usize = 1_088;

/// How long an upload waits for a lane before the client is told to slow down.
pub const LANE_WAIT_MAX: Duration = Duration::from_secs(10);

/// Memory for stripe buffers larger than a chunk; given out by halves as more
/// uploads run, so that a single one gets stripes of 4 MiB and a thousand 64 KiB.
pub const STRIPE_POOL_BYTES: usize = 24 * 1024 * 1024;

/// Memory for stripes that are being hashed, sealed and written while the next
/// one fills; apart from [`STRIPE_POOL_BYTES`], so that many slow uploads cannot
/// take the pipelining from a fast one.
pub const PIPELINE_POOL_BYTES: usize = 16 * 1024 * 1024;

/// Most stripes of one upload between the socket and the disk.
pub const PIPELINE_STRIPES_MAX: usize = 16;

/// Stripes of one upload between the socket and the disk stay within this many
/// bytes (but two are always allowed): more hides no latency, only takes memory.
pub const PIPELINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Stripes up to this length are hashed and sealed where they are; longer ones on
/// a thread that may block, since MD5 takes 1.5 ms per MiB.
pub const INLINE_HASH_BYTES_MAX: usize = 128 * 1024;

/// Plaintext read, checked and opened at once on the way out.
pub const READ_WINDOW_BYTES: usize = 256 * 1024;

/// Memory for read windows over all readers; a reader holds two of them at most
/// (one being sent, one being read ahead) and waits for its first.
pub const READ_POOL_BYTES: usize = 44 * 1024 * 1024;

/// Windows of one reader that are read ahead where fragments come from other nodes: 1 MiB
/// on its way hides 10 ms there and back up to 100 MiB/s.
pub const READ_AHEAD_WINDOWS: usize = 4;

/// What read-ahead leaves of the pool for readers that have no window yet.
pub const READ_AHEAD_LEAVES: usize = READ_POOL_BYTES / 2;

/// Of a part of which no more is wanted, what lies in fragments that cannot be read is
/// rebuilt column by column; of one that is read at length the whole stripe, once.
pub const NARROW_BYTES_MAX: u64 = 1024 * 1024;

/// How long a fragment is waited for at most, on top of the way there, before the stripe
/// is read without it as well: longer than a disk that turns takes under load.
pub const HEDGE_AFTER_MAX: Duration = Duration::from_millis(60);

/// How long it is waited for at least on top of the way, however fast its disk usually is:
/// a processor that is busy takes so long to get round to it.
pub const HEDGE_AFTER_MIN: Duration = Duration::from_millis(15);

/// How many times the way there and back is waited for on top.
pub const HEDGE_ROUND_TRIPS: u32 = 3;

/// Of so many reads answered in time, one more may be made twice.
pub const HEDGE_ONE_IN: u32 = 20;

/// So many reads may be made twice one after the other.
pub const HEDGES_IN_STORE: u32 = 20;

/// How long a disk that was slow is left out, before it is tried again.
pub const SLOW_FOR: Duration = Duration::from_secs(5);

/// How long after that a disk is no longer known to have been slow, if nobody tried it.
pub const SLOW_FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

/// Disks whose times are known.
pub const DISKS_MEASURED_MAX: usize = 256;

/// A fragment is far if the way to it is so many times that to others which make up for it,
pub const FAR_TIMES: u32 = 2;

/// and this longer besides: then reading more of the near ones costs less than the way.
pub const FAR_BEYOND: Duration = Duration::from_millis(20);

/// Readers that hold a whole rebuilt stripe at once.
pub const DEGRADED_READS_MAX: usize = 4;

/// Parts of failed writes that wait to be condemned; beyond this the orphan sweep
/// finds them.
pub const ABANDONED_QUEUE_MAX: usize = 4_096;

/// Bad fragments reported by readers that wait for the steward; beyond this the
/// next scrub finds them.
pub const DAMAGE_QUEUE_MAX: usize = 1_024;

/// Opened access-key secrets kept; one per key in use.
pub const CREDENTIALS_CACHED_MAX: usize = 10_000;

/// Buckets whose settings are kept; one per bucket in use.
pub const BUCKET_FACTS_CACHED_MAX: usize = 10_000;

/// How often a verb looks again when buckets or tenants change while it begins.
pub const SEEN_ATTEMPTS_MAX: u32 = 8;

/// Rows fetched at once when a list must be walked to its end.
pub const WALK_PAGE: usize = 1_000;

/// How often a copy looks again when the part it wants to share is being released.
pub const COPY_ATTEMPTS_MAX: u32 = 4;

/// Parts per page when a manifest is walked.
pub const MANIFEST_PAGE: usize = 256;

const _: () = assert!(STRIPE_BYTES_MAX <= STRIPE_POOL_BYTES / 4, "a few full stripes fit");
const _: () = assert!(READ_WINDOW_BYTES.is_multiple_of(CHUNK_BYTES), "a window is whole chunks");
const _: () = assert!(
    LANES_MAX * CHUNK_BYTES
        + STRIPE_POOL_BYTES
        + PIPELINE_POOL_BYTES
        + LATE_BYTES_MAX
        + READ_POOL_BYTES
        <= 176 * 1024 * 1024,
    "what the object path buffers; the sum with the buffers of the S3 face is asserted there"
);

/// How long a write waits at least, once enough fragments are durable, for those that are
/// not: disks that are as fast as each other differ by that much.
pub const STRAGGLERS_WITHIN_MIN: Duration = Duration::from_millis(10);

/// How long it waits at most; in between, as long as enough took: then a site that is
/// slower makes a write take twice as long and no more.
pub const STRAGGLERS_WITHIN_MAX: Duration = Duration::from_millis(100);

/// How long it waits, where there is no memory to have late fragments go on behind it,
/// before these are given up.
pub const STRAGGLERS_WITHOUT_ROOM: Duration = Duration::from_millis(300);

/// For how long a disk is not waited for that was late. Each late fragment begins it anew,
/// so it is waited for again when it has been in time for as long.
pub const LATE_FOR: Duration = Duration::from_secs(5);

/// Late disks that are remembered; with more than these none is in time anyway.
pub const LATE_DISKS_MAX: usize = 256;

/// Memory of stripes of which fragments are late: so much is on its way to slow sites that
/// nobody waits for.
pub const LATE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Of that what one disk may hold, so that one does not take the room from the others:
/// eight seconds of a line of 1 MB/s.
pub const LATE_BYTES_OF_DISK_MAX: usize = LATE_BYTES_MAX / 2;

/// Buckets whose candidate sites are kept.
pub const PLACINGS_CACHED_MAX: usize = 4_096;

/// Placement policies that are kept as they were read: one for each text, and few buckets
/// have one of their own.
pub const POLICIES_CACHED_MAX: usize = 256;

/// How often a part is told of whose placement the site map has overtaken: each time the
/// map changed once more, and it does not change all the time.
pub const PLACED_ATTEMPTS_MAX: u32 = 4;
