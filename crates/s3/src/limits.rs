//! Every limit of the S3 face, each with the reason for its value.

use core::time::Duration;

/// Connections served at once; further ones make a stranger go, or wait. Each costs
/// about 20 KiB idle, so that all of them together stay under 100 MiB.
pub const CONNECTIONS_MAX: usize = 4_096;

/// Of all connections one in so many is a stranger's: a client of which no request of a
/// key was seen yet. What 1,024 of them can make the node keep of their heads is 20 MiB.
pub const STRANGERS_PART: usize = 4;

/// So many may be strangers' while others have no use for the places.
pub const STRANGERS_MIN: usize = 256;

/// How long a stranger is not cut after it came or was served. With 1,024 of them, the
/// node takes at least 4,096 connections a second.
pub const STRANGER_SPARED: Duration = Duration::from_millis(250);

/// Connections from one address, unless a setting says otherwise: half of all, so
/// that one host cannot shut out the others, and a TLS front with one connection
/// per client still serves many.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = CONNECTIONS_MAX / 2;

/// Longest body of a write that is decided before this node has caught up: what may lie in
/// the catalog itself, and the framing of chunks around it. It is kept until the answer.
pub const HASTY_BYTES_MAX: u64 = units::limits::INLINE_BYTES_MAX as u64 + 1024;

/// Turns per core of one tenant alone, unless a setting says otherwise: enough to
/// fill a group commit while others are computed.
pub const TURNS_PER_CORE: usize = 16;

/// Turns per core when several tenants ask: few, so that one is over soon.
pub const TURNS_PER_CORE_SHARED: usize = 1;

/// Rows a listing looks at in one go: any page of keys in one, and never long.
pub const LIST_SLICE_ROWS: usize = 4_096;

/// The same in company: about half a millisecond.
pub const LIST_SLICE_ROWS_SHARED: usize = 200;

/// How long company lasts, and over how long it is judged whether there is some.
pub const COMPANY_LASTS: Duration = Duration::from_millis(500);

/// How often, in that time, who asks must be another than who asked before: four
/// requests of one amid those of others. Who looks in twice a second is no company.
pub const COMPANY_CHANGES_MIN: u64 = 8;

/// How long a page of a listing is looked for before it ends early.
pub const LIST_TIME_MAX: Duration = Duration::from_secs(5);

/// Tasks a thread runs before it looks for bytes that came and answers that are
/// due. Each may take a millisecond: with the usual 61, who had just come would
/// wait behind all of them.
pub const EVENT_INTERVAL: u32 = 4;

/// Turns one tenant is sure of, by express ones if the others are taken: they are
/// for those who ask little.
pub const SURE_PER_LANE: usize = 4;

/// Longest wait for a turn before a request is told to slow down.
pub const TURN_WAIT_MAX: Duration = Duration::from_secs(30);

/// Uploads of one tenant whose bodies may be long in coming: some fewer than the
/// object path takes in all, so that a thousand slow clients of one tenant leave
/// room for the others' uploads.
pub const UPLOADS_PER_TENANT_MAX: usize = 1_024;

/// Shards of the rate limiter: requests of different tenants rarely meet.
pub const RATE_SHARDS: usize = 16;

/// How long a client may take to send a request head, and how long a connection
/// may stay idle between requests. Long enough for any pooling client, short
/// enough that silent connections do not use up [`CONNECTIONS_MAX`].
pub const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// Longest silence inside a request body before it is given up.
pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The window over which the least rate of a request body is judged.
pub const BODY_RATE_WINDOW: Duration = Duration::from_mins(2);

/// Least bytes a request body must bring per [`BODY_RATE_WINDOW`]: slower than any
/// radio link still worth serving, faster than a client that only holds on.
pub const BODY_RATE_BYTES_MIN: u64 = 4 * 1024;

/// Longest time a client may leave an answer unread before the connection is cut.
pub const WRITE_STALL_TIMEOUT: Duration = Duration::from_mins(2);

/// How long the rest of a refused upload is read away so that its client, still sending,
/// comes to read the answer.
pub const LINGER_TIME_MAX: Duration = Duration::from_secs(5);

/// Bytes that are read away at the most: eight parts of an upload as most clients cut
/// them. Who sends more finds the connection reset.
pub const LINGER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes read away in one go.
pub const LINGER_PIECE_BYTES: usize = 16 * 1024;

/// Connections whose rest is read away at a time: clients refused in the midst of what they
/// send are few, and who floods the node with such shall not keep its threads busy.
pub const LINGERING_MAX: usize = 64;

const _: () = assert!(LINGER_TIME_MAX.as_secs() < SHUTDOWN_GRACE.as_secs());

/// How long requests in flight may take to end once a stop was asked for.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Bytes of a request, and again of an answer, that wait at a connection: a little more than the longest head,
/// so that what clients do not send to the end or do not read stays small. Buffers
/// start small and grow only while they are filled.
pub const CONNECTION_BUFFER_BYTES_MAX: usize = 20 * 1024;

/// Longest request line and headers together; S3 allows 8 KiB, signed URLs with
/// many response overrides need a little more.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Most keys in a query string: twice what any S3 verb takes.
pub const QUERY_KEYS_MAX: usize = 64;

/// Largest XML document accepted in a request: a list of 10,000 parts with their
/// checksums is about 3 MB, 1,000 keys to delete at most 2 MB.
pub const XML_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Memory for documents and signed chunks that have not come to their end, over all
/// tenants: four may have the largest of either at once, beside the pools of the
/// object path.
pub const GATHERED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What of it one tenant may have: one of the largest. Without,
/// its [`UPLOADS_PER_TENANT_MAX`] signed chunks of 4 MiB would be 4 GiB.
pub const GATHERED_LANE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of a signed chunk that are not asked for: most clients sign 64 KiB, and a
/// thousand slow ones of them are to be served at once. With all the uploads that the
/// object path takes, 1,088 x 64 KiB = 68 MiB. An upload whose chunk is longer and waits
/// has kept nothing of it but what lies at its connection, another
/// [`CONNECTION_BUFFER_BYTES_MAX`].
pub const GATHERED_CHUNK_FREE_BYTES: usize = units::limits::CHUNK_BYTES;

/// Bytes of a document that are not asked for: nearly all are shorter. With all
/// connections, 4,096 x 16 KiB = 64 MiB.
pub const GATHERED_DOCUMENT_FREE_BYTES: usize = 16 * 1024;

/// Longest wait for that memory before a request is told to slow down: as for a turn.
pub const GATHERED_WAIT_MAX: Duration = TURN_WAIT_MAX;

/// How long the client of a document or chunk that was asked for is waited for in all
/// once somebody else waits for that memory, besides what its bytes take at
/// [`GATHERED_RATE_BYTES_MIN`]: 124 seconds for the largest. At the pace that is enough
/// for bodies which nobody else waits for ([`BODY_RATE_BYTES_MIN`]) it could hold on for
/// 34 hours.
pub const GATHERED_HOLD_MIN: Duration = Duration::from_mins(1);

/// Bytes a second of a document or chunk that was asked for.
pub const GATHERED_RATE_BYTES_MIN: u32 = 64 * 1024;

/// Lanes remembered before those that hold nothing are forgotten.
pub const GATHERED_LANES_KEPT: usize = 1_024;

const _: () = assert!(
    XML_BODY_BYTES_MAX <= GATHERED_LANE_BYTES_MAX
        && SIGNED_CHUNK_BYTES_MAX <= GATHERED_LANE_BYTES_MAX as u64
        && GATHERED_LANE_BYTES_MAX <= GATHERED_BYTES_MAX / 4,
    "whatever is accepted fits a lane, and one lane leaves room for others"
);

/// Most buckets whose parsed rules are remembered; at the worst 20 KiB of policy each.
pub const BUCKET_RULES_CACHED_MAX: usize = 4_096;

/// Most grants in an access control list, as S3 has it.
pub const GRANTS_MAX: usize = 100;

/// Most buckets in one page of a listing of buckets, as S3 has it.
pub const BUCKETS_LISTED_MAX: usize = 10_000;

/// Most lines in one page of a listing, as S3 has it.
pub const KEYS_LISTED_MAX: usize = 1_000;

/// Longest default retention in days: a hundred years, as S3 has it.
pub const RETENTION_DAYS_MAX: u32 = 36_500;

/// Longest default retention in years, as S3 has it.
pub const RETENTION_YEARS_MAX: u32 = 100;

/// Most tags on a bucket, as S3 has it.
pub const BUCKET_TAGS_MAX: usize = 50;

/// Most rules in a lifecycle document, as S3 has it.
pub const LIFECYCLE_RULES_MAX: usize = 1_000;

/// Longest id of a lifecycle rule, in characters, as S3 has it.
pub const LIFECYCLE_ID_CHARACTERS_MAX: usize = 255;

/// Most noncurrent versions that a lifecycle rule may keep, as S3 has it.
pub const NEWER_VERSIONS_MAX: u32 = 100;

/// Most routing rules of a website, as S3 has it.
pub const WEBSITE_RULES_MAX: usize = 50;

/// Longest validity of a presigned URL, in seconds (seven days, as S3).
pub const PRESIGNED_SECONDS_MAX: u64 = 604_800;

/// Most clock difference to a signing client (15 minutes, as S3), in seconds.
pub const CLOCK_SKEW_SECONDS_MAX: u32 = 900;

const _: () =
    assert!(HEAD_BYTES_MAX < CONNECTION_BUFFER_BYTES_MAX, "a request head fits the buffer");
const _: () = assert!(
    BODY_IDLE_TIMEOUT.as_secs() <= BODY_RATE_WINDOW.as_secs(),
    "silence is noticed before slowness"
);

/// A size line of an `aws-chunked` body: eight digits and a signature take 90 bytes.
pub const CHUNK_LINE_BYTES_MAX: usize = 256;

/// The protocol library holds a signed chunk until its signature is verified;
/// clients send 64 KiB to 1 MiB.
pub const SIGNED_CHUNK_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// All trailing headers of an `aws-chunked` body; a checksum and a signature take 200 bytes.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// Fields before the file of a POST form, headers included, as S3 has it. They are held
/// before the signature among them is checked: with all connections, 4,096 x 20 KiB =
/// 80 MiB, and once more while fields are cut out of what came.
pub const FORM_FIELDS_BYTES_MAX: usize = 20 * 1024;

/// How many fields a POST form may have before its file.
pub const FORM_FIELDS_MAX: usize = 200;

/// User metadata of an object, names and values: the 2 KB of S3.
pub const METADATA_BYTES_MAX: usize = 2 * 1024;

/// Tags of an object, as S3.
pub const TAGS_MAX: usize = 10;

/// Characters of a tag's key, as S3.
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;

/// Characters of a tag's value, as S3.
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;

/// Lines of a `DeleteObjects` document, as S3.
pub const DELETES_MAX: usize = 1_000;

/// Parts in one page of `ListParts` or `GetObjectAttributes`, as S3.
pub const PART_LINES_MAX: u16 = 1_000;

/// Conditions of a POST policy.
pub const POLICY_CONDITIONS_MAX: usize = 200;

/// A body in HTTP chunks that does not say its length is held until it ends, before
/// its signature is checked; S3 refuses all of them, small ones are worth serving. No
/// more than what every document may hold unasked.
pub const UNMEASURED_BYTES_MAX: usize = GATHERED_DOCUMENT_FREE_BYTES;

/// Threads of each worker for what may block: hashing and sealing of large bodies.
pub const WORKER_BLOCKING_THREADS_MAX: usize = 64;

const _: () = assert!(
    UPLOADS_PER_TENANT_MAX < objects::limits::LANES_MAX,
    "one tenant cannot take all the room for uploads"
);
const _: () = assert!(CONNECTIONS_PER_ADDRESS_MAX <= CONNECTIONS_MAX, "some of all");

/// What the process holds at the most with a thousand slow uploads and a huge one beside
/// them: measured by `bench memory`, which fails beyond it. With clients of which half
/// sign their chunks it is not kept yet (docs/benchmarks).
pub const RESIDENT_BYTES_PROMISED: usize = 250 * 1024 * 1024;

/// The slow uploads of that promise.
const SLOW_UPLOADS_PROMISED: usize = 1_000;

/// All that the pools can give out at once, whoever asks.
const POOLS_BYTES: usize = objects::limits::STRIPE_POOL_BYTES
    + objects::limits::PIPELINE_POOL_BYTES
    + objects::limits::READ_POOL_BYTES
    + GATHERED_BYTES_MAX;

/// What a connection or upload may hold without asking, if all did at once: a stripe and
/// a signed chunk of each upload, a head of each stranger, a document of each other
/// connection, of which a stranger's form is the largest; what is read away.
const UNASKED_BYTES: usize = objects::limits::LANES_MAX
    * (units::limits::CHUNK_BYTES + GATHERED_CHUNK_FREE_BYTES)
    + CONNECTIONS_MAX / STRANGERS_PART * (CONNECTION_BUFFER_BYTES_MAX + FORM_FIELDS_BYTES_MAX)
    + (CONNECTIONS_MAX - CONNECTIONS_MAX / STRANGERS_PART) * GATHERED_DOCUMENT_FREE_BYTES
    + LINGERING_MAX * LINGER_PIECE_BYTES;

const _: () = assert!(
    POOLS_BYTES + SLOW_UPLOADS_PROMISED * GATHERED_CHUNK_FREE_BYTES
        <= RESIDENT_BYTES_PROMISED - 48 * 1024 * 1024,
    "all pools given out, and a chunk of each slow upload, which is in a stripe or on its way \
     there, leave room for the catalog and the connections"
);

const _: () = assert!(
    POOLS_BYTES + UNASKED_BYTES <= 2 * RESIDENT_BYTES_PROMISED,
    "all buffers there are, filled at once by every connection: beyond the promise, and known"
);
