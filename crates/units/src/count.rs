//! Counts and positions, one type each.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident: $repr:ty),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name($repr);

        impl $name {
            /// The zero of this count.
            pub const ZERO: Self = Self(0);
            /// The largest value.
            pub const MAX: Self = Self(<$repr>::MAX);

            /// Wraps a plain number.
            pub const fn new(value: $repr) -> Self {
                Self(value)
            }

            /// The plain number.
            pub const fn get(self) -> $repr {
                self.0
            }

            /// The next value; saturates at the largest.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// The sum; saturates at the largest.
            #[must_use]
            pub const fn plus(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// The difference; zero if `other` is larger.
            #[must_use]
            pub const fn minus(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

counts! {
    /// A length or capacity in bytes.
    ByteCount: u64,
    /// How many object versions.
    ObjectCount: u64,
    /// Position in the replicated log; the first entry is 1.
    LogIndex: u64,
    /// Position in the catalog's change feed; the first event is 1.
    Sequence: u64,
    /// Version of the site map.
    Epoch: u64,
    /// Position of a stripe in its part; the first is 0.
    StripeNumber: u32,
    /// Position of a fragment in its stripe; 0 to k+m-1.
    FragmentNumber: u8,
    /// S3 part number; 1 to 10,000.
    PartNumber: u16,
}

impl core::iter::Sum for ByteCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::ZERO, Self::plus)
    }
}
