//! The generations of one key, wrapped, newest first.
//!
//! A rotation puts a new key at the front; the older ones stay until nothing is
//! wrapped under them any more, so that a rotation may be interrupted anywhere.
//!
//! ```text
//! version 1 (1 byte) ‖ count (1 byte) ‖ count × wrapped key (72 bytes)
//! ```
//! Generations strictly fall from the first to the last.

use crate::limits::RING_KEYS_MAX;
use crate::{Generation, WrappedKey, WrappedKeyError};

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 2;

/// One to eight generations of a wrapped key, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WrappedRing {
    keys: Vec<WrappedKey>,
}

impl WrappedRing {
    /// A ring of one key.
    pub fn of(key: WrappedKey) -> Self {
        Self { keys: vec![key] }
    }

    /// A ring of these keys, newest first.
    pub fn from_keys(keys: Vec<WrappedKey>) -> Result<Self, WrappedKeyError> {
        let falling = keys.windows(2).all(|pair| match pair {
            [newer, older] => newer.generation() > older.generation(),
            _ => true,
        });
        if keys.is_empty() || keys.len() > RING_KEYS_MAX || !falling {
            return Err(WrappedKeyError::Ring { count: keys.len() });
        }
        Ok(Self { keys })
    }

    /// Reads stored bytes; checks the format, not the authenticity.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WrappedKeyError> {
        let [version, count, body @ ..] = bytes else {
            return Err(WrappedKeyError::Length { expected: HEADER_BYTES, bytes: bytes.len() });
        };
        if *version != VERSION {
            return Err(WrappedKeyError::Version { version: *version });
        }
        let expected = HEADER_BYTES + usize::from(*count) * WrappedKey::BYTES;
        if bytes.len() != expected {
            return Err(WrappedKeyError::Length { expected, bytes: bytes.len() });
        }
        let keys = body
            .chunks_exact(WrappedKey::BYTES)
            .map(WrappedKey::from_bytes)
            .collect::<Result<Vec<_>, _>>()?;
        Self::from_keys(keys)
    }

    /// The bytes to store.
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.keys.len()).unwrap_or(u8::MAX);
        let mut bytes = vec![VERSION, count];
        for key in &self.keys {
            bytes.extend_from_slice(key.as_bytes());
        }
        bytes
    }

    /// All keys, newest first.
    pub fn keys(&self) -> &[WrappedKey] {
        &self.keys
    }

    /// The newest key: the one that new things are wrapped under.
    pub fn newest(&self) -> &WrappedKey {
        match self.keys.first() {
            Some(key) => key,
            None => unreachable!("a ring is never empty"),
        }
    }

    /// The key of one generation.
    pub fn generation(&self, generation: Generation) -> Result<&WrappedKey, WrappedKeyError> {
        self.keys
            .iter()
            .find(|key| key.generation() == generation)
            .ok_or(WrappedKeyError::NoSuchGeneration { generation: generation.get() })
    }

    /// This ring with a newer key at its front.
    pub fn with_newer(&self, key: WrappedKey) -> Result<Self, WrappedKeyError> {
        let mut keys = vec![key];
        keys.extend_from_slice(&self.keys);
        Self::from_keys(keys)
    }

    /// This ring with its newest key only: once nothing is wrapped under the others.
    #[must_use]
    pub fn newest_only(&self) -> Self {
        Self::of(*self.newest())
    }
}
