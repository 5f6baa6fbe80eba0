//! One record of a segment: a fragment, the removal of some, or a mark.
//!
//! All numbers are little-endian; records begin at multiples of 8.
//! ```text
//!  at  bytes
//!   0    4   magic "EFR1"
//!   4    1   kind: 1 fragment, 2 removal of a part, 3 removal of one fragment, 4 mark
//!   5    1   codec        (0 in others, like all fields below that do not apply)
//!   6    1   k
//!   7    1   m
//!   8   16   part id
//!  24    4   stripe number
//!  28    1   fragment number
//!  29    3   zero
//!  32    4   payload length
//!  36    4   length of the sealed stripe
//!  40    4   number of the segment this record is written in
//!  44    4   offset of this record in the segment
//!  48    4   synced: everything in this segment below this offset was durable
//!            before this record was written
//!  52    4   block length: how many payload bytes one checksum guards
//!  56    8   removals: position (segment << 32 | offset) before which they apply
//!  64    4   CRC32C of disk id, bytes 0..64 and the block checksums
//!  68    4   zero
//!  72   4·b  CRC32C of each payload block, b = ceil(payload / block length)
//!   …        payload
//!   …        zeros up to a multiple of 8
//! ```
//! A record knows its disk, segment and offset, so that a misdirected write or a
//! left-over of another life is not taken for it. `synced` is what tells a torn
//! tail from decay: damage below the highest `synced` of a segment hit durable
//! bytes and is reported; only what lies above may have been torn by a power cut.
//!
//! A removal applies to records of its name that stand before its `before`, which
//! is where it was first written; compaction moves it without changing that, so
//! a fragment stored again after its removal is not killed by the moved removal.
//!
//! A mark ends every commit. Its payload lists the commit's records as a footer
//! would, so that a record whose header decays before the segment has a footer is
//! still known by name. A mark without a list is written when nothing else is: its
//! `synced` says that the commit before it was durable too.

use erasure::{Code, CodecId};
use units::{ByteCount, DiskId, FragmentNumber, PartId, StripeNumber};

use crate::bytes_read::Fields;
use crate::checksum::crc32c_of;
use crate::limits::{BLOCK_BYTES, FRAGMENT_BYTES_MAX};
use crate::position::Position;
use crate::{FragmentHeader, FragmentName};

/// First bytes of every record.
pub(crate) const RECORD_MAGIC: [u8; 4] = *b"EFR1";

/// Length of a record's header without its block checksums.
pub(crate) const RECORD_HEADER_BYTES: usize = 72;

/// Where the guarded part of the header ends and its checksum stands.
const GUARDED_BYTES: usize = 64;

/// Records begin at multiples of this.
pub(crate) const RECORD_ALIGN: usize = 8;

/// What a record records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fragment(FragmentHeader),
    PartRemoved { part: PartId, before: Position },
    FragmentRemoved { name: FragmentName, before: Position },
    Mark,
}

/// A decoded and verified header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) kind: Kind,
    pub(crate) payload_bytes: u32,
    pub(crate) position: Position,
    pub(crate) synced: u32,
    pub(crate) block_bytes: u32,
}

impl RecordHeader {
    /// Length of the header with its block checksums.
    pub(crate) fn header_bytes(&self) -> usize {
        header_bytes(self.payload_bytes as usize, self.block_bytes as usize)
    }

    /// Length of the whole record with its padding.
    pub(crate) fn record_bytes(&self) -> u64 {
        let bytes = self.header_bytes() + self.payload_bytes as usize;
        bytes.next_multiple_of(RECORD_ALIGN) as u64
    }

    /// The header's bytes, given the payload's block checksums.
    pub(crate) fn encode(&self, disk: DiskId, checksums: &[u8]) -> Vec<u8> {
        let (kind, before) = match self.kind {
            Kind::Fragment(_) => (1_u8, Position::default()),
            Kind::PartRemoved { before, .. } => (2, before),
            Kind::FragmentRemoved { before, .. } => (3, before),
            Kind::Mark => (4, Position::default()),
        };
        let (name, shape) = match self.kind {
            Kind::Fragment(header) => (header.name, Some(header)),
            Kind::PartRemoved { part, .. } => (FragmentName::first_of(part), None),
            Kind::FragmentRemoved { name, .. } => (name, None),
            Kind::Mark => (FragmentName::first_of(PartId::from_u128(0)), None),
        };
        let stripe_bytes = shape.map_or(0, |s| u32::try_from(s.stripe_bytes.get()).unwrap_or(0));
        let mut bytes = Vec::with_capacity(RECORD_HEADER_BYTES + checksums.len());
        bytes.extend_from_slice(&RECORD_MAGIC);
        bytes.push(kind);
        bytes.push(shape.map_or(0, |s| s.codec.to_byte()));
        bytes.push(shape.map_or(0, |s| s.code.data()));
        bytes.push(shape.map_or(0, |s| s.code.parity()));
        bytes.extend_from_slice(&name.part.to_bytes());
        bytes.extend_from_slice(&name.stripe.get().to_le_bytes());
        bytes.extend_from_slice(&[name.fragment.get(), 0, 0, 0]);
        bytes.extend_from_slice(&self.payload_bytes.to_le_bytes());
        bytes.extend_from_slice(&stripe_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.position.segment.to_le_bytes());
        bytes.extend_from_slice(&self.position.offset.to_le_bytes());
        bytes.extend_from_slice(&self.synced.to_le_bytes());
        bytes.extend_from_slice(&self.block_bytes.to_le_bytes());
        bytes.extend_from_slice(&before.to_u64().to_le_bytes());
        let checksum = crc32c_of(&[&disk.to_bytes(), &bytes, checksums]);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(checksums);
        bytes
    }

    /// How many bytes the whole header takes, from its first
    /// [`RECORD_HEADER_BYTES`]; nothing is verified but what bounds the answer.
    pub(crate) fn peek(start: &[u8]) -> Option<usize> {
        let mut fields = Fields(start);
        if fields.array::<4>()? != RECORD_MAGIC {
            return None;
        }
        fields.array::<28>()?;
        let payload = fields.u32()? as usize;
        fields.array::<16>()?;
        let block = fields.u32()? as usize;
        let bounded = payload == 0 || (payload <= FRAGMENT_BYTES_MAX && block >= BLOCK_BYTES_MIN);
        bounded.then(|| header_bytes(payload, block))
    }

    /// Decodes and verifies the header at the front of `bytes`, which must reach at
    /// least to the end of its block checksums; gives those too.
    pub(crate) fn decode(bytes: &[u8], disk: DiskId, expected: Position) -> Option<(Self, &[u8])> {
        let length = Self::peek(bytes)?;
        let guarded = bytes.get(..GUARDED_BYTES)?;
        let checksums = bytes.get(RECORD_HEADER_BYTES..length)?;
        let mut stored = Fields(bytes.get(GUARDED_BYTES..)?);
        let matches = stored.u32()? == crc32c_of(&[&disk.to_bytes(), guarded, checksums]);
        if !matches || stored.u32()? != 0 {
            return None;
        }
        let mut fields = Fields(guarded);
        fields.array::<4>()?;
        let [kind, codec, k, m] = fields.array::<4>()?;
        let name = FragmentName {
            part: PartId::from_bytes(fields.array()?),
            stripe: StripeNumber::new(fields.u32()?),
            fragment: FragmentNumber::new(fields.u8()?),
        };
        fields.array::<3>()?;
        let payload_bytes = fields.u32()?;
        let stripe_bytes = ByteCount::new(u64::from(fields.u32()?));
        let position = Position { segment: fields.u32()?, offset: fields.u32()? };
        let synced = fields.u32()?;
        let block_bytes = fields.u32()?;
        let before = Position::from_u64(fields.u64()?);
        let kind = match kind {
            1 => Kind::Fragment(FragmentHeader {
                name,
                codec: CodecId::from_byte(codec).ok()?,
                code: Code::new(k, m).ok()?,
                stripe_bytes,
            }),
            2 => Kind::PartRemoved { part: name.part, before },
            3 => Kind::FragmentRemoved { name, before },
            4 => Kind::Mark,
            _ => return None,
        };
        let header = Self { kind, payload_bytes, position, synced, block_bytes };
        (position == expected).then_some((header, checksums))
    }
}

/// A block length below this is no block length: it bounds what a header may claim.
const BLOCK_BYTES_MIN: usize = 4096;

const _: () = assert!(BLOCK_BYTES >= BLOCK_BYTES_MIN, "our own blocks are accepted");

fn header_bytes(payload_bytes: usize, block_bytes: usize) -> usize {
    RECORD_HEADER_BYTES + 4 * payload_bytes.div_ceil(block_bytes.max(1))
}

/// A record ready to be placed: everything but where it will stand.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) kind: DraftKind,
    pub(crate) checksums: Vec<u8>,
    pub(crate) block_bytes: u32,
    pub(crate) payload: bytes::Bytes,
}

/// As [`Kind`]; a removal whose `before` is `None` applies to all before itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DraftKind {
    Fragment(FragmentHeader),
    PartRemoved { part: PartId, before: Option<Position> },
    FragmentRemoved { name: FragmentName, before: Option<Position> },
}

impl Draft {
    pub(crate) fn removal(kind: DraftKind) -> Self {
        Self { kind, checksums: Vec::new(), block_bytes: 0, payload: bytes::Bytes::new() }
    }

    pub(crate) fn record_bytes(&self) -> u64 {
        let bytes = RECORD_HEADER_BYTES + self.checksums.len() + self.payload.len();
        bytes.next_multiple_of(RECORD_ALIGN) as u64
    }

    /// The header at its place.
    pub(crate) fn placed(&self, position: Position, synced: u32) -> RecordHeader {
        let kind = match self.kind {
            DraftKind::Fragment(header) => Kind::Fragment(header),
            DraftKind::PartRemoved { part, before } => {
                Kind::PartRemoved { part, before: before.unwrap_or(position) }
            }
            DraftKind::FragmentRemoved { name, before } => {
                Kind::FragmentRemoved { name, before: before.unwrap_or(position) }
            }
        };
        RecordHeader {
            kind,
            payload_bytes: u32::try_from(self.payload.len()).unwrap_or(u32::MAX),
            position,
            synced,
            block_bytes: self.block_bytes,
        }
    }
}
