//! Where every live fragment of a disk is, in memory, in the order of names.
//!
//! A million fragments must cost little, so entries are 36 bytes in sorted runs of
//! at most [`RUN_MAX`], found through an ordered map of each run's first name. A
//! full run is split in two; runs grow by [`RUN_GROWTH`] so that little of their
//! memory is idle: about 40 MiB for a million fragments.

use std::collections::BTreeMap;
use std::ops::Bound;

use units::{ByteCount, FragmentNumber, PartId, StripeNumber};

use crate::position::{Location, Position};
use crate::{FragmentName, Listed};

/// Most entries in a run.
const RUN_MAX: usize = 256;

/// Room added to a run at once.
const RUN_GROWTH: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Entry {
    part: [u8; 16],
    stripe: u32,
    segment: u32,
    offset: u32,
    bytes: u32,
    fragment: u8,
}

const _: () = assert!(size_of::<Entry>() == 36, "the index is as small as it claims");

impl Entry {
    fn new(name: FragmentName, location: Location) -> Self {
        Self {
            part: name.part.to_bytes(),
            stripe: name.stripe.get(),
            segment: location.position.segment,
            offset: location.position.offset,
            bytes: location.bytes,
            fragment: name.fragment.get(),
        }
    }

    fn name(&self) -> FragmentName {
        FragmentName {
            part: PartId::from_bytes(self.part),
            stripe: StripeNumber::new(self.stripe),
            fragment: FragmentNumber::new(self.fragment),
        }
    }

    fn location(&self) -> Location {
        let position = Position { segment: self.segment, offset: self.offset };
        Location { position, bytes: self.bytes }
    }
}

/// The index of one disk.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Runs by their first name when they were made; a run holds the names from its
    /// key up to the next key. No run is empty.
    runs: BTreeMap<FragmentName, Vec<Entry>>,
    count: u64,
}

impl Index {
    /// How many fragments are live.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Where a fragment is.
    pub(crate) fn get(&self, name: FragmentName) -> Option<Location> {
        let (_, run) = self.runs.range(..=name).next_back()?;
        let at = run.binary_search_by_key(&name, Entry::name).ok()?;
        run.get(at).map(Entry::location)
    }

    /// Records where a fragment is; gives its former place.
    pub(crate) fn insert(&mut self, name: FragmentName, location: Location) -> Option<Location> {
        let entry = Entry::new(name, location);
        let key = self.runs.range(..=name).next_back().map(|(key, _)| *key);
        // Names before all others join the first run, which keeps its older key by
        // being moved under the new one.
        let key = match key {
            Some(key) => key,
            None => match self.runs.pop_first() {
                Some((_, run)) => {
                    self.runs.insert(name, run);
                    name
                }
                None => name,
            },
        };
        let run = self.runs.entry(key).or_default();
        match run.binary_search_by_key(&name, Entry::name) {
            Ok(at) => run.get_mut(at).map(|old| std::mem::replace(old, entry).location()),
            Err(at) => {
                if run.len() == run.capacity() {
                    run.reserve_exact(RUN_GROWTH);
                }
                run.insert(at, entry);
                self.count += 1;
                if run.len() > RUN_MAX {
                    // Names that come in order leave full runs behind them.
                    let cut = if at + 1 == run.len() { RUN_MAX } else { RUN_MAX / 2 };
                    let upper = run.split_off(cut);
                    run.shrink_to_fit();
                    if let Some(first) = upper.first() {
                        self.runs.insert(first.name(), upper);
                    }
                }
                None
            }
        }
    }

    /// Forgets a fragment; gives its place.
    pub(crate) fn remove(&mut self, name: FragmentName) -> Option<Location> {
        let (key, run) = self.runs.range_mut(..=name).next_back()?;
        let key = *key;
        let at = run.binary_search_by_key(&name, Entry::name).ok()?;
        let entry = run.remove(at);
        self.count -= 1;
        if run.is_empty() {
            self.runs.remove(&key);
        } else if run.capacity() > run.len() * 2 + RUN_GROWTH {
            run.shrink_to(run.len() + RUN_GROWTH);
        }
        Some(entry.location())
    }

    /// Live fragments of a part with their places.
    pub(crate) fn of_part(&self, part: PartId) -> Vec<(FragmentName, Location)> {
        self.from(FragmentName::first_of(part)).take_while(|(name, _)| name.part == part).collect()
    }

    /// Up to `limit` fragments after a name.
    pub(crate) fn list(&self, after: Option<FragmentName>, limit: usize) -> Vec<Listed> {
        let start = after.unwrap_or(FragmentName::first_of(PartId::from_u128(0)));
        self.from(start)
            .filter(|(name, _)| Some(*name) != after)
            .take(limit)
            .map(|(name, location)| Listed {
                name,
                bytes: ByteCount::new(u64::from(location.bytes)),
            })
            .collect()
    }

    fn from(&self, start: FragmentName) -> impl Iterator<Item = (FragmentName, Location)> {
        let key = self.runs.range(..=start).next_back().map(|(key, _)| *key);
        let from = key.map_or(Bound::Unbounded, Bound::Included);
        let entries = self.runs.range((from, Bound::Unbounded)).flat_map(|(_, run)| run);
        entries
            .map(|entry| (entry.name(), entry.location()))
            .skip_while(move |(name, _)| *name < start)
    }

    /// Memory that the entries take, idle room included.
    pub(crate) fn memory(&self) -> ByteCount {
        let room: usize = self.runs.values().map(Vec::capacity).sum();
        let maps = self.runs.len() * (size_of::<FragmentName>() + size_of::<Vec<Entry>>()) * 3 / 2;
        ByteCount::new((room * size_of::<Entry>() + maps) as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(bits: u32) -> FragmentName {
        FragmentName {
            part: PartId::from_u128(u128::from(bits / 6)),
            stripe: StripeNumber::new(bits % 6 / 2),
            fragment: FragmentNumber::new(u8::try_from(bits % 2).unwrap()),
        }
    }

    fn location(bits: u32) -> Location {
        Location { position: Position { segment: bits, offset: bits ^ 5 }, bytes: bits ^ 9 }
    }

    proptest! {
        #[test]
        fn it_is_an_ordered_map(
            steps in proptest::collection::vec((0_u32..3_000, 0_u8..4, any::<u32>()), 0..3_000),
        ) {
            let mut index = Index::default();
            let mut model = BTreeMap::new();
            for (bits, action, value) in steps {
                let name = name(bits);
                if action == 0 {
                    prop_assert_eq!(index.remove(name), model.remove(&name));
                } else {
                    let place = location(value);
                    prop_assert_eq!(index.insert(name, place), model.insert(name, place));
                }
                prop_assert_eq!(index.count(), model.len() as u64);
            }
            let all: Vec<_> = index.from(name(0)).collect();
            prop_assert_eq!(all, model.iter().map(|(n, l)| (*n, *l)).collect::<Vec<_>>());
            for bits in 0..3_000 {
                prop_assert_eq!(index.get(name(bits)), model.get(&name(bits)).copied());
            }
            let part = PartId::from_u128(77);
            let wanted = model.iter().filter(|(n, _)| n.part == part).count();
            prop_assert_eq!(index.of_part(part).len(), wanted);
            let after = name(600);
            let page: Vec<_> = index.list(Some(after), 50).iter().map(|l| l.name).collect();
            let wanted: Vec<_> = model.keys().copied().filter(|n| *n > after).take(50).collect();
            prop_assert_eq!(page, wanted);
        }
    }

    #[test]
    fn a_million_fragments_fit_in_sixty_mebibytes() {
        let mut index = Index::default();
        let mut state = 1_u128;
        for _ in 0..1_000_000 {
            state = state.wrapping_mul(0xda94_2042_e4dd_58b5_da94_2042_e4dd_58b5).wrapping_add(97);
            let part = PartId::from_u128(state.rotate_left(64));
            index.insert(FragmentName::first_of(part), location(1));
        }
        assert_eq!(index.count(), 1_000_000);
        let memory = index.memory().get();
        assert!(memory < 60 << 20, "{} MiB", memory >> 20);
    }
}
