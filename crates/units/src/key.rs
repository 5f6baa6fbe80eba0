//! Public keys and signatures of nodes, as bytes: whoever only keeps or compares them
//! needs no cryptography. `vault` signs and verifies.

use core::fmt;
use core::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The public half of a node's identity: an Ed25519 public key (RFC 8032, section 5.1.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodePublicKey(pub [u8; 32]);

/// Text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("expected 64 hexadecimal digits")]
pub struct ParseKeyError;

impl fmt::Display for NodePublicKey {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodePublicKey({self})")
    }
}

impl FromStr for NodePublicKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let mut key = [0_u8; 32];
        let mut pairs = text.as_bytes().chunks_exact(2);
        if text.len() != 2 * key.len() {
            return Err(ParseKeyError);
        }
        for (byte, pair) in key.iter_mut().zip(&mut pairs) {
            let [high, low] = pair else { return Err(ParseKeyError) };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(key))
    }
}

fn digit(text: u8) -> Result<u8, ParseKeyError> {
    match text {
        b'0'..=b'9' => Ok(text - b'0'),
        b'a'..=b'f' => Ok(text - b'a' + 10),
        _ => Err(ParseKeyError),
    }
}

/// An Ed25519 signature (RFC 8032, section 5.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(from)?;
        let wrong = |_| D::Error::custom("a signature has 64 bytes");
        <[u8; 64]>::try_from(bytes).map(Self).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let key = NodePublicKey(core::array::from_fn(|at| u8::try_from(at * 7).unwrap_or(9)));
        assert_eq!(key.to_string().parse(), Ok(key));
        let text = key.to_string();
        for other in [&text[1..], &text.to_uppercase(), &format!("{text}0"), "", &"é".repeat(32)] {
            assert_eq!(other.parse::<NodePublicKey>(), Err(ParseKeyError), "{other}");
        }
    }
}
