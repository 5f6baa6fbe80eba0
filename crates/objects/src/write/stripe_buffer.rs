//! A stripe while it fills: plaintext laid out as it will be sealed.
//!
//! ```text
//! | chunk 0 (64 KiB) | 16 zeros | chunk 1 | 16 zeros | … | last chunk | 16 zeros |
//! ```
//! The room for each tag is left while the bytes come in, so that sealing
//! happens in place and the bytes are copied once between socket and disk.

use bytes::Bytes;
use seal::limits::{SEALED_CHUNK_BYTES, TAG_BYTES};
use seal::{ChunkSealer, SealError};
use units::StripeNumber;
use units::limits::CHUNK_BYTES;

/// A stripe that fills.
pub(crate) struct StripeBuffer {
    bytes: Vec<u8>,
    /// How long it is likely to become.
    sealed_max: usize,
    plain: usize,
    plain_max: usize,
}

impl StripeBuffer {
    /// A buffer for up to `plain_max` bytes of plaintext, whole chunks; about
    /// `expected` of them are likely to come. Memory is taken with the first of them:
    /// the next buffer of a slow upload may wait long for it, and freed pages that it
    /// is given count although nobody wrote to them.
    pub(crate) fn new(plain_max: usize, expected: usize) -> Self {
        let plain = expected.min(plain_max);
        let sealed_max = plain + plain.div_ceil(CHUNK_BYTES) * TAG_BYTES;
        Self { bytes: Vec::new(), sealed_max, plain: 0, plain_max }
    }

    /// Takes as much as fits; says how much that was.
    pub(crate) fn append(&mut self, mut input: &[u8]) -> usize {
        let before = self.plain;
        if self.bytes.capacity() == 0 && !input.is_empty() {
            self.bytes.reserve_exact(self.sealed_max);
        }
        while !input.is_empty() && self.plain < self.plain_max {
            let room = (CHUNK_BYTES - self.plain % CHUNK_BYTES).min(self.plain_max - self.plain);
            let (taken, rest) = input.split_at(room.min(input.len()));
            self.bytes.extend_from_slice(taken);
            self.plain += taken.len();
            if self.plain.is_multiple_of(CHUNK_BYTES) {
                self.bytes.extend_from_slice(&[0; TAG_BYTES]);
            }
            input = rest;
        }
        self.plain - before
    }

    /// Whether nothing more fits.
    pub(crate) fn is_full(&self) -> bool {
        self.plain == self.plain_max
    }

    /// Bytes of plaintext so far.
    pub(crate) fn plain_bytes(&self) -> usize {
        self.plain
    }

    /// The plaintext, chunk by chunk; call before sealing.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let plain = self.plain;
        self.bytes.chunks(SEALED_CHUNK_BYTES).enumerate().map(move |(index, chunk)| {
            let length = plain.saturating_sub(index * CHUNK_BYTES).min(CHUNK_BYTES);
            chunk.get(..length).unwrap_or(chunk)
        })
    }

    /// Seals in place.
    pub(crate) fn seal(
        mut self,
        sealer: &ChunkSealer,
        number: StripeNumber,
        last: bool,
    ) -> Result<Bytes, SealError> {
        if !self.plain.is_multiple_of(CHUNK_BYTES) {
            self.bytes.extend_from_slice(&[0; TAG_BYTES]);
        }
        sealer.seal_stripe(number, last, &mut self.bytes)?;
        Ok(Bytes::from(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(total: usize, step: usize) {
        let plain: Vec<u8> = (0..total).map(|i| u8::try_from(i % 249).unwrap_or(0)).collect();
        let mut buffer = StripeBuffer::new(4 * CHUNK_BYTES, total);
        let mut taken = 0;
        while taken < total && !buffer.is_full() {
            let end = (taken + step).min(total);
            taken += buffer.append(&plain[taken..end]);
        }
        assert_eq!(taken, total.min(4 * CHUNK_BYTES));
        assert_eq!(buffer.plain_bytes(), taken);
        let seen: Vec<u8> = buffer.chunks().flatten().copied().collect();
        assert_eq!(seen, &plain[..taken], "{total} by {step}");
    }

    #[test]
    fn chunks_give_back_what_was_appended() {
        for total in [1, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES] {
            for step in [1_000, CHUNK_BYTES, CHUNK_BYTES + 7, 10 * CHUNK_BYTES] {
                check(total, step);
            }
        }
    }
}
