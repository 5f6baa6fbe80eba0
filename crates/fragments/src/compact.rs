//! Compaction: the live records of a segment move to the open one, then its file
//! goes.
//!
//! Done in steps between commits, so that nobody waits long. A copy keeps its
//! block checksums: damage is carried along and stays damage, it is never given a
//! fresh checksum. A removal is copied as long as any older segment still holds a
//! record that it kills; otherwise that record would come back at the next start.
//!
//! **Invariants**
//! - A file goes only when every live record of it is durable elsewhere.
//! - A segment with a live fragment whose header is unreadable stays, so that what
//!   can still be read of it can be.

use std::collections::HashSet;
use std::sync::Arc;

use disk::DiskError;
use units::{ByteCount, PartId, planted};

use crate::disk_store::DiskStore;
use crate::footer::{Entry, EntryKind};
use crate::limits::{COMPACT_DEAD_SHARE, COMPACT_OPEN_BYTES_MIN, COMPACT_STEP_BYTES};
use crate::position::Position;
use crate::record::{Draft, DraftKind, Kind, RECORD_HEADER_BYTES, RecordHeader};
use crate::scan::{Found, read_footer, scan};
use crate::segment::{SEGMENT_DIRECTORY, segment_path};
use crate::shared::Shared;
use crate::tail::Keep;
use crate::{CompactReport, WriteError};

/// A segment on its way out.
#[derive(Debug)]
pub(crate) struct Compaction {
    segment: u32,
    /// What is still to be looked at, last first.
    entries: Vec<Entry>,
    /// Parts whose removals must be carried on.
    needed: Needed,
    report: CompactReport,
}

/// Which removals still have something to kill.
#[derive(Debug)]
enum Needed {
    All,
    Parts(HashSet<PartId>),
}

impl Needed {
    fn contains(&self, part: PartId) -> bool {
        match self {
            Self::All => true,
            Self::Parts(parts) => parts.contains(&part),
        }
    }
}

impl DiskStore {
    /// Compacts the segment that gives back most, if one is worth it, to its end.
    pub fn compact(&mut self) -> Result<CompactReport, WriteError> {
        if !self.compact_begin()? {
            return Ok(CompactReport::default());
        }
        loop {
            if let Some(report) = self.compact_step()? {
                return Ok(report);
            }
        }
    }

    /// Chooses a segment; false if none is worth it.
    pub(crate) fn compact_begin(&mut self) -> Result<bool, WriteError> {
        if self.compaction.is_some() {
            return Ok(true);
        }
        self.seal_if_hollow()?;
        while let Some(segment) = self.worst_segment() {
            let mut entries = records_of(&self.shared, segment)?.entries;
            let needed = self.needed_removals(segment, &entries)?;
            if !self.is_worth_it(segment, &entries, &needed) {
                continue;
            }
            entries.reverse();
            let report = CompactReport::default();
            self.compaction = Some(Compaction { segment, entries, needed, report });
            return Ok(true);
        }
        Ok(false)
    }

    /// Seals the open segment if it is mostly dead: otherwise a disk that is full of
    /// one open segment would stay full.
    fn seal_if_hollow(&mut self) -> Result<(), WriteError> {
        let Some(tail) = &self.tail else { return Ok(()) };
        let hollow = {
            let mut contents = self.shared.contents.write();
            let dead = contents.facts(tail.segment).dead();
            let enough = COMPACT_OPEN_BYTES_MIN.min(self.shared.segment_limit() / 4);
            dead >= enough && dead * COMPACT_DEAD_SHARE >= contents.facts(tail.segment).occupied()
        };
        if hollow {
            self.seal()?;
        }
        Ok(())
    }

    /// Looks again, now that it is known which removals must be carried on; if it is
    /// not worth it, the segment is left alone until an older one goes.
    fn is_worth_it(&self, segment: u32, entries: &[Entry], needed: &Needed) -> bool {
        let carried = entries
            .iter()
            .filter(|entry| entry.kind != EntryKind::Fragment && needed.contains(entry.name.part))
            .count() as u64
            * RECORD_HEADER_BYTES as u64;
        let mut contents = self.shared.contents.write();
        let older = contents.segments.range(..segment).count();
        let facts = contents.facts(segment);
        let kept = facts.live + carried;
        let gain = facts.occupied().saturating_sub(kept);
        let worth = gain > 0 && gain * COMPACT_DEAD_SHARE >= facts.occupied();
        let hollow = kept * COMPACT_DEAD_SHARE <= facts.records_end;
        facts.older_when_checked = Some(older);
        worth || hollow
    }

    /// Goes on for a while; gives the report when it is done.
    pub(crate) fn compact_step(&mut self) -> Result<Option<CompactReport>, WriteError> {
        let Some(mut work) = self.compaction.take() else {
            return Ok(Some(CompactReport::default()));
        };
        let mut drafts = Vec::new();
        let mut bytes = 0;
        while bytes < COMPACT_STEP_BYTES {
            let Some(entry) = work.entries.pop() else { break };
            match self.carry(&work, &entry)? {
                Carried::Nothing => {}
                Carried::Damaged => work.report.damaged.push(entry.name),
                Carried::Draft(draft) => {
                    bytes += draft.record_bytes();
                    drafts.push(draft);
                }
            }
        }
        if planted::is_on("fragments-compacts-carelessly") && work.entries.is_empty() {
            let _ = self.shared.disk.remove(&segment_path(work.segment));
            let _ = self.shared.disk.sync_dir(SEGMENT_DIRECTORY);
        }
        self.place(&drafts.iter().collect::<Vec<_>>(), Keep::HalfSpare)?;
        work.report.bytes_copied = work.report.bytes_copied.plus(ByteCount::new(bytes));
        if work.entries.is_empty() {
            return self.compact_end(work).map(Some);
        }
        self.compaction = Some(work);
        Ok(None)
    }

    /// Takes the file away, now that nothing in it is needed.
    fn compact_end(&mut self, work: Compaction) -> Result<CompactReport, WriteError> {
        let Compaction { segment, mut report, .. } = work;
        if !report.damaged.is_empty() {
            let mut contents = self.shared.contents.write();
            let facts = contents.facts(segment);
            facts.damaged = true;
            facts.live_when_stuck = Some(facts.live);
            return Ok(report);
        }
        let (live, before) = {
            let mut contents = self.shared.contents.write();
            let facts = contents.facts(segment);
            facts.live_when_stuck = Some(facts.live);
            (facts.live, facts.occupied())
        };
        if live > 0 {
            tracing::error!(segment, live, "a segment is to go but its ledger says it is needed");
            return Ok(report);
        }
        match self.shared.disk.remove(&segment_path(segment)) {
            Ok(()) | Err(DiskError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.shared.disk.sync_dir(SEGMENT_DIRECTORY)?;
        self.shared.close(segment);
        self.shared.contents.write().segments.remove(&segment);
        report.segments = 1;
        report.bytes_freed = ByteCount::new(before.saturating_sub(report.bytes_copied.get()));
        Ok(report)
    }

    /// The sealed segment whose compaction gives back most, if it is worth it.
    fn worst_segment(&self) -> Option<u32> {
        let contents = self.shared.contents.read();
        let tail = self.tail.as_ref().map(|tail| tail.segment);
        let mut worst: Option<(u64, u32)> = None;
        for (older, (segment, facts)) in contents.segments.iter().enumerate() {
            if !facts.sealed || Some(*segment) == tail {
                continue;
            }
            if facts.live_when_stuck == Some(facts.live) {
                continue;
            }
            // Removals may be droppable since the last look if older segments went.
            let checked = facts.older_when_checked.is_some_and(|count| count <= older);
            let removals = if checked { 0 } else { facts.removals };
            let gain = facts.dead() + removals;
            let hollow = (facts.live + facts.removals) * COMPACT_DEAD_SHARE <= facts.records_end;
            let worth = gain * COMPACT_DEAD_SHARE >= facts.occupied() && gain > 0;
            if (worth || hollow) && worst.is_none_or(|(most, _)| gain > most) {
                worst = Some((gain, *segment));
            }
        }
        worst.map(|(_, segment)| segment)
    }

    /// Finds out which of a segment's removals still kill something older.
    fn needed_removals(&self, segment: u32, entries: &[Entry]) -> Result<Needed, WriteError> {
        let removed: HashSet<PartId> = entries
            .iter()
            .filter(|entry| entry.kind != EntryKind::Fragment)
            .map(|entry| entry.name.part)
            .collect();
        let mut needed = HashSet::new();
        if removed.is_empty() || planted::is_on("fragments-drops-removals") {
            return Ok(Needed::Parts(needed));
        }
        let older: Vec<(u32, bool)> = {
            let contents = self.shared.contents.read();
            contents.segments.range(..segment).map(|(s, facts)| (*s, facts.damaged)).collect()
        };
        for (older, damaged) in older {
            // Who knows what a damaged segment will show next time.
            if damaged {
                return Ok(Needed::All);
            }
            for entry in records_of(&self.shared, older)?.entries {
                if entry.kind == EntryKind::Fragment && removed.contains(&entry.name.part) {
                    needed.insert(entry.name.part);
                }
            }
        }
        Ok(Needed::Parts(needed))
    }

    /// What becomes of one record of the segment.
    fn carry(&self, work: &Compaction, entry: &Entry) -> Result<Carried, WriteError> {
        let position = Position { segment: work.segment, offset: entry.offset };
        let needed = work.needed.contains(entry.name.part);
        let before = |before| {
            if planted::is_on("fragments-ages-removals") { None } else { Some(before) }
        };
        let (part, name) = (entry.name.part, entry.name);
        match entry.kind {
            EntryKind::PartRemoved { .. } | EntryKind::FragmentRemoved { .. } if !needed => {
                Ok(Carried::Nothing)
            }
            EntryKind::PartRemoved { before: at } => {
                Ok(Carried::Draft(Draft::removal(DraftKind::PartRemoved {
                    part,
                    before: before(at),
                })))
            }
            EntryKind::FragmentRemoved { before: at } => {
                Ok(Carried::Draft(Draft::removal(DraftKind::FragmentRemoved {
                    name,
                    before: before(at),
                })))
            }
            EntryKind::Fragment => {
                let live = self.shared.contents.read().index.get(name);
                if live.is_none_or(|location| location.position != position) {
                    return Ok(Carried::Nothing);
                }
                copy_of(&self.shared, position, entry)
            }
        }
    }
}

/// What compaction does with a record.
enum Carried {
    Nothing,
    Damaged,
    Draft(Draft),
}

/// A fragment's record as it stands, payload unverified on purpose.
fn copy_of(shared: &Shared, position: Position, entry: &Entry) -> Result<Carried, WriteError> {
    let file = shared.file(position.segment)?;
    let at = u64::from(position.offset);
    let start = match file.read_at(at, RECORD_HEADER_BYTES) {
        Ok(start) => start,
        Err(DiskError::UnexpectedEnd { .. } | DiskError::NotFound { .. }) => {
            return Ok(Carried::Damaged);
        }
        Err(error) => return Err(error.into()),
    };
    let Some(header_bytes) = RecordHeader::peek(&start) else { return Ok(Carried::Damaged) };
    let record = match file.read_at(at, header_bytes + entry.payload_bytes as usize) {
        Ok(record) => bytes::Bytes::from(record),
        Err(DiskError::UnexpectedEnd { .. } | DiskError::NotFound { .. }) => {
            return Ok(Carried::Damaged);
        }
        Err(error) => return Err(error.into()),
    };
    let decoded = RecordHeader::decode(&record, shared.id, position);
    let Some((header, checksums)) = decoded else { return Ok(Carried::Damaged) };
    let Kind::Fragment(facts) = header.kind else { return Ok(Carried::Damaged) };
    if facts.name != entry.name || header.payload_bytes != entry.payload_bytes {
        return Ok(Carried::Damaged);
    }
    Ok(Carried::Draft(Draft {
        kind: DraftKind::Fragment(facts),
        checksums: checksums.to_vec(),
        block_bytes: header.block_bytes,
        payload: record.slice(header_bytes..),
    }))
}

/// All records of a sealed segment, dead or alive.
fn records_of(shared: &Arc<Shared>, segment: u32) -> Result<Found, DiskError> {
    let file = shared.file(segment)?;
    match read_footer(&*file, shared.id, segment)? {
        Some(found) => Ok(found),
        None => scan(&*file, shared.id, segment, true),
    }
}
