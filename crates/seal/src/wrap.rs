//! One key wrapped under another: the only form in which keys are stored.
//!
//! ```text
//! offset  bytes  field
//!      0      1  version            1
//!      1      1  algorithm          1 = AES-256-GCM
//!      2      1  kind of the key    1 root … 7 passphrase
//!      3      1  kind of the key it is wrapped under
//!      4      4  generation of the key, LE
//!      8      4  generation of the key it is wrapped under, LE
//!     12     12  nonce, random
//!     24     32  ciphertext
//!     56     16  tag
//! ```
//! Associated data: bytes 0 to 11, then the encoded [`Binding`].

use core::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use units::{Random, planted};
use zeroize::Zeroizing;

use crate::binding::{BucketNames, KeyUse, NamedKeyNames, RootNames, TenantNames};
use crate::limits::{KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::{
    Binding, BucketKey, CustomerKey, Generation, Key, NamedKey, OpenError, PartKey, PassphraseKey,
    RootKey, TenantKey, WrappedKeyError,
};

const VERSION: u8 = 1;
const ALGORITHM_AES_256_GCM: u8 = 1;
const HEADER_BYTES: usize = 12;
const NONCE_END: usize = HEADER_BYTES + NONCE_BYTES;

/// Which key may wrap which, and what the wrapping is bound to.
pub trait Wraps<K: Key>: Key {
    /// The names bound into the wrapping.
    type Names<'a>: Binding;
}

impl Wraps<RootKey> for PassphraseKey {
    type Names<'a> = RootNames;
}
impl Wraps<TenantKey> for RootKey {
    type Names<'a> = TenantNames;
}
impl Wraps<BucketKey> for TenantKey {
    type Names<'a> = BucketNames;
}
impl Wraps<NamedKey> for TenantKey {
    type Names<'a> = NamedKeyNames<'a>;
}
impl Wraps<PartKey> for BucketKey {
    type Names<'a> = KeyUse<'a>;
}
impl Wraps<PartKey> for NamedKey {
    type Names<'a> = KeyUse<'a>;
}
impl Wraps<PartKey> for CustomerKey {
    type Names<'a> = KeyUse<'a>;
}

/// A key that only the right key, for the right names, unwraps.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WrappedKey([u8; Self::BYTES]);

impl WrappedKey {
    /// Bytes of a wrapped key.
    pub const BYTES: usize = NONCE_END + KEY_BYTES + TAG_BYTES;

    /// Reads stored bytes; checks the format, not the authenticity.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WrappedKeyError> {
        let array: [u8; Self::BYTES] = bytes
            .try_into()
            .map_err(|_| WrappedKeyError::Length { expected: Self::BYTES, bytes: bytes.len() })?;
        let [version, algorithm, ..] = array;
        if version != VERSION {
            return Err(WrappedKeyError::Version { version });
        }
        if algorithm != ALGORITHM_AES_256_GCM {
            return Err(WrappedKeyError::Algorithm { algorithm });
        }
        Ok(Self(array))
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Which rotation of its level the wrapped key is.
    pub const fn generation(&self) -> Generation {
        Generation::new(self.word(4))
    }

    /// Which rotation of the level above it is wrapped under.
    pub const fn under(&self) -> Generation {
        Generation::new(self.word(8))
    }

    /// The level of the wrapped key, as its format byte.
    pub const fn kind(&self) -> u8 {
        self.0[2]
    }

    /// The level of the key it is wrapped under, as its format byte.
    pub const fn under_kind(&self) -> u8 {
        self.0[3]
    }

    const fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "WrappedKey(kind {}, generation {}, under generation {})",
            self.kind(),
            self.generation(),
            self.under()
        )
    }
}

/// A cipher of these bits. The key length is right by type, so it cannot fail.
pub(crate) fn cipher(key: &[u8; KEY_BYTES]) -> LessSafeKey {
    match UnboundKey::new(&AES_256_GCM, key) {
        Ok(key) => LessSafeKey::new(key),
        Err(_) => unreachable!("AES-256 takes 32 bytes"),
    }
}

fn associated_data(header: &[u8], names: &impl Binding) -> Vec<u8> {
    let mut bytes = header.to_vec();
    if !planted::is_on("seal-unbound-wrap") {
        bytes.extend_from_slice(&names.encode());
    }
    bytes
}

/// Wraps `key` under `above`, for these names only.
pub fn wrap<K: Key, W: Wraps<K>>(
    above: &W,
    key: &K,
    names: &W::Names<'_>,
    random: &dyn Random,
) -> WrappedKey {
    let mut bytes = [0_u8; WrappedKey::BYTES];
    bytes[..4].copy_from_slice(&[VERSION, ALGORITHM_AES_256_GCM, K::KIND, W::KIND]);
    bytes[4..8].copy_from_slice(&key.generation().get().to_le_bytes());
    bytes[8..HEADER_BYTES].copy_from_slice(&above.generation().get().to_le_bytes());
    let mut nonce = [0_u8; NONCE_BYTES];
    random.fill(&mut nonce);
    bytes[HEADER_BYTES..NONCE_END].copy_from_slice(&nonce);
    let aad = Aad::from(associated_data(&bytes[..HEADER_BYTES], names));
    let mut body = Zeroizing::new(*key.expose());
    let sealed = cipher(above.expose()).seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        aad,
        &mut *body,
    );
    let Ok(tag) = sealed else { unreachable!("32 bytes are within the cipher's limits") };
    bytes[NONCE_END..NONCE_END + KEY_BYTES].copy_from_slice(&*body);
    bytes[NONCE_END + KEY_BYTES..].copy_from_slice(tag.as_ref());
    WrappedKey(bytes)
}

/// Unwraps a key; fails unless `above` wrapped exactly these bytes for exactly these names.
pub fn unwrap<K: Key, W: Wraps<K>>(
    above: &W,
    wrapped: &WrappedKey,
    names: &W::Names<'_>,
) -> Result<K, OpenError> {
    if wrapped.kind() != K::KIND {
        return Err(WrappedKeyError::Kind { expected: K::KIND, found: wrapped.kind() }.into());
    }
    if wrapped.under_kind() != W::KIND {
        return Err(WrappedKeyError::Kind { expected: W::KIND, found: wrapped.under_kind() }.into());
    }
    let not_authentic = || OpenError::NotAuthentic { what: K::NAME };
    let (header, rest) = wrapped.0.split_at(HEADER_BYTES);
    let (nonce, body) = rest.split_at(NONCE_BYTES);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| not_authentic())?;
    let mut body = Zeroizing::new(body.to_vec());
    let plain = cipher(above.expose())
        .open_in_place(nonce, Aad::from(associated_data(header, names)), &mut body)
        .map_err(|_| not_authentic())?;
    let bytes: [u8; KEY_BYTES] = (&*plain).try_into().map_err(|_| not_authentic())?;
    Ok(K::from_bytes(bytes, wrapped.generation()))
}
