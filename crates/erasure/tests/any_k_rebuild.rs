//! Any k of k+m fragments rebuild the stripe; anything else is an error.

use bytes::Bytes;
use erasure::{COLUMN_BYTES, Code, RebuildError, encode, join, locate, rebuild, rebuild_range};
use proptest::prelude::*;

fn stripe_of(length: usize, seed: u64) -> Bytes {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect::<Vec<u8>>().into()
}

fn geometry() -> impl Strategy<Value = Code> {
    (1_u8..=8, 0_u8..=4).prop_map(|(k, m)| Code::new(k, m).unwrap())
}

/// Keeps the fragments of a subset drawn from `choice`; at least k of them.
fn drop_some(code: Code, fragments: &[Bytes], mut choice: u64) -> Vec<Option<Bytes>> {
    let mut slots: Vec<_> = fragments.iter().cloned().map(Some).collect();
    let mut losses = usize::from(code.parity());
    for slot in &mut slots {
        if losses > 0 && choice & 1 == 1 {
            *slot = None;
            losses -= 1;
        }
        choice >>= 1;
    }
    slots
}

proptest! {
    #[test]
    fn any_k_fragments_give_back_the_stripe(
        code in geometry(), length in 1_usize..5_000, seed: u64, choice: u64,
    ) {
        let stripe = stripe_of(length, seed);
        let fragments = encode(code, &stripe).unwrap();
        prop_assert_eq!(fragments.len(), usize::from(code.total()));
        for (number, fragment) in (0_u8..).zip(&fragments) {
            prop_assert_eq!(Some(fragment.len()), code.stored_bytes(length, number));
        }
        let mut slots = drop_some(code, &fragments, choice);
        prop_assert_eq!(&join(code, length, &mut slots.clone()).unwrap(), &stripe);
        rebuild(code, length, &mut slots).unwrap();
        let rebuilt: Vec<Bytes> = slots.into_iter().flatten().collect();
        prop_assert_eq!(rebuilt, fragments);
    }

    #[test]
    fn a_range_of_a_fragment_is_rebuilt_from_ranges(
        code in geometry(), length in 1_usize..20_000, seed: u64, choice: u64, which: u8,
        at in 0_usize..100, columns in 1_usize..8,
    ) {
        let fragments = encode(code, &stripe_of(length, seed)).unwrap();
        let full = code.fragment_bytes(length);
        let start = (at * COLUMN_BYTES) % full.next_multiple_of(COLUMN_BYTES);
        let end = full.min(start + columns * COLUMN_BYTES);
        let cut = |fragment: &Bytes| {
            fragment.slice(start.min(fragment.len())..end.min(fragment.len()))
        };
        let mut slots = drop_some(code, &fragments, choice);
        for slot in &mut slots {
            *slot = slot.as_ref().map(cut);
        }
        let wanted = which % code.total();
        let others = slots.iter().enumerate();
        let others = others.filter(|(at, slot)| slot.is_some() && *at != usize::from(wanted));
        if others.count() < usize::from(code.data()) {
            return Ok(());
        }
        slots[usize::from(wanted)] = None;
        let rebuilt = rebuild_range(code, length, start..end, wanted, &slots).unwrap();
        prop_assert_eq!(rebuilt, cut(&fragments[usize::from(wanted)]));
    }

    #[test]
    fn a_range_is_found_in_its_fragments(
        code in geometry(), length in 1_usize..5_000, seed: u64, a in 0_usize..6_000, b in 0_usize..6_000,
    ) {
        let stripe = stripe_of(length, seed);
        let fragments = encode(code, &stripe).unwrap();
        let (start, end) = (a.min(b), a.max(b));
        let mut found = Vec::new();
        for piece in locate(code, length, start..end) {
            found.extend_from_slice(&fragments[usize::from(piece.fragment)][piece.range]);
        }
        let expected = &stripe[start.min(length)..end.min(length)];
        prop_assert_eq!(found.as_slice(), expected);
    }

    #[test]
    fn wrong_lengths_and_counts_are_errors(
        code in geometry(), length in 0_usize..300,
        lengths in proptest::collection::vec(proptest::option::of(0_usize..300), 0..14),
    ) {
        let given: Vec<Option<Bytes>> =
            lengths.iter().map(|l| l.map(|l| Bytes::from(vec![7; l]))).collect();
        let fits = length > 0
            && given.len() == usize::from(code.total())
            && given.iter().flatten().count() >= usize::from(code.data())
            && (0_u8..).zip(&given).all(|(i, f)| {
                f.as_ref().is_none_or(|f| Some(f.len()) == code.stored_bytes(length, i))
            });
        prop_assert_eq!(join(code, length, &mut given.clone()).is_ok(), fits);
        prop_assert_eq!(rebuild(code, length, &mut given.clone()).is_ok(), fits);
    }
}

#[test]
fn every_subset_of_a_four_plus_two_stripe() {
    let code = Code::new(4, 2).unwrap();
    let stripe = stripe_of(1_001, 3);
    let fragments = encode(code, &stripe).unwrap();
    for kept in 0_u32..64 {
        let mut slots: Vec<_> = fragments
            .iter()
            .enumerate()
            .map(|(i, f)| (kept >> i & 1 == 1).then(|| f.clone()))
            .collect();
        let outcome = join(code, stripe.len(), &mut slots);
        if kept.count_ones() >= 4 {
            assert_eq!(outcome.unwrap(), stripe);
        } else {
            let present = kept.count_ones() as usize;
            assert_eq!(outcome.unwrap_err(), RebuildError::TooFew { code, present });
        }
    }
}

/// The arithmetic is part of the format: these bytes must never change.
#[test]
fn parity_is_what_it_always_was() {
    let code = Code::new(2, 2).unwrap();
    let stripe = Bytes::from((0..=127_u8).collect::<Vec<_>>());
    let fragments = encode(code, &stripe).unwrap();
    let digest = |bytes: &Bytes| {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    assert_eq!([digest(&fragments[2]), digest(&fragments[3])], GOLDEN);
}

const GOLDEN: [u64; 2] = [7_030_711_606_901_662_053, 7_130_885_936_521_337_189];

#[test]
fn a_range_that_ends_within_a_column_is_refused() {
    let code = Code::new(3, 2).unwrap();
    let fragments = encode(code, &stripe_of(1_000, 5)).unwrap();
    // Fragments of 334 bytes.
    for range in [0..63, 1..64, 10..334, 0..400, 64..64, 320..335] {
        let slots: Vec<Option<Bytes>> = fragments.iter().map(|_| None).collect();
        let refused = rebuild_range(code, 1_000, range.clone(), 0, &slots);
        assert!(matches!(refused, Err(RebuildError::Range { .. })), "{range:?}: {refused:?}");
    }
    let slots: Vec<Option<Bytes>> = fragments.iter().map(|all| Some(all.slice(320..))).collect();
    let rebuilt = rebuild_range(code, 1_000, 320..334, 4, &slots);
    assert_eq!(rebuilt, Ok(fragments[4].slice(320..)));
}
