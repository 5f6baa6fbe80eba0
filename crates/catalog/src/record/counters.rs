//! Counters: the one row of numbers that only grow.
//!
//! ```text
//! 1 | next version ordinal | last event | oldest event kept | next place in the release queue
//! ```

use serde::{Deserialize, Serialize};
use units::Sequence;

/// The counters' row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Ordinals given to versions so far.
    pub ordinal: u64,
    /// The newest event; zero if there was none.
    pub newest_event: Sequence,
    /// Events up to and including this one were dropped.
    pub dropped_events: Sequence,
    /// Places given in the release queue so far.
    pub release: u64,
}
