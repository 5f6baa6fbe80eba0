//! How long is waited for another node.

use core::time::Duration;

use crate::limits::{
    ASK_WITHIN, ELSEWHERE_WITHIN, PROVE_WITHIN, READ_LONGEST, READ_WITHIN, REPORT_AGE_MAX,
    REPORT_EVERY, SILENT_AFTER, UPKEEP_LONGEST, WRITE_LONGEST, WRITE_WITHIN,
};

/// How long is waited for one answer.
///
/// A dead node and a slow link look the same to whoever waits for a reply. What tells
/// them apart is whether anything at all comes from the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a node of which nothing is heard.
    pub within: Duration,
    /// For one that is heard of.
    pub longest: Duration,
}

/// How long is waited for what; tests make them short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For appends and removals.
    pub write: Patience,
    /// For bytes.
    pub read: Patience,
    /// For answers from memory.
    pub ask: Patience,
    /// For whoever may have a fragment elsewhere.
    pub elsewhere: Patience,
    /// For a proof of custody.
    pub prove: Patience,
    /// For bytes of repairs and moves, which others overtake.
    pub upkeep: Patience,
    /// Without a byte from it for so long, a node is silent.
    pub silent_after: Duration,
    /// From one report of a node to the next.
    pub report_every: Duration,
    /// A report says nothing any more when it is older.
    pub report_age_max: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        let flat = |within| Patience { within, longest: within };
        Self {
            write: Patience { within: WRITE_WITHIN, longest: WRITE_LONGEST },
            read: Patience { within: READ_WITHIN, longest: READ_LONGEST },
            ask: flat(ASK_WITHIN),
            elsewhere: flat(ELSEWHERE_WITHIN),
            prove: flat(PROVE_WITHIN),
            upkeep: Patience { within: WRITE_WITHIN, longest: UPKEEP_LONGEST },
            silent_after: SILENT_AFTER,
            report_every: REPORT_EVERY,
            report_age_max: REPORT_AGE_MAX,
        }
    }
}
