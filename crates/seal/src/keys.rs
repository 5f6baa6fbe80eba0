//! Keys, one type per level of the hierarchy.
//!
//! All are 256 random bits, wiped when dropped; `Debug` prints the level and
//! the generation, never a bit of the key.

use core::fmt;

use units::Random;
use zeroize::Zeroizing;

use crate::limits::KEY_BYTES;

/// Which rotation of a key this is; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u32);

impl Generation {
    /// The generation of a key that was never rotated.
    pub const FIRST: Self = Self(1);

    /// Wraps a plain number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The plain number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The generation after this one; saturates.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key of the hierarchy. Implemented by the types of this file only.
pub trait Key: sealed::Sealed + Sized {
    /// The level, as a byte of the stored format.
    const KIND: u8;
    /// The level, for messages.
    const NAME: &'static str;

    /// The key with exactly these bits; for tests and for keys that come from outside.
    fn from_bytes(bytes: [u8; KEY_BYTES], generation: Generation) -> Self;

    /// Draws a fresh key.
    fn draw(random: &dyn Random, generation: Generation) -> Self {
        let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
        random.fill(&mut *bytes);
        Self::from_bytes(*bytes, generation)
    }

    /// Which rotation this key is.
    fn generation(&self) -> Generation;

    /// The bits. They must not be written anywhere.
    fn expose(&self) -> &[u8; KEY_BYTES];
}

mod sealed {
    /// Keeps `Key` closed.
    pub trait Sealed {}
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident = $kind:literal, $label:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            bytes: Zeroizing<[u8; KEY_BYTES]>,
            generation: Generation,
        }

        impl sealed::Sealed for $name {}

        impl Key for $name {
            const KIND: u8 = $kind;
            const NAME: &'static str = $label;

            fn from_bytes(bytes: [u8; KEY_BYTES], generation: Generation) -> Self {
                Self { bytes: Zeroizing::new(bytes), generation }
            }

            fn generation(&self) -> Generation {
                self.generation
            }

            fn expose(&self) -> &[u8; KEY_BYTES] {
                &self.bytes
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(generation {}, hidden)"), self.generation)
            }
        }
    )*};
}

keys! {
    /// Wraps the tenant keys of one cluster; lives in the root key file.
    RootKey = 1, "root key";
    /// Wraps the bucket keys and named keys of one tenant.
    TenantKey = 2, "tenant key";
    /// Wraps the part keys of one bucket.
    BucketKey = 3, "bucket key";
    /// Seals the chunks of one part, or one inline row.
    PartKey = 4, "part key";
    /// A tenant's key with a name, as SSE-KMS asks for.
    NamedKey = 5, "named key";
    /// The client's own key, sent with each request (SSE-C); never stored.
    CustomerKey = 6, "customer key";
    /// Derived from the operator's passphrase; wraps the root key in its file.
    PassphraseKey = 7, "passphrase key";
}

impl CustomerKey {
    /// The key a client sent with its request.
    pub fn from_client(bytes: [u8; KEY_BYTES]) -> Self {
        Self::from_bytes(bytes, Generation::FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_bit_of_the_key() {
        let key = TenantKey::from_bytes([0xa7; KEY_BYTES], Generation::new(3));
        let shown = format!("{key:?}");
        assert_eq!(shown, "TenantKey(generation 3, hidden)");
        assert!(!shown.contains("167") && !shown.to_lowercase().contains("a7"));
    }
}
