//! Parts whose fragments could be rebuilt and have nowhere to go: too few disks take
//! writes, or none has the room.
//!
//! They can be read, with one loss less to spare, until somebody adds a disk; so they
//! are counted for whoever looks at the node.

use std::collections::BTreeSet;

use units::PartId;

use crate::limits::{HOMELESS_LOOKED_AT, HOMELESS_MAX};
use crate::{Steward, StewardError};

/// The parts that wait for a disk, as the last repair of each found it.
#[derive(Debug, Default)]
pub(crate) struct Homeless {
    parts: BTreeSet<PartId>,
    /// Up to where they were last held against the catalog.
    looked_at: Option<PartId>,
}

impl Homeless {
    /// Notes what a repair found; more than there is room for are not counted.
    pub(crate) fn note(&mut self, part: PartId, is_homeless: bool) {
        if !is_homeless {
            self.parts.remove(&part);
        } else if self.parts.len() < HOMELESS_MAX {
            self.parts.insert(part);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.parts.len() as u64
    }

    /// The next few, and round.
    fn next(&mut self) -> Vec<PartId> {
        let after = |part: &PartId| self.looked_at.is_none_or(|last| *part > last);
        let next: Vec<PartId> =
            self.parts.iter().copied().filter(after).take(HOMELESS_LOOKED_AT).collect();
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
                self.shared.homeless.lock().note(part, false);
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
        for number in [1, 2, 2, 3] {
            homeless.note(part(number), true);
        }
        homeless.note(part(3), false);
        assert_eq!(homeless.count(), 2);
        assert_eq!(homeless.next(), [part(1), part(2)]);
        assert_eq!(homeless.next(), [], "the end");
        assert_eq!(homeless.next(), [part(1), part(2)], "and round");
    }
}
