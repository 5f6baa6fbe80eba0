//! Opening a disk: what the segments say, in the order they were written.
//!
//! Sealed segments are known by their footers; only the youngest, if it was open,
//! is scanned. What tearing left at its end is cut off. If tearing left something
//! *between* whole records of the last commit, the segment is sealed at once with
//! a footer of what is whole, so that the remains are never mistaken for decay.
//!
//! Before anything is served, the open segment and the directory are synced: what
//! a killed process wrote but did not sync is visible now, and whoever builds on
//! it must not lose it later. The last commit is even written again, since a sync
//! that failed in the life before may have left it in memory only.
//!
//! A disk that is poisoned when it is opened, because its file system takes no writes, is
//! read as it is: nothing is cut off, sealed or synced, and no segment is open.

use std::sync::Arc;

use disk::{DiskError, DiskFile};
use units::{ByteCount, planted};

use crate::OpenError;
use crate::disk_store::DiskStore;
use crate::record::RECORD_HEADER_BYTES;
use crate::scan::{Found, read_footer, scan};
use crate::segment::{
    SEGMENT_DIRECTORY, SEGMENT_HEAD_BYTES, SegmentHead, segment_number, segment_path,
};
use crate::shared::Shared;
use crate::tail::Tail;

/// Reads all segments into the index.
pub(crate) fn recover(shared: Shared) -> Result<DiskStore, OpenError> {
    let shared = Arc::new(shared);
    if !shared.disk.exists(SEGMENT_DIRECTORY)? {
        shared.disk.create_dir(SEGMENT_DIRECTORY)?;
    }
    let names = shared.disk.list(SEGMENT_DIRECTORY)?;
    let mut segments: Vec<u32> = names.iter().filter_map(|name| segment_number(name)).collect();
    segments.sort_unstable();
    let mut store = DiskStore { shared, tail: None, compaction: None };
    let youngest = segments.last().copied();
    for segment in segments {
        take_in(&mut store, segment, youngest == Some(segment))?;
    }
    if !store.shared.disk.is_poisoned() && !planted::is_on("fragments-opens-without-sync") {
        store.shared.disk.sync_dir(SEGMENT_DIRECTORY)?;
    }
    Ok(store)
}

fn take_in(store: &mut DiskStore, segment: u32, youngest: bool) -> Result<(), OpenError> {
    let shared = Arc::clone(&store.shared);
    let file = shared.disk.open(&segment_path(segment))?;
    let head = check_head(&shared, &*file, segment)?;
    let found = match read_footer(&*file, shared.id, segment)? {
        Some(found) => found,
        None => scan(&*file, shared.id, segment, !youngest)?,
    };
    {
        let mut contents = shared.contents.write();
        let facts = contents.facts(segment);
        facts.records_end = found.records_end;
        facts.sealed = found.sealed || !youngest || head == Head::Garbage;
        facts.damaged = found.decayed > 0 || head == Head::Garbage;
        facts.holes = found.holes;
        for entry in &found.entries {
            contents.apply(segment, entry);
        }
    }
    if found.decayed > 0 {
        let holes = found.holes;
        tracing::warn!(disk = %shared.id, segment, holes, "a segment has decayed records");
    }
    if youngest && !found.sealed && head != Head::Garbage && !shared.disk.is_poisoned() {
        continue_tail(store, segment, file, found)?;
    }
    Ok(())
}

/// Makes the youngest segment the open one again, or seals it.
fn continue_tail(
    store: &mut DiskStore,
    segment: u32,
    file: Arc<dyn DiskFile>,
    found: Found,
) -> Result<(), OpenError> {
    let shared = Arc::clone(&store.shared);
    let fresh = found.entries.is_empty() && found.decayed == 0;
    let end = if fresh { 0 } else { found.records_end };
    if file.length()?.get() != end {
        file.set_len(ByteCount::new(end))?;
    }
    if !planted::is_on("fragments-opens-without-sync") {
        write_again(&*file, found.durable_end, end)?;
        if let Some(mark) = found.torn_mark {
            // It lists what did not arrive; nobody must believe it later.
            file.write_all_at(&[0; RECORD_HEADER_BYTES], mark)?;
        }
        file.sync_data()?;
    }
    store.shared.keep_open(segment, Arc::clone(&file));
    store.tail = Some(Tail {
        segment,
        file,
        end: found.records_end.max(u64::from(SEGMENT_HEAD_BYTES)),
        reserved: end,
        entries: found.entries,
        head_pending: fresh,
        name_pending: fresh,
        settled: found.settled,
    });
    if found.gaps {
        store.seal()?;
    } else if let (false, Some(tail)) = (fresh, &mut store.tail) {
        tail.keep_removal_room(&shared);
    }
    Ok(())
}

/// Writes the last commit over itself.
///
/// If its sync failed in an earlier life, its pages may be in memory, marked clean:
/// a sync would do nothing, and say that all is well. Dirty again, they are written.
fn write_again(file: &dyn DiskFile, from: u64, end: u64) -> Result<(), DiskError> {
    let mut at = if from <= u64::from(SEGMENT_HEAD_BYTES) { 0 } else { from };
    while at < end {
        let length = (end - at).min(REWRITE_BYTES);
        let bytes = file.read_at(at, usize::try_from(length).unwrap_or(0))?;
        file.write_all_at(&bytes, at)?;
        at += length;
    }
    Ok(())
}

/// How much is written again at once.
const REWRITE_BYTES: u64 = 1024 * 1024;

/// What the first bytes of a segment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    /// Ours.
    Good,
    /// Not written yet, as far as anyone can tell: too short, or zeros.
    Missing,
    /// Something else: decay.
    Garbage,
}

fn check_head(shared: &Shared, file: &dyn DiskFile, segment: u32) -> Result<Head, OpenError> {
    if file.length()?.get() < u64::from(SEGMENT_HEAD_BYTES) {
        return Ok(Head::Missing);
    }
    let bytes = file.read_at(0, SEGMENT_HEAD_BYTES as usize)?;
    match SegmentHead::decode(&bytes) {
        Some(head) if head.disk != shared.id || head.segment != segment => {
            Err(OpenError::ForeignSegment { disk: shared.id, segment, found: head.disk })
        }
        Some(_) => Ok(Head::Good),
        None if bytes.iter().all(|byte| *byte == 0) => Ok(Head::Missing),
        None => Ok(Head::Garbage),
    }
}
