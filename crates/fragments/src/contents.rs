//! What a disk holds, as its readers and its writer both see it.

use std::collections::BTreeMap;

use units::PartId;

use crate::footer::{Entry, EntryKind};
use crate::index::Index;
use crate::position::{Location, Position};
use crate::record::{RECORD_ALIGN, RECORD_HEADER_BYTES};
use crate::{FragmentName, limits};

/// The ledger of one segment, kept in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentFacts {
    /// Where its records end.
    pub(crate) records_end: u64,
    /// Bytes of live fragments, with their headers.
    pub(crate) live: u64,
    /// Bytes of removals, needed or not.
    pub(crate) removals: u64,
    /// Dead payload already given back to the file system.
    pub(crate) punched: u64,
    /// A footer ends it and nothing is appended any more.
    pub(crate) sealed: bool,
    /// Some of its records cannot be read: what it holds is not known in full.
    pub(crate) damaged: bool,
    /// Places where it is not even known what stood there.
    pub(crate) holes: u64,
    /// How many segments were older when compaction last found its removals all needed.
    pub(crate) older_when_checked: Option<usize>,
    /// Live bytes when compaction last found a live record that it could not read.
    pub(crate) live_when_stuck: Option<u64>,
}

impl SegmentFacts {
    /// Bytes that the file takes.
    pub(crate) fn occupied(&self) -> u64 {
        self.records_end.saturating_sub(self.punched)
    }

    /// Bytes that the file takes for nothing.
    pub(crate) fn dead(&self) -> u64 {
        self.occupied().saturating_sub(self.live + self.removals)
    }
}

/// Index and ledgers of one disk.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) index: Index,
    pub(crate) segments: BTreeMap<u32, SegmentFacts>,
}

/// Length on disk of a fragment's record, from its payload's length.
pub(crate) fn record_bytes_of(payload_bytes: u32) -> u64 {
    let bytes = header_bytes_of(payload_bytes) + payload_bytes as usize;
    bytes.next_multiple_of(RECORD_ALIGN) as u64
}

/// Length of a fragment's header with its block checksums.
pub(crate) fn header_bytes_of(payload_bytes: u32) -> usize {
    RECORD_HEADER_BYTES + 4 * (payload_bytes as usize).div_ceil(limits::BLOCK_BYTES)
}

impl Contents {
    /// Takes in one durable record, in the order of the log; gives the places of
    /// the fragments it makes dead.
    pub(crate) fn apply(&mut self, segment: u32, entry: &Entry) -> Vec<Location> {
        let position = Position { segment, offset: entry.offset };
        match entry.kind {
            EntryKind::Fragment => {
                let location = Location { position, bytes: entry.payload_bytes };
                let old = self.index.insert(entry.name, location);
                self.facts(segment).live += record_bytes_of(entry.payload_bytes);
                old.into_iter().inspect(|old| self.bury(*old)).collect()
            }
            EntryKind::PartRemoved { before } => {
                self.facts(segment).removals += RECORD_HEADER_BYTES as u64;
                self.kill_part(entry.name.part, before)
            }
            EntryKind::FragmentRemoved { before } => {
                self.facts(segment).removals += RECORD_HEADER_BYTES as u64;
                let found = self.index.get(entry.name);
                self.kill(entry.name, found, before).into_iter().collect()
            }
        }
    }

    fn kill_part(&mut self, part: PartId, before: Position) -> Vec<Location> {
        let all = self.index.of_part(part);
        all.into_iter().filter_map(|(name, at)| self.kill(name, Some(at), before)).collect()
    }

    fn kill(
        &mut self,
        name: FragmentName,
        at: Option<Location>,
        before: Position,
    ) -> Option<Location> {
        let at = at.filter(|at| at.position < before)?;
        self.index.remove(name);
        self.bury(at);
        Some(at)
    }

    /// Takes a dead fragment out of its segment's ledger.
    fn bury(&mut self, location: Location) {
        let facts = self.facts(location.position.segment);
        facts.live = facts.live.saturating_sub(record_bytes_of(location.bytes));
    }

    pub(crate) fn facts(&mut self, segment: u32) -> &mut SegmentFacts {
        self.segments.entry(segment).or_default()
    }
}
