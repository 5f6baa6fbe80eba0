//! Where plain bytes are once they are sealed.
//!
//! ```text
//! part    = stripe 0 ‖ stripe 1 ‖ …          each of `stripe_bytes` plain bytes, the last shorter
//! stripe  = chunk 0 ‖ chunk 1 ‖ …            each of 64 KiB plain bytes, the last shorter
//! sealed chunk = ciphertext ‖ tag (16 bytes)
//! ```
//! An empty part has no stripe: empty objects have no part at all.

use core::ops::Range;

use units::limits::{CHUNK_BYTES, STRIPE_BYTES_MAX};
use units::{ByteCount, StripeNumber};

use crate::limits::TAG_BYTES;

const CHUNK: u64 = CHUNK_BYTES as u64;
const TAG: u64 = TAG_BYTES as u64;

/// Sealed length of a run of plain bytes that starts on a chunk.
pub const fn sealed_length(plain: ByteCount) -> ByteCount {
    let chunks = plain.get().div_ceil(CHUNK);
    ByteCount::new(plain.get().saturating_add(chunks.saturating_mul(TAG)))
}

/// The shape of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedLayout {
    size: u64,
    stripe_bytes: u64,
}

/// What to read to serve a range of one stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeRange {
    /// The stripe.
    pub stripe: StripeNumber,
    /// First chunk to open.
    pub first_chunk: u32,
    /// Sealed bytes of the stripe that hold the chunks to open.
    pub sealed: Range<u64>,
    /// Which of the plain bytes of those chunks are wanted.
    pub wanted: Range<usize>,
}

impl SealedLayout {
    /// The layout of a part of `size` plain bytes; `None` unless `stripe_bytes`
    /// is a whole number of chunks, at least one, at most a largest stripe.
    pub const fn new(size: ByteCount, stripe_bytes: u32) -> Option<Self> {
        let stripe_bytes = stripe_bytes as u64;
        let whole = stripe_bytes.is_multiple_of(CHUNK);
        if stripe_bytes == 0 || !whole || stripe_bytes > STRIPE_BYTES_MAX as u64 {
            return None;
        }
        if size.get().div_ceil(stripe_bytes) > u32::MAX as u64 {
            return None;
        }
        Some(Self { size: size.get(), stripe_bytes })
    }

    /// How many stripes.
    pub fn stripe_count(&self) -> u32 {
        u32::try_from(self.size.div_ceil(self.stripe_bytes)).unwrap_or(u32::MAX)
    }

    /// Plain bytes of one stripe; zero beyond the last.
    pub fn plain_bytes(&self, stripe: StripeNumber) -> u64 {
        let start = u64::from(stripe.get()).saturating_mul(self.stripe_bytes);
        self.size.saturating_sub(start).min(self.stripe_bytes)
    }

    /// Sealed bytes of one stripe; zero beyond the last.
    pub fn sealed_bytes(&self, stripe: StripeNumber) -> u64 {
        sealed_length(ByteCount::new(self.plain_bytes(stripe))).get()
    }

    /// Sealed bytes of the whole part.
    pub fn sealed_total(&self) -> ByteCount {
        sealed_length(ByteCount::new(self.size))
    }

    /// Whether this is the part's last stripe.
    pub fn is_last(&self, stripe: StripeNumber) -> bool {
        stripe.get().saturating_add(1) == self.stripe_count()
    }

    /// The stripes, chunks and sealed bytes that hold a range of plain bytes of the part,
    /// in order. Bytes beyond the part's end are left out.
    pub fn ranges(&self, plain: Range<u64>) -> impl Iterator<Item = StripeRange> + use<> {
        let layout = *self;
        let end = plain.end.min(self.size);
        let start = plain.start;
        let first = start / self.stripe_bytes;
        let after = if start < end { end.div_ceil(self.stripe_bytes) } else { first };
        (first..after).filter_map(move |stripe| {
            let base = stripe * layout.stripe_bytes;
            let number = StripeNumber::new(u32::try_from(stripe).ok()?);
            let from = start.max(base) - base;
            let to = end.min(base + layout.stripe_bytes) - base;
            layout.range_in(number, from..to)
        })
    }

    /// What to read for a range of plain bytes within one stripe; `None` if it is
    /// empty or reaches beyond the stripe.
    pub fn range_in(&self, stripe: StripeNumber, plain: Range<u64>) -> Option<StripeRange> {
        let bytes = self.plain_bytes(stripe);
        if plain.start >= plain.end || plain.end > bytes {
            return None;
        }
        let first = plain.start / CHUNK;
        let after = plain.end.div_ceil(CHUNK);
        let sealed_end = sealed_length(ByteCount::new(bytes.min(after * CHUNK))).get();
        let skip = plain.start - first * CHUNK;
        Some(StripeRange {
            stripe,
            first_chunk: u32::try_from(first).ok()?,
            sealed: first * (CHUNK + TAG)..sealed_end,
            wanted: usize::try_from(skip).ok()?
                ..usize::try_from(skip + (plain.end - plain.start)).ok()?,
        })
    }
}
