//! Why something does not seal or open.

use thiserror::Error;
use units::{PartId, StripeNumber};

/// Something sealed that does not open.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// Not sealed under this key for this purpose, or altered since.
    #[error("{what} does not open under the given key: altered, swapped or another key's")]
    NotAuthentic {
        /// What was to be opened.
        what: &'static str,
    },
    /// A chunk that is not what the part's key sealed at this place.
    #[error("part {part} stripe {stripe} chunk {chunk} does not open: altered or misplaced")]
    Chunk {
        /// The part.
        part: PartId,
        /// The stripe.
        stripe: StripeNumber,
        /// Position of the chunk in its stripe.
        chunk: u32,
    },
    /// Too few or too many bytes to be the thing.
    #[error("{what} of {bytes} bytes has an impossible length")]
    Length {
        /// What was to be opened.
        what: &'static str,
        /// Bytes found.
        bytes: usize,
    },
    /// Stored bytes that are not of a known format.
    #[error(transparent)]
    Format(#[from] WrappedKeyError),
}

/// Bytes that are not a wrapped key or a ring of them.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum WrappedKeyError {
    /// The length is wrong.
    #[error("a wrapped key has {expected} bytes, not {bytes}")]
    Length {
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        bytes: usize,
    },
    /// A version this software does not know.
    #[error("wrapped key format version {version} is not known")]
    Version {
        /// The version byte found.
        version: u8,
    },
    /// An algorithm this software does not know.
    #[error("wrapping algorithm {algorithm} is not known")]
    Algorithm {
        /// The algorithm byte found.
        algorithm: u8,
    },
    /// A key of another kind than the one asked for.
    #[error("a wrapped key of kind {found} where kind {expected} was expected")]
    Kind {
        /// The kind byte expected.
        expected: u8,
        /// The kind byte found.
        found: u8,
    },
    /// A ring with no key, or more than there may be, or out of order.
    #[error("a ring of {count} wrapped keys is empty, too long or out of order")]
    Ring {
        /// Keys found.
        count: usize,
    },
    /// No key of the ring has this generation.
    #[error("no key of generation {generation} is in the ring")]
    NoSuchGeneration {
        /// The generation asked for.
        generation: u32,
    },
}

/// Something that cannot be sealed.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum SealError {
    /// The cipher refused; only a length beyond its limits does that.
    #[error("{what} of {bytes} bytes cannot be sealed")]
    Length {
        /// What was to be sealed.
        what: &'static str,
        /// Its bytes.
        bytes: usize,
    },
}
