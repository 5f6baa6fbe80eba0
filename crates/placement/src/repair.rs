//! Choosing where a fragment is rebuilt.

use units::{ByteCount, DiskId, Random};

use crate::DiskFacts;
use crate::place::draw;

/// A healthy disk with room that holds no slot of the part yet, or the slot's own
/// disk if that is healthy (a bad fragment is then rewritten in place).
pub fn replacement(
    disks: &[DiskFacts],
    slots: &[DiskId],
    lost: DiskId,
    need: ByteCount,
    random: &dyn Random,
) -> Option<DiskId> {
    let sound = |disk: &DiskFacts| disk.healthy && disk.free >= need;
    if disks.iter().any(|disk| disk.id == lost && sound(disk)) {
        return Some(lost);
    }
    another(disks, slots, need, random)
}

/// A healthy disk with room that holds no slot of the part yet.
pub fn another(
    disks: &[DiskFacts],
    slots: &[DiskId],
    need: ByteCount,
    random: &dyn Random,
) -> Option<DiskId> {
    let sound = |disk: &DiskFacts| disk.healthy && disk.free >= need;
    let candidates: Vec<DiskFacts> =
        disks.iter().copied().filter(|disk| sound(disk) && !slots.contains(&disk.id)).collect();
    if candidates.is_empty() {
        return None;
    }
    let chosen = candidates.get(draw(&candidates, random))?.id;
    assert!(!slots.contains(&chosen), "a repair never puts two fragments on one disk");
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use units::SimRandom;

    use super::*;

    #[test]
    fn a_replacement_is_never_a_disk_of_the_part() {
        let disk = |number: u128, healthy| DiskFacts {
            id: DiskId::from_u128(number),
            healthy,
            free: ByteCount::new(10),
            removed: ByteCount::ZERO,
        };
        let id = DiskId::from_u128;
        let random = SimRandom::seeded(3);
        let check = |disks: &[DiskFacts], expected: Option<u128>| {
            let got = replacement(disks, &[id(1), id(2)], id(2), ByteCount::new(5), &random);
            assert_eq!(got, expected.map(id));
        };
        check(&[disk(1, true), disk(2, true), disk(3, true)], Some(2));
        check(&[disk(1, true), disk(2, false), disk(3, true)], Some(3));
        check(&[disk(1, true), disk(2, false)], None);
        check(&[disk(1, true), disk(2, false), disk(3, false)], None);
    }
}
