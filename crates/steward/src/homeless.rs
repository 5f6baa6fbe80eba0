//! Parts whose fragments could be rebuilt and have nowhere to go: too few disks take
//! writes, or none has the room.
//!
//! They can be read, with one loss less to spare, until somebody adds a disk; so they
//! are counted for whoever looks at the node. When there is room again their slots are tried
//! once more: one on a disk that was full is on no lost disk, and no walk would find it.

use std::collections::BTreeMap;

use caretaker::BadFragment;
use units::{FragmentNumber, PartId};

use crate::limits::{HOMELESS_LOOKED_AT, HOMELESS_MAX};
use crate::{Steward, StewardError};

/// The parts that wait for a disk, as the last repair of each found it.
#[derive(Debug, Default)]
pub(crate) struct Homeless {
    parts: BTreeMap<PartId, Vec<FragmentNumber>>,
    /// Up to where they were last held against the catalog.
    looked_at: Option<PartId>,
}

impl Homeless {
    /// Notes slots of which a repair found that they have nowhere to go; more parts than
    /// there is room for are not counted.
    pub(crate) fn note(&mut self, part: PartId, slots: &[FragmentNumber]) {
        if slots.is_empty() {
            self.parts.remove(&part);
        } else if self.parts.len() < HOMELESS_MAX {
            self.parts.insert(part, slots.to_vec());
        }
    }

    /// All slots that wait for a disk.
    pub(crate) fn slots(&self) -> Vec<BadFragment> {
        let of = |(part, slots): (&PartId, &Vec<FragmentNumber>)| {
            let part = *part;
            slots.iter().map(move |slot| BadFragment { part, slot: *slot }).collect::<Vec<_>>()
        };
        self.parts.iter().flat_map(of).collect()
    }

    pub(crate) fn count(&self) -> u64 {
        self.parts.len() as u64
    }

    /// The next few, and round.
    fn next(&mut self) -> Vec<PartId> {
        let after = |part: &PartId| self.looked_at.is_none_or(|last| *part > last);
        let next: Vec<PartId> =
            self.parts.keys().copied().filter(after).take(HOMELESS_LOOKED_AT).collect();
        self.looked_at = next.last().copied();
        next
    }
}

impl Steward {
    /// Forgets some of those that were deleted: no repair meets them any more.
    pub(crate) fn homeless_step(&self) -> Result<(), StewardError> {
        let next = self.shared.homeless.lock().next();
        if next.is_empty() {
            return Ok(());
        }
        let view = self.view();
        for part in next {
            if view.part(part)?.is_none_or(|row| row.references == 0) {
                self.shared.homeless.lock().note(part, &[]);
            }
        }
        self.count(|status| status.parts_homeless = self.shared.homeless.lock().count());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_until_it_has_a_home() {
        let mut homeless = Homeless::default();
        let part = PartId::from_u128;
        let slots = [FragmentNumber::new(0), FragmentNumber::new(2)];
        for number in [1, 2, 2, 3] {
            homeless.note(part(number), &slots);
        }
        homeless.note(part(3), &[]);
        assert_eq!(homeless.slots().len(), 4, "two of each");
        assert_eq!(homeless.count(), 2);
        assert_eq!(homeless.next(), [part(1), part(2)]);
        assert_eq!(homeless.next(), [], "the end");
        assert_eq!(homeless.next(), [part(1), part(2)], "and round");
    }
}
