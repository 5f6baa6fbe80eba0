//! Choosing the disks of a part.

use std::collections::BTreeSet;

use thiserror::Error;
use units::{ByteCount, DiskId, Random};

use crate::{DiskFacts, Geometry};

/// Why a part cannot be placed now.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlaceError {
    /// No disk takes writes.
    #[error("no disk of the site is healthy")]
    NoHealthyDisk,
    /// One disk of several takes writes: what it took would not survive its loss.
    #[error("only one of the {expected} disks takes writes, and one copy is none to spare")]
    OneDiskLeft {
        /// Disks the site counts on, missing ones among them.
        expected: usize,
    },
    /// Too few disks have room for it.
    #[error("{wanted} disks with {need} bytes free are needed, {found} have them")]
    NoRoom {
        /// How many disks the promise needs at least.
        wanted: usize,
        /// How many have room.
        found: usize,
        /// Room needed on each.
        need: ByteCount,
    },
}

/// The disks of a part, slot by slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// How stripes are cut.
    pub geometry: Geometry,
    /// The disk of each fragment number.
    pub slots: Vec<DiskId>,
}

impl Placement {
    /// Whether the placement keeps what it promises on these disks: one slot per
    /// fragment, no disk twice, every disk healthy and with room.
    pub fn check(&self, disks: &[DiskFacts], need: ByteCount) -> bool {
        let distinct: BTreeSet<_> = self.slots.iter().collect();
        let sound = |slot: &DiskId| {
            disks.iter().any(|disk| disk.id == *slot && disk.healthy && disk.free >= need)
        };
        self.slots.len() == usize::from(self.geometry.total())
            && distinct.len() == self.slots.len()
            && self.slots.iter().all(sound)
    }
}

/// Chooses geometry and disks for a part that needs up to `need` bytes per disk.
///
/// Disks are drawn without replacement, with their free room as weight.
/// `disks` are all that the site counts on, healthy or not: a site of several keeps the
/// promise that any one of them may be lost, or takes no write.
pub fn place(
    disks: &[DiskFacts],
    need: ByteCount,
    random: &dyn Random,
) -> Result<Placement, PlaceError> {
    let healthy = disks.iter().filter(|disk| disk.healthy).count();
    let promised = Geometry::for_domains(healthy).ok_or(PlaceError::NoHealthyDisk)?;
    if promised.parity() == 0 && disks.len() > 1 {
        return Err(PlaceError::OneDiskLeft { expected: disks.len() });
    }
    let mut candidates: Vec<DiskFacts> =
        disks.iter().copied().filter(|disk| disk.healthy && disk.free >= need).collect();
    let geometry = promised.narrowed(candidates.len()).ok_or(PlaceError::NoRoom {
        wanted: usize::from(promised.parity()) + 1,
        found: candidates.len(),
        need,
    })?;
    let mut slots = Vec::with_capacity(usize::from(geometry.total()));
    while slots.len() < usize::from(geometry.total()) {
        slots.push(candidates.swap_remove(draw(&candidates, random)).id);
    }
    let placement = Placement { geometry, slots };
    assert!(placement.check(disks, need), "a placement must keep what it promises");
    Ok(placement)
}

/// The position of a disk drawn with its free room as weight; the list is not empty.
pub(crate) fn draw(candidates: &[DiskFacts], random: &dyn Random) -> usize {
    let weights: Vec<u128> = candidates.iter().map(|disk| u128::from(disk.free.get())).collect();
    draw_by_weight(&weights, random)
}

/// A position drawn by its weight, one more than is given so that none is zero.
pub(crate) fn draw_by_weight(weights: &[u128], random: &dyn Random) -> usize {
    // Beyond 2^64 weights are made coarser together, so that no product overflows.
    let bits_all = u128::BITS - weights.iter().sum::<u128>().leading_zeros();
    let coarser = bits_all.saturating_sub(u64::BITS);
    let weight = |given: &u128| (given >> coarser) + 1;
    let total: u128 = weights.iter().map(weight).sum();
    let mut bits = [0_u8; 8];
    random.fill(&mut bits);
    // A 64-bit fraction of the total: the bias is below one part in 2^64.
    let mut point = (u128::from(u64::from_le_bytes(bits)) * (total >> 1)) >> 63;
    for (position, given) in weights.iter().enumerate() {
        let weight = weight(given);
        if point < weight {
            return position;
        }
        point -= weight;
    }
    weights.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use units::SimRandom;

    use super::*;

    fn disk(number: u128, free: u64, healthy: bool) -> DiskFacts {
        let (id, removed) = (DiskId::from_u128(number), ByteCount::ZERO);
        DiskFacts { id, healthy, free: ByteCount::new(free), removed }
    }

    fn check(disks: &[DiskFacts], expected: Result<(u8, u8), PlaceError>) {
        let need = ByteCount::new(100);
        let placed = place(disks, need, &SimRandom::seeded(7));
        let geometry = placed.map(|p| (p.geometry.data(), p.geometry.parity()));
        assert_eq!(geometry, expected, "{disks:?}");
    }

    #[test]
    fn geometry_follows_the_healthy_disks() {
        let full = |n| disk(n, 10, true);
        let good = |n| disk(n, 1_000, true);
        let dead = |n| disk(n, 1_000, false);
        let need = ByteCount::new(100);
        check(&[], Err(PlaceError::NoHealthyDisk));
        check(&[dead(1)], Err(PlaceError::NoHealthyDisk));
        check(&[good(1)], Ok((1, 0)));
        check(&[full(1)], Err(PlaceError::NoRoom { wanted: 1, found: 0, need }));
        check(&[good(1), good(2)], Ok((1, 1)));
        check(&[good(1), dead(2)], Err(PlaceError::OneDiskLeft { expected: 2 }));
        check(&[good(1), dead(2), dead(3)], Err(PlaceError::OneDiskLeft { expected: 3 }));
        check(&[good(1), good(2), dead(3)], Ok((1, 1)));
        check(&[good(1), full(2)], Err(PlaceError::NoRoom { wanted: 2, found: 1, need }));
        check(&[good(1), good(2), full(3)], Ok((1, 1)));
        check(&[good(1), good(2), good(3), full(4)], Ok((1, 2)));
        check(&[good(1), good(2), good(3), good(4), good(5), full(6)], Ok((3, 2)));
    }

    #[test]
    fn roomier_disks_are_drawn_more_often() {
        let disks = [disk(1, 1_000_000, true), disk(2, 3_000_000, true)];
        let random = SimRandom::seeded(1);
        let hits = (0..4_000).filter(|_| draw(&disks, &random) == 1).count();
        assert!((2_800..3_200).contains(&hits), "{hits} of 4000, expected about 3000");
    }

    #[test]
    fn every_disk_can_be_drawn_at_any_size() {
        let disks = [disk(1, u64::MAX, true), disk(2, u64::MAX, true), disk(3, 0, true)];
        let random = SimRandom::seeded(2);
        let hits = (0..1_000).filter(|_| draw(&disks, &random) == 0).count();
        assert!((400..600).contains(&hits), "{hits}");
    }
}
