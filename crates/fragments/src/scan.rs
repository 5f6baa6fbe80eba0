//! Finding out what a segment holds: from its footer, or else from its records.
//!
//! A scan walks from record to record. Where there is no valid record it searches
//! on, at every multiple of 8, for the next one, so that decay costs what it hit
//! and nothing behind it.

use std::collections::BTreeMap;

use disk::{DiskError, DiskFile};
use units::{DiskId, planted};

use crate::FragmentName;
use crate::checksum::blocks_match;
use crate::contents::record_bytes_of;
use crate::footer::{self, Entry, EntryKind, TRAILER_BYTES};
use crate::position::Position;
use crate::record::{Kind, RECORD_ALIGN, RECORD_HEADER_BYTES, RECORD_MAGIC, RecordHeader};
use crate::segment::SEGMENT_HEAD_BYTES;

/// How much is read at once while searching for the next record.
const SEARCH_BYTES: usize = 64 * 1024;

/// What the footer or a scan found in a segment.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) entries: Vec<Entry>,
    /// Where the last record ends.
    pub(crate) records_end: u64,
    /// What lies below this was durable when the last record was written.
    pub(crate) durable_end: u64,
    /// From a footer: nothing was scanned.
    pub(crate) sealed: bool,
    /// There is something between the records that is none.
    pub(crate) gaps: bool,
    /// How many of the gaps lie where everything was durable: decay, not tearing.
    pub(crate) decayed: u64,
    /// Decayed gaps of which no mark tells what stood there.
    pub(crate) holes: u64,
    /// A mark of a last commit that did not arrive whole.
    pub(crate) torn_mark: Option<u64>,
    /// The last record is a mark that says that all before it was durable.
    pub(crate) settled: bool,
}

/// The footer's list, or `None` if there is no perfect footer.
pub(crate) fn read_footer(
    file: &dyn DiskFile,
    disk: DiskId,
    segment: u32,
) -> Result<Option<Found>, DiskError> {
    let length = file.length()?.get();
    let Some(trailer_at) = length.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let bytes = file.read_at(trailer_at, TRAILER_BYTES)?;
    let Some(trailer) = footer::decode_trailer(&bytes, disk, segment, length) else {
        return Ok(None);
    };
    let from = u64::from(trailer.records_end);
    let bytes = file.read_at(from, usize::try_from(trailer_at - from).unwrap_or(0))?;
    let entries = footer::decode_entries(&bytes, &trailer);
    Ok(entries.map(|entries| Found {
        entries,
        records_end: from,
        sealed: true,
        ..Found::default()
    }))
}

/// Walks through the records of a segment without a footer.
///
/// `durable` says that the whole segment must have been synced, because a younger
/// one exists; otherwise what the records themselves say decides.
pub(crate) fn scan(
    file: &dyn DiskFile,
    disk: DiskId,
    segment: u32,
    durable: bool,
) -> Result<Found, DiskError> {
    let length = file.length()?.get().min(u64::from(u32::MAX));
    let mut walk = Walk { file, disk, segment, length };
    let mut records = Vec::new();
    let mut gaps = Vec::new();
    let mut at = u64::from(SEGMENT_HEAD_BYTES);
    while at < length {
        if let Some(header) = walk.record_at(at)? {
            at += header.record_bytes();
            records.push(header);
        } else {
            let Some(next) = walk.search(at + RECORD_ALIGN as u64)? else { break };
            gaps.push((at, next));
            at = next;
        }
    }
    let synced = records.iter().map(|r| u64::from(r.synced)).max().unwrap_or(0);
    let durable_end = if durable { u64::MAX } else { synced };
    let first = u64::from(SEGMENT_HEAD_BYTES);
    let mut found = Found { records_end: first, durable_end, ..Found::default() };
    let mut entries = BTreeMap::new();
    let mut listed = BTreeMap::new();
    let (mut dropped, mut last_mark) = (false, None);
    for record in records {
        let start = u64::from(record.position.offset);
        let is_mark = record.kind == Kind::Mark;
        // Above the durable end a record counts only if all of it arrived.
        if (is_mark || start >= durable_end) && !walk.payload_is_whole(&record)? {
            dropped |= start >= durable_end;
            continue;
        }
        found.gaps |= dropped;
        found.records_end = start + record.record_bytes();
        found.settled = is_mark && record.payload_bytes == 0;
        entries.extend(entry_of(&record).map(|entry| (entry.offset, entry)));
        if is_mark && start < durable_end && !planted::is_on("fragments-ignores-marks") {
            listed.extend(walk.list_of(&record)?.into_iter().map(|entry| (entry.offset, entry)));
        } else if is_mark {
            last_mark = Some(start);
        }
    }
    let torn = gaps.iter().any(|(gap, _)| (durable_end..found.records_end).contains(gap));
    found.torn_mark = last_mark.filter(|_| torn || dropped);
    found.gaps |= gaps.iter().any(|(gap, _)| *gap < found.records_end);
    for (gap, next) in gaps.iter().filter(|(gap, _)| *gap < durable_end.min(found.records_end)) {
        found.decayed += 1;
        found.holes += u64::from(!is_known(&listed, *gap, *next));
    }
    // What the marks know and the walk did not meet has decayed; readers are told so.
    for (offset, entry) in listed {
        entries.entry(offset).or_insert(entry);
    }
    found.entries = entries.into_values().collect();
    if found.entries.is_empty() && found.decayed == 0 {
        // At most the mark of a commit that did not arrive: the segment is blank.
        return Ok(Found { records_end: first, durable_end, ..Found::default() });
    }
    Ok(found)
}

/// Whether marks list everything that stood in a gap.
fn is_known(listed: &BTreeMap<u32, Entry>, gap: u64, next: u64) -> bool {
    let mut at = gap;
    while at < next {
        let entry = u32::try_from(at).ok().and_then(|offset| listed.get(&offset));
        let Some(entry) = entry else { return false };
        at += match entry.kind {
            EntryKind::Fragment => record_bytes_of(entry.payload_bytes),
            _ => RECORD_HEADER_BYTES as u64,
        };
    }
    true
}

/// A record as a footer lists it; nothing for a mark.
pub(crate) fn entry_of(record: &RecordHeader) -> Option<Entry> {
    let (name, kind) = match record.kind {
        Kind::Fragment(header) => (header.name, EntryKind::Fragment),
        Kind::PartRemoved { part, before } => {
            (FragmentName::first_of(part), EntryKind::PartRemoved { before })
        }
        Kind::FragmentRemoved { name, before } => (name, EntryKind::FragmentRemoved { before }),
        Kind::Mark => return None,
    };
    let (offset, payload_bytes) = (record.position.offset, record.payload_bytes);
    Some(Entry { name, kind, offset, payload_bytes })
}

struct Walk<'a> {
    file: &'a dyn DiskFile,
    disk: DiskId,
    segment: u32,
    length: u64,
}

impl Walk<'_> {
    /// The record that starts here, if its header is valid and it ends in the file.
    fn record_at(&self, at: u64) -> Result<Option<RecordHeader>, DiskError> {
        let Ok(offset) = u32::try_from(at) else { return Ok(None) };
        if at + RECORD_HEADER_BYTES as u64 > self.length {
            return Ok(None);
        }
        let mut bytes = self.file.read_at(at, RECORD_HEADER_BYTES)?;
        let Some(header_bytes) = RecordHeader::peek(&bytes) else { return Ok(None) };
        if at + header_bytes as u64 > self.length {
            return Ok(None);
        }
        if header_bytes > bytes.len() {
            bytes = self.file.read_at(at, header_bytes)?;
        }
        let position = Position { segment: self.segment, offset };
        let header = RecordHeader::decode(&bytes, self.disk, position).map(|(header, _)| header);
        // The padding may be missing at the very end.
        Ok(header
            .filter(|h| at + (h.header_bytes() as u64) + u64::from(h.payload_bytes) <= self.length))
    }

    /// Where the next valid record starts, at or after `from`.
    fn search(&mut self, from: u64) -> Result<Option<u64>, DiskError> {
        let mut at = from;
        while at < self.length {
            let length = usize::try_from(self.length - at).unwrap_or(usize::MAX).min(SEARCH_BYTES);
            let window = self.file.read_at(at, length)?;
            for (index, word) in window.chunks(RECORD_ALIGN).enumerate() {
                let here = at + (index * RECORD_ALIGN) as u64;
                if word.starts_with(&RECORD_MAGIC) && self.record_at(here)?.is_some() {
                    return Ok(Some(here));
                }
            }
            at += length as u64;
        }
        Ok(None)
    }

    /// What a mark lists; its payload is whole.
    fn list_of(&self, mark: &RecordHeader) -> Result<Vec<Entry>, DiskError> {
        let at = u64::from(mark.position.offset) + mark.header_bytes() as u64;
        let bytes = self.file.read_at(at, mark.payload_bytes as usize)?;
        Ok(footer::decode_list(&bytes).unwrap_or_default())
    }

    fn payload_is_whole(&self, record: &RecordHeader) -> Result<bool, DiskError> {
        let at = u64::from(record.position.offset);
        let header_bytes = record.header_bytes();
        let bytes = self.file.read_at(at, header_bytes + record.payload_bytes as usize)?;
        let Some((header, payload)) = bytes.split_at_checked(header_bytes) else {
            return Ok(false);
        };
        let checksums = header.get(RECORD_HEADER_BYTES..).unwrap_or_default();
        Ok(blocks_match(payload, record.block_bytes as usize, checksums))
    }
}
