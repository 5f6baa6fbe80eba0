//! Every limit of the S3 face, each with the reason for its value.

use core::time::Duration;

/// Connections served at once; further ones wait in the listen queue. Each costs
/// about 20 KiB idle, so that all of them together stay under 100 MiB.
pub const CONNECTIONS_MAX: usize = 4_096;

/// How long a client may take to send a request head, and how long a connection
/// may stay idle between requests. Long enough for any pooling client, short
/// enough that silent connections do not use up [`CONNECTIONS_MAX`].
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest silence inside a request body before it is given up.
pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The window over which the least rate of a request body is judged.
pub const BODY_RATE_WINDOW: Duration = Duration::from_secs(120);

/// Least bytes a request body must bring per [`BODY_RATE_WINDOW`]: slower than any
/// radio link still worth serving, faster than a client that only holds on.
pub const BODY_RATE_BYTES_MIN: u64 = 4 * 1024;

/// Longest time a client may leave an answer unread before the connection is cut.
pub const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(120);

/// How long requests in flight may take to end once a stop was asked for.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Largest read buffer of a connection; the buffer starts small and grows only
/// while the client fills it.
pub const READ_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Longest request line and headers together; S3 allows 8 KiB, signed URLs with
/// many response overrides need a little more.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Most keys in a query string: twice what any S3 verb takes.
pub const QUERY_KEYS_MAX: usize = 64;

/// Largest XML document accepted in a request: a list of 10,000 parts with their
/// checksums is about 3 MB, 1,000 keys to delete at most 2 MB.
pub const XML_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most buckets whose parsed rules are remembered; at the worst 20 KiB of policy each.
pub const BUCKET_RULES_CACHED_MAX: usize = 4_096;

/// Most grants in an access control list, as S3 has it.
pub const GRANTS_MAX: usize = 100;

/// Longest validity of a presigned URL, in seconds (seven days, as S3).
pub const PRESIGNED_SECONDS_MAX: u64 = 604_800;

/// Most clock difference to a signing client (15 minutes, as S3), in seconds.
pub const CLOCK_SKEW_SECONDS_MAX: u32 = 900;

const _: () = assert!(HEAD_BYTES_MAX < READ_BUFFER_BYTES_MAX, "a request head fits the buffer");
const _: () = assert!(
    BODY_IDLE_TIMEOUT.as_secs() <= BODY_RATE_WINDOW.as_secs(),
    "silence is noticed before slowness"
);
