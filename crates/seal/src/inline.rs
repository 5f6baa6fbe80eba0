//! A whole small object, sealed into its catalog row.
//!
//! ```text
//! version 1 (1 byte) ‖ algorithm 1 (1 byte) ‖ ciphertext ‖ tag (16 bytes)
//! ```
//! The part key is drawn for this row alone and seals once, so the nonce is
//! constant; associated data = "essaim inline v1" ‖ 0x00 ‖ the two first bytes ‖ part id (16).

use aws_lc_rs::aead::{Aad, Nonce};
use units::PartId;
use units::limits::INLINE_BYTES_MAX;

use crate::limits::{NONCE_BYTES, TAG_BYTES};
use crate::wrap::cipher;
use crate::{Key, OpenError, PartKey, SealError, WrappedKeyError};

const HEADER: [u8; 2] = [1, 1];
const NONCE: [u8; NONCE_BYTES] = *b"\0\0\0\0\0\0\0\0inln";

fn aad(part: PartId) -> Aad<[u8; 35]> {
    let mut aad = [0_u8; 35];
    aad[..17].copy_from_slice(b"essaim inline v1\0");
    aad[17..19].copy_from_slice(&HEADER);
    aad[19..].copy_from_slice(&part.to_bytes());
    Aad::from(aad)
}

/// Seals a small object under a key drawn for it alone.
pub fn inline_seal(key: &PartKey, part: PartId, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let refused = || SealError::Length { what: "inline object", bytes: plain.len() };
    if plain.len() > INLINE_BYTES_MAX {
        return Err(refused());
    }
    let mut sealed = Vec::with_capacity(HEADER.len() + plain.len() + TAG_BYTES);
    sealed.extend_from_slice(&HEADER);
    sealed.extend_from_slice(plain);
    let body = sealed.get_mut(HEADER.len()..).unwrap_or_default();
    let tag = cipher(key.expose())
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(NONCE), aad(part), body)
        .map_err(|_| refused())?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens what [`inline_seal`] made.
pub fn inline_open(key: &PartKey, part: PartId, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let [version, algorithm, body @ ..] = sealed else {
        return Err(OpenError::Length { what: "inline object", bytes: sealed.len() });
    };
    if *version != HEADER[0] {
        return Err(WrappedKeyError::Version { version: *version }.into());
    }
    if *algorithm != HEADER[1] {
        return Err(WrappedKeyError::Algorithm { algorithm: *algorithm }.into());
    }
    let mut plain = body.to_vec();
    let length = cipher(key.expose())
        .open_in_place(Nonce::assume_unique_for_key(NONCE), aad(part), &mut plain)
        .map_err(|_| OpenError::NotAuthentic { what: "inline object" })?
        .len();
    plain.truncate(length);
    Ok(plain)
}
