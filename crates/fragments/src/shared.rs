//! What the writer and the readers of one disk share.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use disk::{Disk, DiskError, DiskFile};
use parking_lot::{Mutex, RwLock};
use units::{ByteCount, ClusterId, DiskId};

use crate::contents::Contents;
use crate::limits::{
    OPEN_SEGMENTS_MAX, REMOVAL_BYTES, RESERVE_STEP_MIN, SEGMENT_BYTES, SPARE_BYTES_MAX,
    SPARE_BYTES_MIN, SPARE_SHARE,
};
use crate::segment::segment_path;
use crate::{DiskSpace, DiskState, Poison};

/// Sizes that tests make small.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Length at which a segment is sealed.
    pub segment_bytes: ByteCount,
    /// Dead payloads at least this long are given back at once.
    pub punch_bytes_min: ByteCount,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: ByteCount::new(SEGMENT_BYTES),
            punch_bytes_min: ByteCount::new(crate::limits::PUNCH_BYTES_MIN),
        }
    }
}

/// One disk, seen from both sides.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) id: DiskId,
    pub(crate) cluster: ClusterId,
    pub(crate) options: Options,
    pub(crate) contents: RwLock<Contents>,
    files: Mutex<OpenFiles>,
    segment_limit: u64,
    /// The writer cannot go on although no sync failed: a failed write could not be
    /// taken back.
    pub(crate) stuck: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        id: DiskId,
        cluster: ClusterId,
        mut options: Options,
    ) -> Self {
        if !disk.gives_back_ranges() {
            options.punch_bytes_min = ByteCount::MAX;
        }
        let room = disk.space().map_or(ByteCount::MAX, |space| space.total);
        let segment_limit = options.segment_bytes.get().min(Self::spare(room) / 2);
        Self {
            segment_limit,
            disk,
            id,
            cluster,
            options,
            contents: RwLock::default(),
            files: Mutex::default(),
            stuck: AtomicBool::new(false),
        }
    }

    /// The file of a segment, open.
    pub(crate) fn file(&self, segment: u32) -> Result<Arc<dyn DiskFile>, DiskError> {
        if let Some(file) = self.files.lock().open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let path = segment_path(segment);
        let file = match self.disk.open(&path) {
            // Those that are open were for other segments; this one is wanted now.
            Err(DiskError::TooManyOpen { .. }) if self.close_oldest() => self.disk.open(&path)?,
            other => other?,
        };
        self.keep_open(segment, Arc::clone(&file));
        Ok(file)
    }

    /// Remembers an open file, forgetting the oldest if there are too many.
    pub(crate) fn keep_open(&self, segment: u32, file: Arc<dyn DiskFile>) {
        let mut files = self.files.lock();
        if files.open.insert(segment, file).is_none() {
            files.order.push_back(segment);
        }
        while files.open.len() > OPEN_SEGMENTS_MAX {
            let Some(oldest) = files.order.pop_front() else { break };
            files.open.remove(&oldest);
        }
    }

    /// Closes half of the files that nobody uses; says whether there were any.
    fn close_oldest(&self) -> bool {
        let mut files = self.files.lock();
        let count = files.open.len().div_ceil(2);
        for _ in 0..count {
            let Some(oldest) = files.order.pop_front() else { break };
            files.open.remove(&oldest);
        }
        count > 0
    }

    /// Forgets the file of a segment that is gone.
    pub(crate) fn close(&self, segment: u32) {
        let mut files = self.files.lock();
        files.open.remove(&segment);
        files.order.retain(|other| *other != segment);
    }

    /// Length at which a segment is sealed: never more than what compaction may take
    /// of the room that appends leave free, so that it always has room for its copies.
    pub(crate) fn segment_limit(&self) -> u64 {
        self.segment_limit
    }

    /// Room that is always reserved behind the last record, for removals alone.
    pub(crate) fn removal_room(&self) -> u64 {
        REMOVAL_BYTES.min(self.segment_limit / 8)
    }

    /// What appends leave free on the file system.
    pub(crate) fn spare(total: ByteCount) -> u64 {
        (total.get() / SPARE_SHARE).clamp(SPARE_BYTES_MIN, SPARE_BYTES_MAX).min(total.get() / 2)
    }

    /// Room on the disk and what fills it.
    pub(crate) fn space(&self) -> Result<DiskSpace, DiskError> {
        let room = self.disk.space()?;
        let contents = self.contents.read();
        let facts = || contents.segments.values();
        Ok(DiskSpace {
            disk: self.id,
            total: room.total,
            available: ByteCount::new(room.free.get().saturating_sub(Self::spare(room.total))),
            live: ByteCount::new(facts().map(|f| f.live).sum()),
            dead: ByteCount::new(facts().map(super::contents::SegmentFacts::dead).sum()),
            fragments: contents.index.count(),
            segments: contents.segments.len() as u64,
        })
    }

    /// Why the disk takes no writes, if it is poisoned.
    pub(crate) fn poison(&self) -> Option<Poison> {
        if self.state() != DiskState::Poisoned {
            return None;
        }
        Some(match self.disk.space() {
            Err(DiskError::NotFound { .. }) => Poison::Gone,
            _ if self.disk.is_read_only() => Poison::ReadOnly,
            _ => Poison::Failed,
        })
    }

    /// Whether the disk can be trusted with writes.
    pub(crate) fn state(&self) -> DiskState {
        if self.disk.is_poisoned() || self.stuck.load(Ordering::SeqCst) {
            return DiskState::Poisoned;
        }
        if self.disk.is_hanging() {
            return DiskState::Hanging;
        }
        match self.space() {
            Ok(space) if space.available.get() >= RESERVE_STEP_MIN => DiskState::Healthy,
            Ok(_) => DiskState::Full,
            Err(DiskError::Hanging { .. }) => DiskState::Hanging,
            Err(_) => DiskState::Poisoned,
        }
    }
}

#[derive(Default)]
struct OpenFiles {
    open: HashMap<u32, Arc<dyn DiskFile>>,
    order: VecDeque<u32>,
}
