//! Who is wrong, when the ranges of the fragments of a stripe do not agree.
//!
//! Any k of them say what every other must be. The one without which at least k + 1 others
//! agree is wrong; there is one such at most, for two of them would leave k that they share,
//! and so would agree as well.

use core::ops::Range;

use bytes::Bytes;
use erasure::{Code, rebuild_range};

/// The same range of the fragments of a stripe.
pub(super) struct Ranges {
    pub(super) code: Code,
    pub(super) stripe_bytes: usize,
    /// To the end of a column, or of the longest fragments.
    pub(super) range: Range<usize>,
    /// One for each fragment, as far as they could be read.
    pub(super) slots: Vec<Option<Bytes>>,
}

impl Ranges {
    /// What a fragment has of the range, by the first k others that were read.
    pub(super) fn due(&self, fragment: u8) -> Option<Bytes> {
        let (range, bytes) = (self.range.clone(), self.stripe_bytes);
        rebuild_range(self.code, bytes, range, fragment, &self.slots).ok()
    }

    /// The one that all others contradict, if they agree with one another and are enough to
    /// say so.
    pub(super) fn wrong(&self) -> Option<u8> {
        (0..self.code.total()).find(|fragment| {
            let is_there = self.slots.get(usize::from(*fragment)).is_some_and(Option::is_some);
            is_there && self.agree_without(*fragment)
        })
    }

    fn agree_without(&self, without: u8) -> bool {
        let mut others = self.slots.clone();
        if let Some(slot) = others.get_mut(usize::from(without)) {
            *slot = None;
        }
        let there: Vec<u8> = (0_u8..)
            .zip(&others)
            .filter_map(|(number, slot)| slot.is_some().then_some(number))
            .collect();
        let needed = usize::from(self.code.data());
        if there.len() <= needed {
            return false;
        }
        // All must be what the first k say.
        let (basis, rest) = there.split_at(needed);
        let slots: Vec<Option<Bytes>> = (0_u8..)
            .zip(&others)
            .map(|(number, slot)| slot.clone().filter(|_| basis.contains(&number)))
            .collect();
        let basis = Self { slots, range: self.range.clone(), ..*self };
        rest.iter().all(|number| {
            basis.due(*number).as_ref() == others.get(usize::from(*number)).and_then(Option::as_ref)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRIPE: usize = 10_000;

    /// The first 128 bytes of each fragment.
    fn ranges(data: u8, parity: u8) -> Ranges {
        let code = Code::new(data, parity).unwrap();
        let stripe: Bytes =
            (0..=u8::MAX).cycle().map(|at| at.wrapping_mul(7)).take(STRIPE).collect();
        let fragments = erasure::encode(code, &stripe).unwrap();
        let slots = fragments.iter().map(|one| Some(one.slice(..128))).collect();
        Ranges { code, stripe_bytes: STRIPE, range: 0..128, slots }
    }

    fn alter(ranges: &mut Ranges, fragment: u8) {
        let slot = ranges.slots[usize::from(fragment)].as_mut().unwrap();
        let mut bytes = slot.to_vec();
        bytes[77] ^= 1;
        *slot = bytes.into();
    }

    #[test]
    fn the_one_that_lies_is_found_where_two_may_be_missing() {
        for (data, parity) in [(1, 2), (2, 2), (3, 2), (4, 2), (6, 3)] {
            for liar in 0..data + parity {
                let mut ranges = ranges(data, parity);
                let truth = ranges.slots[usize::from(liar)].clone();
                alter(&mut ranges, liar);
                assert_eq!(ranges.wrong(), Some(liar), "{data}+{parity}");
                assert_eq!(ranges.due(liar), truth);
            }
        }
    }

    #[test]
    fn nobody_is_accused_where_it_cannot_be_known() {
        for (data, parity) in [(1, 1), (2, 1), (4, 1)] {
            let mut ranges = ranges(data, parity);
            alter(&mut ranges, 1);
            assert_eq!(ranges.wrong(), None, "{data}+{parity}");
        }
        // Two lie, each for itself.
        let mut two = ranges(3, 2);
        alter(&mut two, 0);
        alter(&mut two, 4);
        assert_eq!(two.wrong(), None);
        // One lies and one is away.
        let mut away = ranges(3, 2);
        alter(&mut away, 0);
        away.slots[4] = None;
        assert_eq!(away.wrong(), None);
        let mut more = ranges(6, 3);
        alter(&mut more, 0);
        more.slots[4] = None;
        assert_eq!(more.wrong(), Some(0));
    }
}
