//! How far a leader has told others that the log is committed.
//!
//! ```text
//!  leader    8 9 │ 10 committed, told, not applied yet
//!  follower  8 9   10 │ applied: shown to whoever reads here
//! ```
//! Whoever is told may apply an entry before the leader has, and show it. What one reader
//! was shown every later reader is to be shown, and be judged by: so a leader is read, and
//! compares rules, only where it has applied all that it told.

use std::sync::atomic::{AtomicU64, Ordering};

use units::{LogIndex, planted};

use crate::log::record::EntryId;

/// The last entry that this node, as a leader, told another to be committed. It stays so:
/// what is committed is never cut off.
#[derive(Debug, Default)]
pub(crate) struct Told(AtomicU64);

impl Told {
    /// It is about to be told.
    pub(crate) fn note(&self, committed: Option<EntryId>) {
        let index = committed.map_or(0, |id| id.index);
        if !planted::is_on("consensus-read-untold") {
            self.0.fetch_max(index, Ordering::AcqRel);
        }
    }

    /// The last one.
    pub(crate) fn last(&self) -> LogIndex {
        LogIndex::new(self.0.load(Ordering::Acquire))
    }
}
