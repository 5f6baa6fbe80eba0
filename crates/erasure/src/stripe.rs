//! Encode, rebuild and find one's way in one stripe.

use core::ops::Range;

use bytes::{Bytes, BytesMut};
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use crate::{Code, EncodeError, RebuildError};

/// The arithmetic of `reed-solomon-simd` mixes no two columns of so many bytes: a range of
/// whole columns can be rebuilt without the rest.
pub const COLUMN_BYTES: usize = 64;

/// The part of one fragment that holds some bytes of the stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The data fragment's number.
    pub fragment: u8,
    /// Where in that fragment, in bytes.
    pub range: Range<usize>,
}

/// Cuts a stripe and computes its parity: k+m fragments, data first.
///
/// Data fragments are slices of `stripe`, without copying.
pub fn encode(code: Code, stripe: &Bytes) -> Result<Vec<Bytes>, EncodeError> {
    if stripe.is_empty() {
        return Err(EncodeError::Empty);
    }
    let mut fragments = cut(code, stripe);
    if code.data() == 1 {
        fragments.resize(usize::from(code.total()), stripe.clone());
    } else if code.parity() > 0 {
        let parity = parity_of(code, stripe.len(), &fragments)
            .map_err(|source| EncodeError::Codec { code, source })?;
        fragments.extend(parity);
    }
    Ok(fragments)
}

/// Fills the empty slots, parity too; `slots` has one slot per fragment of the code.
///
/// Lengths are checked, contents are not: hand in verified fragments only.
pub fn rebuild(
    code: Code,
    stripe_bytes: usize,
    slots: &mut [Option<Bytes>],
) -> Result<(), RebuildError> {
    rebuild_data(code, stripe_bytes, slots)?;
    let data = usize::from(code.data());
    if slots.iter().all(Option::is_some) {
        return Ok(());
    }
    let known: Vec<Bytes> = slots.iter().take(data).flatten().cloned().collect();
    let parity = parity_of(code, stripe_bytes, &known)
        .map_err(|source| RebuildError::Codec { code, source })?;
    for (slot, fragment) in slots.iter_mut().skip(data).zip(parity) {
        slot.get_or_insert(fragment);
    }
    Ok(())
}

/// The whole stripe from at least k of its fragments.
pub fn join(
    code: Code,
    stripe_bytes: usize,
    slots: &mut [Option<Bytes>],
) -> Result<Bytes, RebuildError> {
    rebuild_data(code, stripe_bytes, slots)?;
    let mut data = slots.iter().take(usize::from(code.data())).flatten();
    if code.data() == 1 {
        return Ok(data.next().cloned().unwrap_or_default());
    }
    let mut stripe = BytesMut::with_capacity(stripe_bytes);
    for fragment in data {
        stripe.extend_from_slice(fragment);
    }
    Ok(stripe.freeze())
}

/// A range of one fragment, from the same range of at least k others.
///
/// `range` begins at a multiple of [`COLUMN_BYTES`] and ends at one, or at the end of the
/// longest fragments. `slots` has one slot per fragment of the code, with what it has of the
/// range: a short data fragment less, or nothing. The result is what `fragment` has of it, whatever
/// its own slot says.
pub fn rebuild_range(
    code: Code,
    stripe_bytes: usize,
    range: Range<usize>,
    fragment: u8,
    slots: &[Option<Bytes>],
) -> Result<Bytes, RebuildError> {
    let full = code.fragment_bytes(stripe_bytes);
    let in_columns = |at: usize| at.is_multiple_of(COLUMN_BYTES) || at == full;
    let is_range = range.start < range.end && range.end <= full;
    if !is_range || !in_columns(range.start) || !in_columns(range.end) {
        return Err(RebuildError::Range { start: range.start, end: range.end });
    }
    let missing = RebuildError::TooFew { code, present: 0 };
    let length = |fragment| {
        let stored = code.stored_bytes(stripe_bytes, fragment)?;
        Some(stored.min(range.end).saturating_sub(range.start))
    };
    let expected = length(fragment).ok_or(missing)?;
    // The columns are a stripe of their own, whose fragments are all as long as the range.
    let mut columns = Vec::with_capacity(slots.len());
    for (number, slot) in (0_u8..).zip(slots) {
        let expected = length(number).unwrap_or(0);
        columns.push(match slot {
            _ if number == fragment => None,
            Some(bytes) if bytes.len() != expected => {
                let actual = bytes.len();
                return Err(RebuildError::Length { fragment: number, expected, actual });
            }
            Some(bytes) => Some(Bytes::from(padded(bytes, range.len()))),
            None => None,
        });
    }
    rebuild(code, range.len().saturating_mul(usize::from(code.data())), &mut columns)?;
    let rebuilt = columns.into_iter().nth(usize::from(fragment)).flatten();
    rebuilt.map(|bytes| bytes.slice(..expected.min(bytes.len()))).ok_or(missing)
}

/// Which pieces of which data fragments hold `range` of the stripe, in order.
/// What lies beyond the stripe is left out.
pub fn locate(code: Code, stripe_bytes: usize, range: Range<usize>) -> Vec<Piece> {
    let full = code.fragment_bytes(stripe_bytes);
    let end = range.end.min(stripe_bytes);
    let mut pieces = Vec::new();
    let mut at = range.start;
    while at < end {
        let index = at / full;
        let base = index * full;
        let stop = end.min(base + full);
        // Below k, since `at` lies in the stripe and the cut covers the stripe.
        let Ok(fragment) = u8::try_from(index) else { break };
        pieces.push(Piece { fragment, range: at - base..stop - base });
        at = stop;
    }
    pieces
}

/// The data fragments: slices of the stripe.
fn cut(code: Code, stripe: &Bytes) -> Vec<Bytes> {
    let full = code.fragment_bytes(stripe.len());
    let mut fragments = Vec::with_capacity(usize::from(code.total()));
    for index in 0..usize::from(code.data()) {
        let start = (index * full).min(stripe.len());
        let end = (start + full).min(stripe.len());
        fragments.push(stripe.slice(start..end));
    }
    fragments
}

/// The m parity fragments of the k data fragments.
fn parity_of(
    code: Code,
    stripe_bytes: usize,
    data: &[Bytes],
) -> Result<Vec<Bytes>, reed_solomon_simd::Error> {
    if code.data() == 1 {
        let copy = data.first().cloned().unwrap_or_default();
        return Ok(vec![copy; usize::from(code.parity())]);
    }
    let full = code.fragment_bytes(stripe_bytes);
    let mut encoder =
        ReedSolomonEncoder::new(usize::from(code.data()), usize::from(code.parity()), full)?;
    for fragment in data {
        if fragment.len() == full {
            encoder.add_original_shard(fragment)?;
        } else {
            encoder.add_original_shard(padded(fragment, full))?;
        }
    }
    let result = encoder.encode()?;
    Ok(result.recovery_iter().map(Bytes::copy_from_slice).collect())
}

/// Fills the empty data slots and leaves parity alone, which costs more than it is
/// worth to whoever looks for data only. The same holds of `slots` as in [`rebuild`].
pub fn rebuild_data(
    code: Code,
    stripe_bytes: usize,
    slots: &mut [Option<Bytes>],
) -> Result<(), RebuildError> {
    check(code, stripe_bytes, slots)?;
    let data = usize::from(code.data());
    if slots.iter().take(data).all(Option::is_some) {
        return Ok(());
    }
    if data == 1 {
        let copy = slots.iter().flatten().next().cloned();
        if let Some(slot) = slots.first_mut() {
            *slot = copy;
        }
        return Ok(());
    }
    let refused = |source| RebuildError::Codec { code, source };
    let full = code.fragment_bytes(stripe_bytes);
    let mut decoder =
        ReedSolomonDecoder::new(data, usize::from(code.parity()), full).map_err(refused)?;
    // Exactly k fragments are fed: data fragments first, since they come for free.
    let mut fed = 0;
    for (index, fragment) in slots.iter().enumerate() {
        let Some(fragment) = fragment else { continue };
        if fed == data {
            break;
        }
        if index >= data {
            decoder.add_recovery_shard(index - data, fragment).map_err(refused)?;
        } else if fragment.len() == full {
            decoder.add_original_shard(index, fragment).map_err(refused)?;
        } else {
            decoder.add_original_shard(index, padded(fragment, full)).map_err(refused)?;
        }
        fed += 1;
    }
    let result = decoder.decode().map_err(refused)?;
    for (index, restored) in result.restored_original_iter() {
        let stored = u8::try_from(index).ok().and_then(|i| code.stored_bytes(stripe_bytes, i));
        let kept = restored.get(..stored.unwrap_or(full)).unwrap_or(restored);
        if let Some(slot) = slots.get_mut(index) {
            *slot = Some(Bytes::copy_from_slice(kept));
        }
    }
    Ok(())
}

/// Slot count, fragment count and every length.
fn check(code: Code, stripe_bytes: usize, slots: &[Option<Bytes>]) -> Result<(), RebuildError> {
    if stripe_bytes == 0 {
        return Err(RebuildError::Empty);
    }
    if slots.len() != usize::from(code.total()) {
        return Err(RebuildError::SlotCount { code, given: slots.len() });
    }
    for (fragment, slot) in (0_u8..).zip(slots) {
        let expected = code.stored_bytes(stripe_bytes, fragment).unwrap_or(0);
        match slot {
            Some(bytes) if bytes.len() != expected => {
                return Err(RebuildError::Length { fragment, expected, actual: bytes.len() });
            }
            _ => {}
        }
    }
    let present = slots.iter().flatten().count();
    if present < usize::from(code.data()) {
        return Err(RebuildError::TooFew { code, present });
    }
    Ok(())
}

/// A short data fragment with the zeros that the arithmetic sees.
fn padded(fragment: &[u8], full: usize) -> Vec<u8> {
    let mut padded = Vec::with_capacity(full);
    padded.extend_from_slice(fragment);
    padded.resize(full, 0);
    padded
}
