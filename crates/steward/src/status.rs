//! What the steward is doing, for status pages, metrics and `scrub --now`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{CustodyCounts, Losses, Moves};

/// Counters since the start, and what is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Released parts whose fragments were removed.
    pub parts_removed: u64,
    /// Parts condemned: failed writes and orphans.
    pub parts_condemned: u64,
    /// Fragments found damaged or missing.
    pub fragments_bad: u64,
    /// Fragments rebuilt and verified.
    pub fragments_repaired: u64,
    /// Parts of which something cannot be read; see [`crate::Steward::unreadable`].
    pub parts_unreadable: u64,
    /// Parts with fragments that could be rebuilt and have no disk to go to.
    pub parts_homeless: u64,
    /// Parts with one copy only on a site of several disks, as they were counted last;
    /// not known before that.
    pub parts_single: Option<u64>,
    /// Parts that had one copy and got another.
    pub copies_made: u64,
    /// What lies on disks that are missing; not known before it was counted.
    pub losses: Option<Losses>,
    /// Slots moved to another disk.
    pub slots_moved: u64,
    /// Parts that were cut anew, with another code.
    pub parts_recut: u64,
    /// Parts repaired here for other nodes.
    pub helped: u64,
    /// What is moving between sites, if this node does it; see [`Moves::of`] for what any
    /// node knows.
    #[serde(skip)]
    pub moves: Option<Moves>,
    /// What came of the questions of custody that this node asked.
    pub custody: CustodyCounts,
    /// Copies of fragments met where the catalog does not look for them.
    pub copies_met: u64,
    /// Copies of fragments removed that a repair had left.
    pub copies_removed: u64,
    /// Commands that lifecycle rules led to.
    pub lifecycle_commands: u64,
    /// Bytes given back by compaction.
    pub compacted_bytes: u64,
    /// Parts that wait for repair.
    pub repairs_waiting: u64,
    /// The scrub under way, or the last one.
    pub scrub: ScrubProgress,
    /// Duties that have panicked: why each pauses now, or nothing if it goes on.
    pub duties_panicked: BTreeMap<&'static str, Option<String>>,
    /// The last failed step, in words.
    pub last_error: Option<String>,
}

/// How far a scrub is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScrubProgress {
    /// Whether one is under way.
    pub running: bool,
    /// How many whole scrubs have ended since the start.
    pub rounds: u64,
    /// Bytes to be read in this round, as known at its start.
    pub bytes_total: u64,
    /// Bytes read so far.
    pub bytes_done: u64,
    /// Fragments read so far.
    pub fragments: u64,
    /// Fragments found bad in this round.
    pub bad: u64,
    /// Of these, fragments that are good again, or of parts deleted meanwhile.
    pub repaired: u64,
    /// Of these, fragments that could not be rebuilt.
    pub lost: u64,
    /// Of these, fragments that could be rebuilt and have no disk to go to now, or could
    /// not be written.
    pub homeless: u64,
    /// Of these, fragments whose repair has not been tried yet.
    pub waiting: u64,
    /// Of these, fragments whose repair is deferred: the catalog takes no command, so it
    /// could not be told where they are, or the repair panicked. They are tried again
    /// after a pause.
    pub deferred: u64,
    /// When the last round ended, in microseconds since 1970.
    pub finished_micros: Option<i64>,
}
