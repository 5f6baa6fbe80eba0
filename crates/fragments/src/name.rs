//! What is stored: named, self-describing pieces of stripes.

use core::fmt;

use bytes::Bytes;
use erasure::{Code, CodecId};
use units::{ByteCount, FragmentNumber, PartId, StripeNumber};

/// A fragment's name; the order of names is the order of listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FragmentName {
    /// The part it belongs to.
    pub part: PartId,
    /// Which stripe of the part.
    pub stripe: StripeNumber,
    /// Which fragment of the stripe, data first.
    pub fragment: FragmentNumber,
}

impl FragmentName {
    /// The first name of a part.
    pub const fn first_of(part: PartId) -> Self {
        Self { part, stripe: StripeNumber::ZERO, fragment: FragmentNumber::ZERO }
    }

    /// The last name of a part.
    pub const fn last_of(part: PartId) -> Self {
        Self { part, stripe: StripeNumber::MAX, fragment: FragmentNumber::MAX }
    }
}

impl fmt::Display for FragmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.part, self.stripe, self.fragment)
    }
}

/// What a fragment says about itself on disk, so that a stripe can be rebuilt from
/// fragments alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentHeader {
    /// Its name.
    pub name: FragmentName,
    /// The arithmetic that made the stripe's parity.
    pub codec: CodecId,
    /// The stripe's geometry.
    pub code: Code,
    /// Length of the sealed stripe it was cut from.
    pub stripe_bytes: ByteCount,
}

/// A fragment on its way to a disk.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// What it says about itself.
    pub header: FragmentHeader,
    /// Its bytes: at most [`crate::limits::FRAGMENT_BYTES_MAX`]; may be empty.
    pub payload: Bytes,
}

/// A stored fragment, as listings show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: FragmentName,
    /// Length of its payload.
    pub bytes: ByteCount,
}
