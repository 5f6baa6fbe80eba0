//! A wrapped part key wrapped once more: under a customer's or named key inside,
//! under the bucket key outside.
//!
//! ```text
//! version 1 (1 byte) ‖ algorithm 1 (1 byte) ‖ 0x02 ‖ 0x00 ‖ bucket key generation (u32 LE)
//!   ‖ nonce (12, random) ‖ ciphertext of the inner wrapped key (72) ‖ tag (16)
//! ```
//! Associated data: bytes 0 to 7, then the encoded [`KeyUse`]. The bucket key can
//! be rotated without the customer's key, and destroying either key is enough.

use aws_lc_rs::aead::{Aad, Nonce};
use units::Random;

use crate::limits::{NONCE_BYTES, TAG_BYTES};
use crate::wrap::cipher;
use crate::{Binding, BucketKey, Generation, Key, KeyUse, OpenError, WrappedKey, WrappedKeyError};

const VERSION: u8 = 1;
const ALGORITHM: u8 = 1;
const TWICE: u8 = 2;
const HEADER_BYTES: usize = 8;

/// Bytes of a key that is wrapped twice.
pub const OVERWRAPPED_BYTES: usize = HEADER_BYTES + NONCE_BYTES + WrappedKey::BYTES + TAG_BYTES;

fn aad(header: &[u8], names: &KeyUse<'_>) -> Aad<Vec<u8>> {
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(&names.encode());
    Aad::from(bytes)
}

/// Wraps an already wrapped part key under the bucket key, for the same names.
pub fn overwrap(
    bucket_key: &BucketKey,
    inner: &WrappedKey,
    names: &KeyUse<'_>,
    random: &dyn Random,
) -> Vec<u8> {
    let mut header = [VERSION, ALGORITHM, TWICE, 0, 0, 0, 0, 0];
    header[4..].copy_from_slice(&bucket_key.generation().get().to_le_bytes());
    let mut nonce = [0_u8; NONCE_BYTES];
    random.fill(&mut nonce);
    let mut body = *inner.as_bytes();
    let sealed = cipher(bucket_key.expose()).seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        aad(&header, names),
        &mut body,
    );
    let Ok(tag) = sealed else { unreachable!("72 bytes are within the cipher's limits") };
    [header.as_slice(), &nonce, &body, tag.as_ref()].concat()
}

/// Which generation of the bucket key a key wrapped twice is under.
pub fn overwrapped_under(bytes: &[u8]) -> Result<Generation, OpenError> {
    if bytes.len() != OVERWRAPPED_BYTES {
        return Err(
            WrappedKeyError::Length { expected: OVERWRAPPED_BYTES, bytes: bytes.len() }.into()
        );
    }
    match bytes.first_chunk::<HEADER_BYTES>() {
        Some([VERSION, ALGORITHM, TWICE, 0, generation @ ..]) => {
            Ok(Generation::new(u32::from_le_bytes(*generation)))
        }
        Some([version, ..]) if *version != VERSION => {
            Err(WrappedKeyError::Version { version: *version }.into())
        }
        _ => Err(OpenError::NotAuthentic { what: "part key wrapped twice" }),
    }
}

/// Takes the outer wrapping off.
pub fn underwrap(
    bucket_key: &BucketKey,
    bytes: &[u8],
    names: &KeyUse<'_>,
) -> Result<WrappedKey, OpenError> {
    let not_authentic = || OpenError::NotAuthentic { what: "part key wrapped twice" };
    overwrapped_under(bytes)?;
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(not_authentic)?;
    let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(not_authentic)?;
    let mut body = body.to_vec();
    let plain = cipher(bucket_key.expose())
        .open_in_place(Nonce::assume_unique_for_key(*nonce), aad(header, names), &mut body)
        .map_err(|_| not_authentic())?;
    Ok(WrappedKey::from_bytes(plain)?)
}
