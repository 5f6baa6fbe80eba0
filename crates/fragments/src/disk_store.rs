//! One disk, synchronously: the writer's half, which tests drive directly.
//!
//! # A commit
//! Requests that wait together are placed one after the other at the end of the
//! open segment, written with one call, made durable with one `fdatasync`, and
//! only then entered into the index and answered.
//! ```text
//!   room? ─▶ write ─▶ fdatasync ─▶ (first time: sync_dir) ─▶ index ─▶ answers ─▶ punch
//! ```
//! **Invariants**
//! - Nothing is answered, and nothing is in the index, before it is durable.
//! - A write that failed is cut off again before the next; if that fails too, the
//!   disk takes no more writes.
//! - Room of dead payloads is given back only after what made them dead is durable.
//! - Appends leave room for removals: a full disk can always be emptied.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use disk::{Disk, DiskError};
use units::{ByteCount, ClusterId, DiskId, PartId, planted};

use crate::compact::Compaction;
use crate::footer;
use crate::limits::SEGMENT_RECORDS_MAX;
use crate::mark::mark_bytes;
use crate::position::{Location, Position};
use crate::record::{Draft, DraftKind};
use crate::segment::{SEGMENT_HEAD_BYTES, segment_path};
use crate::shared::Shared;
use crate::tail::{Keep, Tail};
use crate::{Identity, OpenError, Options, Work, WriteError};

/// The store on one disk.
pub struct DiskStore {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tail: Option<Tail>,
    pub(crate) compaction: Option<Compaction>,
}

impl DiskStore {
    /// Gives a blank disk its identity.
    pub fn format(disk: &dyn Disk, identity: Identity) -> Result<(), OpenError> {
        identity.write(disk)
    }

    /// Opens a formatted disk of this cluster and brings its index up to date.
    pub fn open(
        disk: Arc<dyn Disk>,
        cluster: ClusterId,
        options: Options,
    ) -> Result<Self, OpenError> {
        let identity = Identity::read(&*disk)?;
        if identity.cluster != cluster {
            let (found, expected) = (identity.cluster, cluster);
            return Err(OpenError::ForeignCluster { disk: identity.disk, found, expected });
        }
        crate::recover::recover(Shared::new(disk, identity.disk, cluster, options))
    }

    /// Which disk this is.
    pub fn id(&self) -> DiskId {
        self.shared.id
    }

    /// Carries out several requests with one sync; answers each, with the number of
    /// fragments a removal removed. `Ok` means durable.
    pub fn commit(&mut self, batch: &[Work]) -> Vec<Result<u64, WriteError>> {
        if self.shared.disk.is_poisoned() || self.shared.stuck.load(Ordering::SeqCst) {
            return batch.iter().map(|_| Err(WriteError::Poisoned)).collect();
        }
        let all: Vec<&Work> = batch.iter().collect();
        let appending = batch.iter().any(Work::appends);
        let keep_free = if appending { Keep::Spare } else { Keep::Nothing };
        match self.place_works(&all, keep_free) {
            Ok(counts) => counts.into_iter().map(Ok).collect(),
            // Removals go on where appends cannot.
            Err(WriteError::Full) if appending && !batch.iter().all(Work::appends) => {
                let removals: Vec<&Work> = batch.iter().filter(|w| !w.appends()).collect();
                let outcome = self.place_works(&removals, Keep::Nothing);
                let mut counts = outcome.map(Vec::into_iter);
                let mut answer = |work: &Work| match &mut counts {
                    _ if work.appends() => Err(WriteError::Full),
                    Ok(counts) => Ok(counts.next().unwrap_or(0)),
                    Err(error) => Err(error.clone()),
                };
                batch.iter().map(&mut answer).collect()
            }
            Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Places the drafts of several requests; counts what each removed.
    fn place_works(&mut self, works: &[&Work], keep: Keep) -> Result<Vec<u64>, WriteError> {
        let mut drafts = Vec::new();
        let mut owners = Vec::new();
        let mut arriving = HashSet::new();
        for (owner, work) in works.iter().enumerate() {
            for draft in &work.0 {
                let needed = match draft.kind {
                    DraftKind::Fragment(header) => {
                        arriving.insert(header.name.part);
                        true
                    }
                    DraftKind::PartRemoved { part, .. } => {
                        arriving.contains(&part) || self.holds_part(part)
                    }
                    DraftKind::FragmentRemoved { name, .. } => {
                        arriving.contains(&name.part)
                            || self.shared.contents.read().index.get(name).is_some()
                    }
                };
                if needed {
                    drafts.push(draft);
                    owners.push(owner);
                }
            }
        }
        if planted::is_on("fragments-forgets-removal") {
            self.forget(&mut drafts, &mut owners);
        }
        let mut counts = vec![0; works.len()];
        let killed = self.place(&drafts, keep)?;
        for ((owner, draft), killed) in owners.into_iter().zip(drafts).zip(killed) {
            let removal = !matches!(draft.kind, DraftKind::Fragment(_));
            if let (true, Some(count)) = (removal, counts.get_mut(owner)) {
                *count += killed;
            }
        }
        Ok(counts)
    }

    /// The planted bug: removals reach the index and nothing else.
    fn forget(&self, drafts: &mut Vec<&Draft>, owners: &mut Vec<usize>) {
        let mut contents = self.shared.contents.write();
        let mut keep = drafts.iter().map(|draft| {
            let DraftKind::PartRemoved { part, .. } = draft.kind else { return true };
            for (name, _) in contents.index.of_part(part) {
                contents.index.remove(name);
            }
            false
        });
        owners.retain(|_| keep.next().unwrap_or(true));
        drop(keep);
        drafts.retain(|draft| !matches!(draft.kind, DraftKind::PartRemoved { .. }));
    }

    fn holds_part(&self, part: PartId) -> bool {
        !self.shared.contents.read().index.of_part(part).is_empty()
    }

    /// Writes records, makes them durable and enters them into the index; says how
    /// many fragments each made dead.
    pub(crate) fn place(&mut self, drafts: &[&Draft], keep: Keep) -> Result<Vec<u64>, WriteError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let records: u64 = drafts.iter().map(|draft| draft.record_bytes()).sum();
        let bytes = records + mark_bytes(drafts.len());
        self.roll_if_full(bytes, keep)?;
        let shared = Arc::clone(&self.shared);
        let stored = self.stored_bytes();
        let tail = self.tail_or_begin()?;
        tail.ensure_room(&shared, bytes, stored, keep)?;
        let (entries, end) = tail.write(&shared, drafts)?;
        tail.sync(&shared)?;
        tail.end = end;
        tail.settled = false;
        tail.entries.extend(&entries);
        let segment = tail.segment;
        let mut dead: Vec<Location> = Vec::new();
        let mut killed = Vec::with_capacity(entries.len());
        {
            let mut contents = shared.contents.write();
            contents.facts(segment).records_end = end;
            for entry in &entries {
                let buried = contents.apply(segment, entry);
                killed.push(buried.len() as u64);
                dead.extend(buried);
            }
        }
        self.give_back(&dead);
        Ok(killed)
    }

    /// Says durably that the last commit was durable, for want of a later one that
    /// would say so; says whether there was anything to say. Where there is no room,
    /// nothing is said.
    pub fn settle(&mut self) -> Result<bool, WriteError> {
        if self.shared.disk.is_poisoned() || self.shared.stuck.load(Ordering::SeqCst) {
            return Err(WriteError::Poisoned);
        }
        let shared = Arc::clone(&self.shared);
        let stored = self.stored_bytes();
        let Some(tail) = &mut self.tail else { return Ok(false) };
        if tail.settled || tail.entries.is_empty() {
            return Ok(false);
        }
        match tail.ensure_room(&shared, mark_bytes(0), stored, Keep::Nothing) {
            Ok(()) => {}
            Err(WriteError::Full) => return Ok(false),
            Err(error) => return Err(error),
        }
        let (_, end) = tail.write(&shared, &[])?;
        tail.sync(&shared)?;
        tail.end = end;
        tail.settled = true;
        shared.contents.write().facts(tail.segment).records_end = end;
        Ok(true)
    }

    /// Seals the open segment if what comes would make it too long.
    fn roll_if_full(&mut self, bytes: u64, keep: Keep) -> Result<(), WriteError> {
        let limit = self.shared.segment_limit();
        let Some(tail) = &self.tail else { return Ok(()) };
        let fits = tail.end + bytes <= limit && tail.entries.len() < SEGMENT_RECORDS_MAX;
        if fits || tail.entries.is_empty() {
            return Ok(());
        }
        match self.seal() {
            // Where there is no room for a footer, removals still go on.
            Err(DiskError::Full { .. })
                if keep != Keep::Spare && self.tail.as_ref().is_some_and(|t| t.can_grow(bytes)) =>
            {
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Ends the open segment with its footer.
    pub(crate) fn seal(&mut self) -> Result<(), DiskError> {
        let Some(tail) = &mut self.tail else { return Ok(()) };
        let end = u32::try_from(tail.end).unwrap_or(u32::MAX);
        let footer = footer::encode(self.shared.id, tail.segment, end, &tail.entries);
        // Setting the length gives back the room that was reserved and is not needed.
        let length = ByteCount::new(tail.end + footer.len() as u64);
        let written = tail.file.write_all_at(&footer, tail.end);
        if let Err(error) = written.and_then(|()| tail.file.set_len(length)) {
            tail.take_back(&self.shared);
            return Err(error);
        }
        tail.file.sync_data()?;
        let segment = tail.segment;
        self.shared.contents.write().facts(segment).sealed = true;
        self.tail = None;
        Ok(())
    }

    fn tail_or_begin(&mut self) -> Result<&mut Tail, WriteError> {
        if self.tail.is_none() {
            let youngest = self.shared.contents.read().segments.keys().next_back().copied();
            let segment = youngest.unwrap_or(0).checked_add(1).ok_or(WriteError::Full)?;
            let file = self.shared.disk.create(&segment_path(segment))?;
            self.shared.keep_open(segment, Arc::clone(&file));
            self.shared.contents.write().facts(segment).records_end = 0;
            self.tail = Some(Tail {
                segment,
                file,
                end: u64::from(SEGMENT_HEAD_BYTES),
                reserved: 0,
                entries: Vec::new(),
                head_pending: true,
                name_pending: true,
                settled: false,
            });
        }
        self.tail.as_mut().ok_or(WriteError::Stopped)
    }

    fn stored_bytes(&self) -> u64 {
        self.shared.contents.read().segments.values().map(|facts| facts.records_end).sum()
    }

    /// Gives dead payloads back to the file system. Only room is at stake, so a
    /// failure is noted and compaction does it later.
    fn give_back(&self, dead: &[Location]) {
        for location in dead {
            if u64::from(location.bytes) < self.shared.options.punch_bytes_min.get() {
                continue;
            }
            let Position { segment, offset } = location.position;
            // Headers stay, so that a scan still walks from record to record.
            let header = crate::contents::header_bytes_of(location.bytes);
            let payload = u64::from(offset) + header as u64;
            let start = payload.next_multiple_of(PAGE_BYTES);
            let end = (payload + u64::from(location.bytes)) / PAGE_BYTES * PAGE_BYTES;
            let length = end.saturating_sub(start);
            let outcome = self
                .shared
                .file(segment)
                .and_then(|file| file.punch(start, ByteCount::new(length)));
            match outcome {
                Ok(()) => self.shared.contents.write().facts(segment).punched += length,
                Err(error) => tracing::warn!(%error, segment, "dead room could not be given back"),
            }
        }
    }
}

/// The unit in which file systems give out room.
const PAGE_BYTES: u64 = 4096;
