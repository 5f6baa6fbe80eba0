//! Sets of sites that go together: cliques of the graph of those that do.
//!
//! The search goes through sites in a given order, depth first, and looks at each set of
//! sites that go together at most once; it leaves a branch when the sites left fall into
//! fewer groups, of which each gives one site at the most, than sites are missing.
//!
//! **Invariant**: what is not found is not there, unless the search says that it ended
//! at [`SEARCH_STEPS_MAX`], to which 20 sites do not come.

use crate::limits::SEARCH_STEPS_MAX;

/// A set of sites by their positions in a list.
pub(crate) type Set = u32;

/// The search ended at its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// The set that holds one position only.
pub(crate) const fn only(at: usize) -> Set {
    1 << at
}

/// The positions of a set, ascending.
pub(crate) fn positions(set: Set) -> impl Iterator<Item = usize> {
    (0..32).filter(move |at| set & only(*at) != 0)
}

/// Which sites do not go together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conflicts {
    /// For each site the others that it does not go with.
    pub(crate) of: Vec<Set>,
}

impl Conflicts {
    /// The sites that do not go with this one.
    pub(crate) fn with(&self, at: usize) -> Set {
        self.of.get(at).copied().unwrap_or(Set::MAX)
    }

    /// The first `size` sites of `order` that go together, of which at most `rare_max`
    /// are in `rare`; nothing if there are none.
    pub(crate) fn choose(
        &self,
        order: &[usize],
        size: usize,
        rare: Set,
        rare_max: usize,
    ) -> Result<Option<Vec<usize>>, TooLong> {
        let open = order.iter().fold(0, |open, at| open | only(*at));
        let chosen = Vec::with_capacity(size);
        let mut search = Search { conflicts: self, order, rare, steps: 0, chosen };
        Ok(search.extend(open, size, rare_max)?.then_some(search.chosen))
    }

    /// The largest number of sites of a set that go together, up to `most`.
    pub(crate) fn clique_number(&self, set: Set, most: usize) -> Result<usize, TooLong> {
        let order: Vec<usize> = positions(set).collect();
        let mut size = 0;
        while size < most && self.choose(&order, size + 1, 0, 0)?.is_some() {
            size += 1;
        }
        Ok(size)
    }

    /// No more sites of the set than this go together: sites that all exclude each other
    /// make a group, and each group gives one.
    fn groups(&self, mut open: Set) -> usize {
        let mut groups = 0;
        while open != 0 {
            let mut member = open.trailing_zeros() as usize;
            let mut left = open & self.with(member);
            open &= !only(member);
            while left != 0 {
                member = left.trailing_zeros() as usize;
                open &= !only(member);
                left &= self.with(member) & !only(member);
            }
            groups += 1;
        }
        groups
    }
}

struct Search<'a> {
    conflicts: &'a Conflicts,
    order: &'a [usize],
    rare: Set,
    steps: u32,
    chosen: Vec<usize>,
}

impl Search<'_> {
    /// Adds `missing` sites out of `open` to those chosen, if that can be.
    fn extend(&mut self, mut open: Set, missing: usize, rare_left: usize) -> Result<bool, TooLong> {
        if missing == 0 {
            return Ok(true);
        }
        self.steps += 1;
        if self.steps > SEARCH_STEPS_MAX {
            return Err(TooLong);
        }
        if rare_left == 0 {
            open &= !self.rare;
        }
        for at in self.order {
            if open & only(*at) == 0 {
                continue;
            }
            if self.conflicts.groups(open) < missing {
                return Ok(false);
            }
            open &= !only(*at);
            self.chosen.push(*at);
            let is_rare = usize::from(self.rare & only(*at) != 0);
            let next = open & !self.conflicts.with(*at);
            if self.extend(next, missing - 1, rare_left - is_rare)? {
                return Ok(true);
            }
            self.chosen.pop();
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The largest set that goes together and has at most so many rare ones, by looking
    /// at every set.
    fn by_force(conflicts: &Conflicts, sites: usize, rare: Set, rare_max: usize) -> usize {
        let goes = |set: Set| positions(set).all(|at| set & conflicts.with(at) == 0);
        let few = |set: Set| (set & rare).count_ones() as usize <= rare_max;
        let sets = (0..1_u32 << sites).filter(|set| goes(*set) && few(*set));
        sets.map(u32::count_ones).max().unwrap_or(0) as usize
    }

    proptest! {
        #[test]
        fn finds_whatever_is_there(
            sites in 1_usize..11,
            edges in proptest::collection::vec(any::<bool>(), 55),
            rare in any::<u32>(),
            rare_max in 0_usize..4,
            rotate in 0_usize..11,
        ) {
            let mut of = vec![0; sites];
            let mut edges = edges.into_iter();
            for one in 0..sites {
                for other in 0..one {
                    if edges.next().unwrap_or_default() {
                        of[one] |= only(other);
                        of[other] |= only(one);
                    }
                }
            }
            let conflicts = Conflicts { of };
            let mut order: Vec<usize> = (0..sites).collect();
            order.rotate_left(rotate % sites);
            let most = by_force(&conflicts, sites, rare, rare_max);
            for size in 0..=sites {
                let found = conflicts.choose(&order, size, rare, rare_max);
                let Ok(found) = found else { return Err(TestCaseError::fail("too long")) };
                prop_assert_eq!(found.is_some(), size <= most);
                let Some(found) = found else { continue };
                let set = found.iter().fold(0, |set, at| set | only(*at));
                prop_assert_eq!(set.count_ones() as usize, size);
                prop_assert!(positions(set).all(|at| set & conflicts.with(at) == 0));
                prop_assert!((set & rare).count_ones() as usize <= rare_max);
            }
        }
    }

    #[test]
    fn twenty_sites_never_come_to_the_limit() {
        // Groups of three that exclude each other: the most largest sets there can be.
        let group = |at: usize| (at / 3 * 3..at / 3 * 3 + 3).filter(move |other| *other != at);
        let of =
            (0..20).map(|at| group(at).filter(|at| *at < 20).fold(0, |set, at| set | only(at)));
        let conflicts = Conflicts { of: of.collect() };
        assert_eq!(conflicts.clique_number((1 << 20) - 1, 20), Ok(7));
        // A ring, whose groups promise more than there is.
        let ring = |at: usize| {
            only((at + 1) % 20) | only((at + 19) % 20) | only((at + 2) % 20) | only((at + 18) % 20)
        };
        let conflicts = Conflicts { of: (0..20).map(ring).collect() };
        assert_eq!(conflicts.clique_number((1 << 20) - 1, 20), Ok(6));
    }
}
