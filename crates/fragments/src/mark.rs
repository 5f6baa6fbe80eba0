//! The mark at the end of a commit: its records once more, as a list.

use crate::checksum::block_checksums;
use crate::footer::{ENTRY_BYTES, Entry, encode_entry};
use crate::limits::BLOCK_BYTES;
use crate::position::Position;
use crate::record::{Kind, RECORD_ALIGN, RECORD_HEADER_BYTES, RecordHeader};

/// A mark, ready to be written.
pub(crate) struct Mark {
    pub(crate) header: RecordHeader,
    pub(crate) checksums: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Mark {
    /// Lists these records; stands at `position`, in a segment that is durable up to
    /// `synced`.
    pub(crate) fn new(entries: &[Entry], position: Position, synced: u32) -> Self {
        let mut payload = Vec::with_capacity(entries.len() * ENTRY_BYTES);
        for entry in entries {
            encode_entry(entry, &mut payload);
        }
        let header = RecordHeader {
            kind: Kind::Mark,
            payload_bytes: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            position,
            synced,
            block_bytes: u32::try_from(BLOCK_BYTES).unwrap_or(u32::MAX),
        };
        Self { header, checksums: block_checksums(&payload), payload }
    }
}

/// Length on disk of a mark that lists so many records.
pub(crate) fn mark_bytes(entries: usize) -> u64 {
    let payload = entries * ENTRY_BYTES;
    let bytes = RECORD_HEADER_BYTES + 4 * payload.div_ceil(BLOCK_BYTES) + payload;
    bytes.next_multiple_of(RECORD_ALIGN) as u64
}
