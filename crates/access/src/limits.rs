//! What bounds the rules that clients may store, and what is remembered of clients.

/// Largest bucket policy, in bytes; as AWS has it.
pub const POLICY_BYTES_MAX: usize = 20 * 1024;

/// Most statements in a bucket policy.
pub const STATEMENTS_MAX: usize = 256;

/// Most values in one list of a policy (actions, resources, principals, condition values).
pub const POLICY_VALUES_MAX: usize = 1_024;

/// Most nested values in a policy document; a policy needs six.
pub const POLICY_DEPTH_MAX: usize = 16;

/// Most rules in a CORS document; as AWS has it.
pub const CORS_RULES_MAX: usize = 100;

/// Most origins, methods or headers in one CORS rule.
pub const CORS_VALUES_MAX: usize = 100;

/// Most buckets of tokens that a rate limiter remembers.
pub const RATE_ENTRIES_MAX: usize = 65_536;

/// Longest text that a wildcard pattern is matched against, in bytes.
pub const WILDCARD_TEXT_BYTES_MAX: usize = 16 * 1024;

/// How often at most a full rate table is swept, in seconds: it looks at every entry.
pub const RATE_SWEEP_SECONDS: u64 = 1;

/// Most requests of one lane that wait for a turn; one more is told to slow down.
pub const LANE_WAITING_MAX: usize = 1_024;

/// Most requests that wait for a turn in all; no more than connections.
pub const WAITING_MAX: usize = 8_192;

/// Most lanes remembered beside those that somebody waits in.
pub const LANES_MAX: usize = 4_096;

/// What a lane's first turn is taken to cost, in microseconds: a small request.
pub const TURN_COST_MICROS_FIRST: u64 = 200;

/// Wrong signatures from one address before it is shut out: more than any client
/// retries with a mistyped secret.
pub const BAN_FAILURES: u32 = 30;

/// How long without a failure until the earlier ones are forgotten, in seconds.
pub const BAN_FAILURES_FORGOTTEN_SECONDS: u64 = 3_600;

/// The first ban of an address, in seconds; each further one is twice as long.
pub const BAN_SECONDS: u64 = 60;

/// The longest ban, in seconds.
pub const BAN_SECONDS_MAX: u64 = 3_600;

/// Most addresses whose failures are remembered: about 5 MiB.
pub const BANS_MAX: usize = 32_768;

const _: () = assert!(LANE_WAITING_MAX < WAITING_MAX, "one lane cannot take all the room");
const _: () = assert!(BAN_SECONDS <= BAN_SECONDS_MAX, "a ban is no longer than the longest");
