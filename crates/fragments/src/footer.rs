//! The footer of a sealed segment: what is in it, so that starting scans no data.
//!
//! ```text
//!   entries, 40 bytes each, in the order of their records
//!      at  bytes
//!       0   16   part id
//!      16    4   stripe number
//!      20    1   fragment number
//!      21    1   kind, as in the record
//!      22    2   zero
//!      24    4   offset of the record
//!      28    4   payload length
//!      32    8   removals: position before which they apply
//!   trailer, the last 64 bytes of the file
//!       0    8   magic "ESSAIMFT"
//!       8    2   version: 1
//!      10    2   zero
//!      12    4   segment number
//!      16    4   number of entries
//!      20    4   offset of the first entry: where the records end
//!      24   16   disk id
//!      40    4   CRC32C of the entries
//!      44   16   zero
//!      60    4   CRC32C of bytes 0..60
//! ```
//! **Invariant**: a footer is written only after every record it lists is durable,
//! and nothing is appended after it; so a valid footer is the truth. Anything but
//! a perfect footer is none, and the records are scanned instead.

use units::{DiskId, FragmentNumber, PartId, StripeNumber};

use crate::FragmentName;
use crate::bytes_read::Fields;
use crate::checksum::crc32c;
use crate::position::Position;

/// Length of the trailer at the end of a sealed segment.
pub(crate) const TRAILER_BYTES: usize = 64;

/// Length of an entry.
pub(crate) const ENTRY_BYTES: usize = 40;

const MAGIC: [u8; 8] = *b"ESSAIMFT";
const VERSION: u16 = 1;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Fragment,
    PartRemoved { before: Position },
    FragmentRemoved { before: Position },
}

/// One record, as the footer lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: FragmentName,
    pub(crate) kind: EntryKind,
    pub(crate) offset: u32,
    pub(crate) payload_bytes: u32,
}

/// A decoded trailer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trailer {
    pub(crate) entries: u32,
    pub(crate) records_end: u32,
    checksum: u32,
}

/// The whole footer of a segment whose records end at `records_end`.
pub(crate) fn encode(disk: DiskId, segment: u32, records_end: u32, entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES + TRAILER_BYTES);
    for entry in entries {
        encode_entry(entry, &mut bytes);
    }
    let checksum = crc32c(&bytes);
    let start = bytes.len();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&segment.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&records_end.to_le_bytes());
    bytes.extend_from_slice(&disk.to_bytes());
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.extend_from_slice(&[0; 16]);
    let checksum = crc32c(bytes.get(start..).unwrap_or_default());
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Appends one entry.
pub(crate) fn encode_entry(entry: &Entry, bytes: &mut Vec<u8>) {
    let (kind, before) = match entry.kind {
        EntryKind::Fragment => (1_u8, Position::default()),
        EntryKind::PartRemoved { before } => (2, before),
        EntryKind::FragmentRemoved { before } => (3, before),
    };
    bytes.extend_from_slice(&entry.name.part.to_bytes());
    bytes.extend_from_slice(&entry.name.stripe.get().to_le_bytes());
    bytes.extend_from_slice(&[entry.name.fragment.get(), kind, 0, 0]);
    bytes.extend_from_slice(&entry.offset.to_le_bytes());
    bytes.extend_from_slice(&entry.payload_bytes.to_le_bytes());
    bytes.extend_from_slice(&before.to_u64().to_le_bytes());
}

/// Decodes the trailer of a segment file of this length.
pub(crate) fn decode_trailer(
    bytes: &[u8],
    disk: DiskId,
    segment: u32,
    file_bytes: u64,
) -> Option<Trailer> {
    let guarded = bytes.get(..60)?;
    if Fields(bytes.get(60..)?).u32()? != crc32c(guarded) {
        return None;
    }
    let mut fields = Fields(guarded);
    if fields.array::<8>()? != MAGIC || fields.array::<2>()? != VERSION.to_le_bytes() {
        return None;
    }
    fields.array::<2>()?;
    let of = fields.u32()?;
    let trailer = Trailer { entries: fields.u32()?, records_end: fields.u32()?, checksum: 0 };
    let whose = DiskId::from_bytes(fields.array()?);
    let trailer = Trailer { checksum: fields.u32()?, ..trailer };
    let expected_bytes = u64::from(trailer.records_end)
        + u64::from(trailer.entries) * ENTRY_BYTES as u64
        + TRAILER_BYTES as u64;
    (of == segment && whose == disk && expected_bytes == file_bytes).then_some(trailer)
}

/// Decodes the entries that a trailer announces.
pub(crate) fn decode_entries(bytes: &[u8], trailer: &Trailer) -> Option<Vec<Entry>> {
    if crc32c(bytes) != trailer.checksum && !units::planted::is_on("fragments-trusts-torn-footer") {
        return None;
    }
    let entries = decode_list(bytes)?;
    (entries.len() == trailer.entries as usize).then_some(entries)
}

/// Decodes entries that stand one after the other, verified by whoever calls.
pub(crate) fn decode_list(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (chunks, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    chunks.iter().map(|chunk| decode_entry(chunk)).collect()
}

fn decode_entry(bytes: &[u8]) -> Option<Entry> {
    let mut fields = Fields(bytes);
    let name = FragmentName {
        part: PartId::from_bytes(fields.array()?),
        stripe: StripeNumber::new(fields.u32()?),
        fragment: FragmentNumber::new(fields.u8()?),
    };
    let kind = fields.u8()?;
    fields.array::<2>()?;
    let (offset, payload_bytes) = (fields.u32()?, fields.u32()?);
    let before = Position::from_u64(fields.u64()?);
    let kind = match kind {
        1 => EntryKind::Fragment,
        2 => EntryKind::PartRemoved { before },
        3 => EntryKind::FragmentRemoved { before },
        _ => return None,
    };
    Some(Entry { name, kind, offset, payload_bytes })
}
