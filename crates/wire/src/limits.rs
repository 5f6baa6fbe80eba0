//! Bounds of everything here that could grow.

/// Most bytes in the head of a call or a reply.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Most bytes of a body that is collected in memory.
pub const BODY_COLLECTED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most bytes in the reason of a refusal.
pub const REASON_BYTES_MAX: usize = 1024;
