//! What can be wrong with a stripe or with the fragments of one.

use thiserror::Error;

use crate::Code;

/// A stripe that cannot be encoded.
#[derive(Debug, Error, Clone, Copy, PartialEq)]
pub enum EncodeError {
    /// A stripe has at least one byte.
    #[error("an empty stripe cannot be encoded")]
    Empty,
    /// The codec refused.
    #[error("parity of code {code} could not be computed")]
    Codec {
        /// The geometry.
        code: Code,
        /// What the codec said.
        #[source]
        source: reed_solomon_simd::Error,
    },
}

/// Fragments from which a stripe cannot be rebuilt.
#[derive(Debug, Error, Clone, Copy, PartialEq)]
pub enum RebuildError {
    /// A stripe has at least one byte.
    #[error("an empty stripe has no fragments")]
    Empty,
    /// There must be one slot per fragment of the code.
    #[error("{given} fragment slots were given for code {code}")]
    SlotCount {
        /// The geometry.
        code: Code,
        /// How many slots the caller gave.
        given: usize,
    },
    /// A fragment is not as long as the cut makes it.
    #[error("fragment {fragment} is {actual} bytes long instead of {expected}")]
    Length {
        /// Its number.
        fragment: u8,
        /// What the cut gives.
        expected: usize,
        /// What the caller gave.
        actual: usize,
    },
    /// Fewer than k fragments.
    #[error("{present} fragments are not enough for code {code}")]
    TooFew {
        /// The geometry.
        code: Code,
        /// How many there are.
        present: usize,
    },
    /// A range that is not of whole columns, or beyond the fragments.
    #[error("the bytes {start} to {end} of fragments cannot be rebuilt without the rest")]
    Range {
        /// Its first byte.
        start: usize,
        /// The byte behind its last.
        end: usize,
    },
    /// The codec refused.
    #[error("a stripe of code {code} could not be rebuilt")]
    Codec {
        /// The geometry.
        code: Code,
        /// What the codec said.
        #[source]
        source: reed_solomon_simd::Error,
    },
}
