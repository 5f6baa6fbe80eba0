//! What makes the checksums of one segment's records its own.
//!
//! Object keys and metadata stand in the log as they were sent, so a tenant can put bytes
//! there that look like records. Whoever searches the log for records must not take
//! them for such: so each segment draws a salt, which stands in its header and goes into the
//! checksums of its records, and which no tenant is ever told.
//!
//! **Invariants**
//! - A salt is drawn anew for every segment, leaves the node in no message, and a segment's
//!   records are read and written with the salt of its own header alone.
//! - No salt, that is zero, is what segments of format 1 have: a plain CRC-32C.

use units::Random;

use crate::log::record::crc32c;

/// The salt of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(u64);

impl Salt {
    /// That of segments of format 1.
    pub const NONE: Self = Self(0);

    /// A new one, never [`Salt::NONE`].
    pub fn draw(random: &dyn Random) -> Self {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        Self(u64::from_be_bytes(bytes).max(1))
    }

    /// As the header of a segment has it.
    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    /// As the header of a segment has it.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The CRC-32C (Castagnoli) of the salt, if there is one, and some bytes.
    #[expect(clippy::cast_possible_truncation, reason = "the algorithm gives 32 bits")]
    pub(crate) fn checksum(self, bytes: &[u8]) -> u32 {
        if self == Self::NONE {
            return crc32c(bytes);
        }
        let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
        digest.update(&self.to_bytes());
        digest.update(bytes);
        digest.finalize() as u32
    }
}

/// Messages and logs are no place for it.
impl core::fmt::Debug for Salt {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(if *self == Self::NONE { "Salt(none)" } else { "Salt(..)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    #[test]
    fn a_drawn_salt_is_never_none() {
        assert_ne!(Salt::draw(&Zeros), Salt::NONE);
    }

    #[test]
    fn the_salt_goes_in_front() {
        let salt = Salt(0x0102_0304_0506_0708);
        assert_eq!(salt.checksum(b"bytes"), crc32c(b"\x01\x02\x03\x04\x05\x06\x07\x08bytes"));
        assert_eq!(Salt::NONE.checksum(b"bytes"), crc32c(b"bytes"));
    }
}
