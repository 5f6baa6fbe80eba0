//! The chunks of a part: authenticated encryption in place.
//!
//! ```text
//! nonce (12) = stripe number (u32 BE) ‖ chunk number (u32 BE) ‖ domain "chnk"
//! associated data (45) = "essaim chunk v1" ‖ 0x00 ‖ part id (16) ‖ stripe (u32 LE)
//!                        ‖ chunk (u32 LE) ‖ plain bytes of the chunk (u32 LE) ‖ last of part (1)
//! ```
//! The key belongs to one part and each (stripe, chunk) is sealed once, so no
//! nonce repeats. The place is both in the nonce and in the associated data:
//! a chunk moved, cut, or passed off as the end of its part does not open.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use units::limits::CHUNK_BYTES;
use units::{PartId, StripeNumber, planted};

use crate::limits::{NONCE_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES};
use crate::wrap::cipher;
use crate::{Key, OpenError, PartKey, SealError};

const DOMAIN: &[u8; 16] = b"essaim chunk v1\0";
const AAD_BYTES: usize = 16 + 16 + 4 + 4 + 4 + 1;

/// Where a chunk is in its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// The stripe.
    pub stripe: StripeNumber,
    /// Position in the stripe; the first is 0.
    pub chunk: u32,
    /// Whether nothing follows it in the part.
    pub last: bool,
}

/// Seals and opens the chunks of one part.
pub struct ChunkSealer {
    cipher: LessSafeKey,
    part: PartId,
}

impl core::fmt::Debug for ChunkSealer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ChunkSealer({:?}, key hidden)", self.part)
    }
}

impl ChunkSealer {
    /// The sealer of one part under its key.
    pub fn new(key: &PartKey, part: PartId) -> Self {
        Self { cipher: cipher(key.expose()), part }
    }

    fn nonce(place: ChunkPlace) -> Nonce {
        let mut nonce = [0_u8; NONCE_BYTES];
        if planted::is_on("seal-reuse-nonce") {
            return Nonce::assume_unique_for_key(nonce);
        }
        nonce[..4].copy_from_slice(&place.stripe.get().to_be_bytes());
        nonce[4..8].copy_from_slice(&place.chunk.to_be_bytes());
        nonce[8..].copy_from_slice(b"chnk");
        Nonce::assume_unique_for_key(nonce)
    }

    fn aad(&self, place: ChunkPlace, plain_bytes: usize) -> Aad<[u8; AAD_BYTES]> {
        let mut aad = [0_u8; AAD_BYTES];
        aad[..16].copy_from_slice(DOMAIN);
        aad[16..32].copy_from_slice(&self.part.to_bytes());
        aad[32..36].copy_from_slice(&place.stripe.get().to_le_bytes());
        if !planted::is_on("seal-drop-chunk") {
            aad[36..40].copy_from_slice(&place.chunk.to_le_bytes());
        }
        let length = u32::try_from(plain_bytes).unwrap_or(u32::MAX);
        aad[40..44].copy_from_slice(&length.to_le_bytes());
        aad[44] = u8::from(place.last && !planted::is_on("seal-drop-last"));
        Aad::from(aad)
    }

    /// Seals one chunk in place: `chunk` holds the plain bytes followed by room
    /// for the tag (16 bytes, overwritten).
    pub fn seal_chunk(&self, place: ChunkPlace, chunk: &mut [u8]) -> Result<(), SealError> {
        let bytes = chunk.len();
        let refused = || SealError::Length { what: "chunk", bytes };
        if bytes <= TAG_BYTES || bytes > SEALED_CHUNK_BYTES {
            return Err(refused());
        }
        let (plain, room) = chunk.split_at_mut(bytes - TAG_BYTES);
        let aad = self.aad(place, plain.len());
        let tag = self
            .cipher
            .seal_in_place_separate_tag(Self::nonce(place), aad, plain)
            .map_err(|_| refused())?;
        room.copy_from_slice(tag.as_ref());
        Ok(())
    }

    /// Opens one sealed chunk in place; returns its plain bytes, a prefix of `chunk`.
    pub fn open_chunk<'a>(
        &self,
        place: ChunkPlace,
        chunk: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError> {
        let bytes = chunk.len();
        if bytes <= TAG_BYTES || bytes > SEALED_CHUNK_BYTES {
            return Err(OpenError::Length { what: "sealed chunk", bytes });
        }
        let aad = self.aad(place, bytes - TAG_BYTES);
        if planted::is_on("seal-skip-tag") {
            return self.open_unchecked(place, chunk);
        }
        let part = self.part;
        self.cipher.open_in_place(Self::nonce(place), aad, chunk).map_err(|_| OpenError::Chunk {
            part,
            stripe: place.stripe,
            chunk: place.chunk,
        })
    }

    /// The planted bug: plain bytes whether or not the tag is right. Counter mode
    /// undoes itself, so sealing the ciphertext again gives the plain bytes back.
    #[cold]
    fn open_unchecked<'a>(
        &self,
        place: ChunkPlace,
        chunk: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError> {
        let bytes = chunk.len();
        let refused = OpenError::Length { what: "sealed chunk", bytes };
        let (body, _) = chunk.split_at_mut(bytes.saturating_sub(TAG_BYTES));
        let aad = self.aad(place, body.len());
        match self.cipher.seal_in_place_separate_tag(Self::nonce(place), aad, body) {
            Ok(_) => Ok(body),
            Err(_) => Err(refused),
        }
    }

    /// Seals a stripe in place. `stripe` is laid out as sealed: each 64 KiB of
    /// plain bytes (the last chunk may be shorter) is followed by 16 bytes of room.
    pub fn seal_stripe(
        &self,
        number: StripeNumber,
        last_of_part: bool,
        stripe: &mut [u8],
    ) -> Result<(), SealError> {
        let count = stripe.len().div_ceil(SEALED_CHUNK_BYTES);
        for (index, chunk) in stripe.chunks_mut(SEALED_CHUNK_BYTES).enumerate() {
            self.seal_chunk(Self::place(number, index, index + 1 == count && last_of_part), chunk)?;
        }
        Ok(())
    }

    /// Seals plain bytes into a buffer, which is cleared first.
    pub fn seal_stripe_into(
        &self,
        number: StripeNumber,
        last_of_part: bool,
        plain: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        sealed.clear();
        for chunk in plain.chunks(CHUNK_BYTES) {
            sealed.extend_from_slice(chunk);
            sealed.extend_from_slice(&[0; TAG_BYTES]);
        }
        self.seal_stripe(number, last_of_part, sealed)
    }

    /// Opens consecutive whole chunks of a stripe in place and closes the gaps:
    /// on success `sealed` holds the plain bytes of those chunks.
    ///
    /// `reaches_end` says that the run ends with the last chunk of the part.
    pub fn open_run(
        &self,
        stripe: StripeNumber,
        first_chunk: u32,
        reaches_end: bool,
        sealed: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let count = sealed.len().div_ceil(SEALED_CHUNK_BYTES);
        for (index, chunk) in sealed.chunks_mut(SEALED_CHUNK_BYTES).enumerate() {
            let mut place = Self::place(stripe, index, index + 1 == count && reaches_end);
            place.chunk = place.chunk.saturating_add(first_chunk);
            self.open_chunk(place, chunk)?;
        }
        let mut plain = 0;
        for index in 0..count {
            let start = index * SEALED_CHUNK_BYTES;
            let end = sealed.len().min(start + SEALED_CHUNK_BYTES) - TAG_BYTES;
            sealed.copy_within(start..end, plain);
            plain += end - start;
        }
        sealed.truncate(plain);
        Ok(())
    }

    fn place(stripe: StripeNumber, index: usize, last: bool) -> ChunkPlace {
        ChunkPlace { stripe, chunk: u32::try_from(index).unwrap_or(u32::MAX), last }
    }
}
