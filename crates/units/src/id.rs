//! Typed identifiers.
//!
//! All are 128 random bits, written as 32 lower-case hexadecimal digits, and
//! stored as 16 big-endian bytes; a type per noun keeps them apart.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Random;

/// Text that is not 32 lower-case hexadecimal digits.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("expected 32 hexadecimal digits")]
pub struct ParseIdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(u128);

        impl $name {
            /// Draws a fresh id from 128 random bits.
            pub fn draw(random: &dyn Random) -> Self {
                let mut bytes = [0_u8; 16];
                random.fill(&mut bytes);
                Self(u128::from_be_bytes(bytes))
            }

            /// The id with exactly these bits; for decoding and for tests.
            pub const fn from_u128(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits.
            pub const fn to_u128(self) -> u128 {
                self.0
            }

            /// Decodes 16 big-endian bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// 16 big-endian bytes; their order is the order of the ids.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:032x})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                if text.len() != 32 || !text.bytes().all(digits) {
                    return Err(ParseIdError);
                }
                u128::from_str_radix(text, 16).map(Self).map_err(|_| ParseIdError)
            }
        }
    )*};
}

ids! {
    /// A group of sites that share one catalog.
    ClusterId,
    /// One running process on one machine.
    NodeId,
    /// One physical place under one operator.
    SiteId,
    /// One data directory on one file system.
    DiskId,
    /// An organisation or household whose data is held.
    TenantId,
    /// A person or service account inside a tenant.
    UserId,
    /// A bucket; survives renames, never reused.
    BucketId,
    /// A run of stripes written at once, sealed under one key.
    PartId,
    /// A multipart upload in progress.
    UploadId,
    /// One use of a part by one object version; bound into the key wrapping.
    ReferenceId,
    /// An invitation to join the cluster, good for one node.
    InviteId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_round_trip() {
        let id = BucketId::from_u128(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(id.to_string(), "0123456789abcdef0011223344556677");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(BucketId::from_bytes(id.to_bytes()), id);
    }

    #[test]
    fn other_text_is_refused() {
        for text in
            ["", "0", "0123456789ABCDEF0011223344556677", "+123456789abcdef0011223344556677"]
        {
            assert_eq!(text.parse::<BucketId>(), Err(ParseIdError), "{text:?}");
        }
    }
}
