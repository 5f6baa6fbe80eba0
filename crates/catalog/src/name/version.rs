//! Version identifiers, as stored and as shown.
//!
//! ```text
//! VersionId   = ordinal (64 bits, assigned in apply, growing) ‖ random (64 bits, from the command)
//! shown       = 32 lower-case hexadecimal digits, or "null" for the null version
//! ```
//! The ordinal orders the versions of a key; the random half makes an id
//! unguessable, so that an id is not the right to read.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::NameError;

/// What identifies one version of one key, null version or not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VersionId {
    ordinal: u64,
    random: u64,
}

impl VersionId {
    /// Puts the two halves together.
    pub const fn new(ordinal: u64, random: u64) -> Self {
        Self { ordinal, random }
    }

    /// The half that orders: a later version of a key has a larger ordinal.
    pub const fn ordinal(self) -> u64 {
        self.ordinal
    }

    /// The half that cannot be guessed.
    pub const fn random(self) -> u64 {
        self.random
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.ordinal, self.random)
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionId({self})")
    }
}

impl FromStr for VersionId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 32 || !text.bytes().all(digits) {
            return Err(NameError::Malformed);
        }
        let bits = u128::from_str_radix(text, 16).map_err(|_| NameError::Malformed)?;
        let halves = bits.to_be_bytes();
        let mut ordinal = [0_u8; 8];
        let mut random = [0_u8; 8];
        ordinal.copy_from_slice(&halves[..8]);
        random.copy_from_slice(&halves[8..]);
        Ok(Self { ordinal: u64::from_be_bytes(ordinal), random: u64::from_be_bytes(random) })
    }
}

/// A version as clients see and name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VersionName {
    /// The version written while versioning was off or suspended: `null`.
    Null,
    /// A version written while versioning was on.
    Id(VersionId),
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Id(id) => id.fmt(f),
        }
    }
}

impl FromStr for VersionName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text == "null" { Ok(Self::Null) } else { text.parse().map(Self::Id) }
    }
}

/// Which version of a key a request is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VersionAsk {
    /// The current one (no `versionId` was given).
    #[default]
    Current,
    /// The one with this name.
    Named(VersionName),
    /// Exactly this one, whether it shows as `null` or not; never from a client.
    Exact(VersionId),
}

impl From<VersionName> for VersionAsk {
    fn from(name: VersionName) -> Self {
        Self::Named(name)
    }
}

impl From<Option<VersionName>> for VersionAsk {
    fn from(name: Option<VersionName>) -> Self {
        name.map_or(Self::Current, Self::Named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        let id = VersionId::new(0x12, 0xff00_0000_0000_0001);
        assert_eq!(id.to_string(), "0000000000000012ff00000000000001");
        assert_eq!(id.to_string().parse(), Ok(VersionName::Id(id)));
        assert_eq!("null".parse(), Ok(VersionName::Null));
        assert_eq!("Null".parse::<VersionName>(), Err(NameError::Malformed));
        assert_eq!("".parse::<VersionName>(), Err(NameError::Malformed));
    }
}
