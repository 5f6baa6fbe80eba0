//! Where the entries are: shared by the log's writer and its readers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use disk::DiskFile;

use crate::log::Salt;
use crate::log::record::{Ballot, EntryId};

/// Where one entry is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) id: EntryId,
    /// The segment it is in.
    pub(crate) segment: u64,
    /// Where its frame begins.
    pub(crate) offset: u64,
    /// Bytes of frame and payload.
    pub(crate) length: usize,
}

/// The file of a segment, and what its records are read with.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) salt: Salt,
}

/// What the records of the log add up to. Entries follow each other without gaps.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) slots: VecDeque<Slot>,
    pub(crate) files: BTreeMap<u64, Opened>,
    pub(crate) vote: Option<Ballot>,
    pub(crate) committed: Option<EntryId>,
    pub(crate) purged: Option<EntryId>,
    /// Bytes in all segments.
    pub(crate) bytes: u64,
}

impl Index {
    /// The last entry, or what was purged last if there is none.
    pub(crate) fn last(&self) -> Option<EntryId> {
        self.slots.back().map(|slot| slot.id).max(self.purged)
    }

    /// Index that the next entry must have; an empty log takes any.
    pub(crate) fn next_index(&self) -> u64 {
        self.last().map_or(0, |id| id.index + 1)
    }

    /// Whether an entry of this index may be appended.
    pub(crate) fn follows(&self, index: u64) -> bool {
        self.last().is_none_or(|last| index == last.index + 1)
    }

    /// Forgets this entry and all later ones.
    pub(crate) fn truncate(&mut self, from: u64) {
        while self.slots.back().is_some_and(|slot| slot.id.index >= from) {
            self.slots.pop_back();
        }
    }

    /// Forgets this entry and all earlier ones.
    pub(crate) fn purge(&mut self, upto: EntryId) {
        while self.slots.front().is_some_and(|slot| slot.id.index <= upto.index) {
            self.slots.pop_front();
        }
        self.purged = self.purged.max(Some(upto));
    }

    /// Where this entry is.
    pub(crate) fn slot(&self, index: u64) -> Option<Slot> {
        let first = self.slots.front()?.id.index;
        let place = usize::try_from(index.checked_sub(first)?).ok()?;
        self.slots.get(place).copied()
    }
}
