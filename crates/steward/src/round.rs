//! What the scrub round under way has found, until each was repaired or given up.
//!
//! Repairs take longer than finding, and go on after the round; whoever asked for the
//! round wants to know what became of what *it* found, not of everything since the
//! start.

use std::collections::BTreeMap;

use units::{FragmentNumber, PartId};

/// Bad fragments per slot whose repair has not been tried yet.
///
/// As many slots as the repair queue holds at most, and the few it is at work on.
#[derive(Debug, Default)]
pub(crate) struct RoundFindings {
    slots: BTreeMap<(PartId, FragmentNumber), u64>,
    waiting: u64,
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
        found
    }

    /// Gives up what nobody will come back to before the next round; says how many.
    pub(crate) fn give_up(&mut self) -> u64 {
        self.slots.clear();
        core::mem::take(&mut self.waiting)
    }

    /// How many fragments wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting
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
}
