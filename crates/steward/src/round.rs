//! What the scrub round under way has found, until each was repaired or given up.
//!
//! Repairs take longer than finding, and go on after the round; whoever asked for the
//! round wants to know what became of what *it* found, not of everything since the
//! start. A repair that is deferred, since the catalog takes no command, is no verdict:
//! its fragments wait for another attempt, beside those that were not tried yet. That
//! attempt settles them whatever it finds: good, rebuilt, deleted, or not to be rebuilt.

use std::collections::BTreeMap;

use units::{FragmentNumber, PartId};

use crate::limits::DEFERRED_SLOTS_MAX;

/// Bad fragments per slot that are neither repaired nor given up.
///
/// As many slots wait as the repair queue holds at most, and the few it is at work on.
#[derive(Debug, Default)]
pub(crate) struct RoundFindings {
    /// Their repair has not been tried yet.
    slots: BTreeMap<(PartId, FragmentNumber), u64>,
    waiting: u64,
    /// Their repair was deferred; of more than [`DEFERRED_SLOTS_MAX`] slots it is known
    /// only how many fragments.
    later: BTreeMap<(PartId, FragmentNumber), u64>,
    deferred: u64,
}

impl RoundFindings {
    /// Notes one more bad fragment of a slot.
    pub(crate) fn add(&mut self, part: PartId, slot: FragmentNumber) {
        *self.slots.entry((part, slot)).or_default() += 1;
        self.waiting += 1;
    }

    /// The slot has been dealt with: how many fragments of it the round had found.
    pub(crate) fn settle(&mut self, part: PartId, slot: FragmentNumber) -> u64 {
        let found = self.slots.remove(&(part, slot)).unwrap_or(0);
        self.waiting -= found;
        let later = self.later.remove(&(part, slot)).unwrap_or(0);
        self.deferred -= later;
        found + later
    }

    /// The repair of the slot was deferred.
    pub(crate) fn defer(&mut self, part: PartId, slot: FragmentNumber) {
        let found = self.slots.remove(&(part, slot)).unwrap_or(0);
        self.waiting -= found;
        self.deferred += found;
        if found > 0 && self.later.len() < DEFERRED_SLOTS_MAX {
            *self.later.entry((part, slot)).or_default() += found;
        }
    }

    /// A round begins: nothing was found yet.
    pub(crate) fn begin(&mut self) {
        *self = Self::default();
    }

    /// Gives up what nobody will come back to before the next round; says how many.
    pub(crate) fn give_up(&mut self) -> u64 {
        self.slots.clear();
        core::mem::take(&mut self.waiting)
    }

    /// Nothing is put off any more: what is still counted is of slots that were not
    /// remembered, or whose repair the queue had no room for; the next scan finds it.
    pub(crate) fn deferred_end(&mut self) {
        self.later.clear();
        self.deferred = 0;
    }

    /// How many fragments wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// How many fragments wait whose repair was deferred.
    pub(crate) fn deferred(&self) -> u64 {
        self.deferred
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_settled_once() {
        let (part, slot) = (PartId::from_u128(1), FragmentNumber::new(0));
        let mut found = RoundFindings::default();
        found.add(part, slot);
        found.add(part, slot);
        found.add(part, FragmentNumber::new(1));
        assert_eq!(found.waiting(), 3);
        assert_eq!(found.settle(part, slot), 2);
        assert_eq!(found.settle(part, slot), 0);
        assert_eq!(found.give_up(), 1);
        assert_eq!(found.waiting(), 0);
    }

    #[test]
    fn what_was_deferred_is_not_given_up_and_can_still_be_settled() {
        let (part, slot) = (PartId::from_u128(1), FragmentNumber::new(0));
        let mut found = RoundFindings::default();
        found.add(part, slot);
        found.add(part, FragmentNumber::new(1));
        found.defer(part, slot);
        // A slot of which this round found nothing.
        found.defer(part, FragmentNumber::new(2));
        assert_eq!((found.waiting(), found.deferred()), (1, 1));
        assert_eq!(found.give_up(), 1);
        assert_eq!(found.deferred(), 1);
        assert_eq!(found.settle(part, slot), 1);
        assert_eq!((found.waiting(), found.deferred()), (0, 0));
        for number in 0..=DEFERRED_SLOTS_MAX as u128 {
            found.add(PartId::from_u128(number), slot);
            found.defer(PartId::from_u128(number), slot);
        }
        assert_eq!(found.later.len(), DEFERRED_SLOTS_MAX);
        assert_eq!(found.deferred(), DEFERRED_SLOTS_MAX as u64 + 1);
        found.deferred_end();
        assert_eq!((found.later.len(), found.deferred()), (0, 0));
        found.add(part, slot);
        found.defer(part, slot);
        found.begin();
        assert_eq!(found.deferred(), 0);
    }
}
