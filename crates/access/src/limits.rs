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
