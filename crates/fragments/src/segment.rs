//! A segment file: its name and its head.
//!
//! ```text
//!   segments/0000002a.seg
//!   ┌──────────────┬────────┬────────┬─ … ─┬────────┬──────────────────┐
//!   │ head, 64 B   │ record │ record │     │ record │ footer if sealed │
//!   └──────────────┴────────┴────────┴─ … ─┴────────┴──────────────────┘
//!   head:  at  bytes
//!           0    8   magic "ESSAIMSG"
//!           8    2   version: 1
//!          10    2   zero
//!          12    4   segment number
//!          16   16   disk id
//!          32   16   cluster id
//!          48   12   zero
//!          60    4   CRC32C of bytes 0..60
//! ```
//! Segment numbers only grow and are never used again on a disk. The head repeats
//! the disk's identity so that it can be recovered from any segment.

use units::{ClusterId, DiskId};

use crate::bytes_read::Fields;
use crate::checksum::crc32c;

/// Directory of the segments on a disk.
pub(crate) const SEGMENT_DIRECTORY: &str = "segments";

/// Length of the head; the first record stands here.
pub(crate) const SEGMENT_HEAD_BYTES: u32 = 64;

const MAGIC: [u8; 8] = *b"ESSAIMSG";
const VERSION: u16 = 1;

/// Whose segment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    pub(crate) segment: u32,
    pub(crate) disk: DiskId,
    pub(crate) cluster: ClusterId,
}

impl SegmentHead {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEAD_BYTES as usize);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.disk.to_bytes());
        bytes.extend_from_slice(&self.cluster.to_bytes());
        bytes.extend_from_slice(&[0; 12]);
        bytes.extend_from_slice(&crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let guarded = bytes.get(..60)?;
        if Fields(bytes.get(60..)?).u32()? != crc32c(guarded) {
            return None;
        }
        let mut fields = Fields(guarded);
        if fields.array::<8>()? != MAGIC || fields.array::<2>()? != VERSION.to_le_bytes() {
            return None;
        }
        fields.array::<2>()?;
        Some(Self {
            segment: fields.u32()?,
            disk: DiskId::from_bytes(fields.array()?),
            cluster: ClusterId::from_bytes(fields.array()?),
        })
    }
}

/// Path of a segment on its disk.
pub(crate) fn segment_path(segment: u32) -> String {
    format!("{SEGMENT_DIRECTORY}/{segment:08x}.seg")
}

/// The number in a segment's file name; `None` for other files.
pub(crate) fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".seg")?;
    let plain = digits.len() == 8
        && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if plain { u32::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_name_round_trip() {
        let head = SegmentHead {
            segment: 42,
            disk: DiskId::from_u128(7),
            cluster: ClusterId::from_u128(9),
        };
        let mut bytes = head.encode();
        assert_eq!(bytes.len(), SEGMENT_HEAD_BYTES as usize);
        assert_eq!(SegmentHead::decode(&bytes), Some(head));
        bytes[20] ^= 1;
        assert_eq!(SegmentHead::decode(&bytes), None);
        assert_eq!(segment_number("0000002a.seg"), Some(42));
        for other in ["2a.seg", "0000002A.seg", "0000002a.tmp", "+000002a.seg", "é000002a.seg"] {
            assert_eq!(segment_number(other), None, "{other}");
        }
        assert_eq!(segment_path(42), "segments/0000002a.seg");
    }
}
