//! The secret of an access key, sealed under its tenant's key.
//!
//! ```text
//! version 1 (1 byte) ‖ algorithm 1 (1 byte) ‖ tenant key generation (u32 LE)
//!   ‖ nonce (12, random) ‖ ciphertext ‖ tag (16 bytes)
//! ```
//! Associated data: bytes 0 to 5, then the encoded [`SecretNames`].

use aws_lc_rs::aead::{Aad, Nonce};
use units::Random;
use zeroize::Zeroizing;

use crate::limits::{NONCE_BYTES, SECRET_BYTES_MAX, TAG_BYTES};
use crate::wrap::cipher;
use crate::{
    Binding, Generation, Key, OpenError, SealError, SecretNames, TenantKey, WrappedKeyError,
};

const VERSION: u8 = 1;
const ALGORITHM: u8 = 1;
const HEADER_BYTES: usize = 6;

fn aad(header: &[u8], names: &SecretNames<'_>) -> Aad<Vec<u8>> {
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(&names.encode());
    Aad::from(bytes)
}

/// Seals a secret for one access key.
pub fn secret_seal(
    key: &TenantKey,
    names: &SecretNames<'_>,
    secret: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, SealError> {
    let refused = || SealError::Length { what: "secret", bytes: secret.len() };
    if secret.len() > SECRET_BYTES_MAX {
        return Err(refused());
    }
    let mut header = [VERSION, ALGORITHM, 0, 0, 0, 0];
    header[2..].copy_from_slice(&key.generation().get().to_le_bytes());
    let mut nonce = [0_u8; NONCE_BYTES];
    random.fill(&mut nonce);
    let mut body = Zeroizing::new(secret.to_vec());
    let tag = cipher(key.expose())
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            aad(&header, names),
            &mut body,
        )
        .map_err(|_| refused())?;
    Ok([header.as_slice(), &nonce, &body, tag.as_ref()].concat())
}

/// Which generation of the tenant key sealed a secret.
pub fn secret_generation(sealed: &[u8]) -> Result<Generation, OpenError> {
    let Some((header, _)) = sealed.split_first_chunk::<HEADER_BYTES>() else {
        return Err(OpenError::Length { what: "sealed secret", bytes: sealed.len() });
    };
    let [version, algorithm, generation @ ..] = *header;
    if version != VERSION {
        return Err(WrappedKeyError::Version { version }.into());
    }
    if algorithm != ALGORITHM {
        return Err(WrappedKeyError::Algorithm { algorithm }.into());
    }
    Ok(Generation::new(u32::from_le_bytes(generation)))
}

/// Opens what [`secret_seal`] made.
pub fn secret_open(
    key: &TenantKey,
    names: &SecretNames<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let length = OpenError::Length { what: "sealed secret", bytes: sealed.len() };
    if sealed.len() > HEADER_BYTES + NONCE_BYTES + SECRET_BYTES_MAX + TAG_BYTES {
        return Err(length);
    }
    secret_generation(sealed)?;
    let Some((header, rest)) = sealed.split_at_checked(HEADER_BYTES) else { return Err(length) };
    let Some((nonce, body)) = rest.split_first_chunk::<NONCE_BYTES>() else { return Err(length) };
    let mut plain = Zeroizing::new(body.to_vec());
    let opened = cipher(key.expose())
        .open_in_place(Nonce::assume_unique_for_key(*nonce), aad(header, names), &mut plain)
        .map_err(|_| OpenError::NotAuthentic { what: "access key secret" })?
        .len();
    plain.truncate(opened);
    Ok(plain)
}
