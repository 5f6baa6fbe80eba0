//! Bounds of everything here that could grow.

use core::time::Duration;

/// Most bytes in the head of a call or a reply.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Most bytes of a body that is collected in memory.
pub const BODY_COLLECTED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most bytes in the reason of a refusal.
pub const REASON_BYTES_MAX: usize = 1024;

/// A connection on which nothing was heard for so long is given up: a heartbeat's
/// follower must not wait longer for a node that vanished without a word.
pub const SILENCE_NOTICED_AFTER: Duration = Duration::from_secs(2);

/// Most bytes that the simulated half hands on at once: whoever takes a body for one
/// piece meets several in a test.
pub const SIM_PIECE_BYTES_MAX: usize = 64 * 1024;

/// How long the simulated half takes to say that nobody is there: a caller that asks
/// again at once must not stop a paused clock.
pub const SIM_REFUSED_AFTER: Duration = Duration::from_millis(1);
