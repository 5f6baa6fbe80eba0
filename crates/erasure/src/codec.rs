//! Which arithmetic made the parity; recorded with the data for ever.

use thiserror::Error;

/// The codec of a part, as one byte on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CodecId {
    /// Contiguous cut; parity by the Leopard code over GF(2^16) as
    /// `reed-solomon-simd` 3 computes it.
    #[default]
    ContiguousLeopard16 = 1,
    /// The same arithmetic, of a part that was cut anew: the names of its fragments say the
    /// code ([`crate::Cut`]).
    NamedLeopard16 = 2,
}

/// A codec byte that this version does not know.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("codec {0} is not known to this version")]
pub struct UnknownCodec(pub u8);

impl CodecId {
    /// The byte that is recorded.
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// Decodes a recorded byte.
    pub const fn from_byte(byte: u8) -> Result<Self, UnknownCodec> {
        match byte {
            1 => Ok(Self::ContiguousLeopard16),
            2 => Ok(Self::NamedLeopard16),
            other => Err(UnknownCodec(other)),
        }
    }
}
