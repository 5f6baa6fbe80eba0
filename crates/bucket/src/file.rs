//! A file: what was written is in memory until it is synced, and in objects from then on.
//!
//! ```text
//!   write ─> pieces, dirty ─sync─> (cut) ─> an object for each run ─> pieces in objects
//! ```
//! **Invariants**
//! - A sync that failed leaves what was written dirty; the next one first cuts the file off
//!   behind what is durable, so that what may have arrived all the same does not count.
//! - Nobody waits for a request with the pieces locked: readers go on.

use core::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use disk::{DiskError, DiskFile};
use object_store::path::Path;
use parking_lot::Mutex;
use units::{ByteCount, planted};

use crate::disk_in_bucket::Inner;
use crate::error::Failure;
use crate::limits::{DIRTY_BYTES_MAX, EXTENT_BYTES_MAX, FOLD_BELOW_BYTES};
use crate::name::{Kind, ObjectName};
use crate::remote::Found;
use crate::replay::FileFound;
use crate::spans::{Held, Piece, Source, Spans};
use crate::sweeper::Sweep;
use crate::window::Windows;

/// What a file holds, and where.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for somewhere else")]
pub(crate) struct State {
    pub(crate) spans: Spans,
    length: u64,
    dirty: usize,
    /// Objects may lie, or arrive, beyond what is durable here.
    needs_cut: bool,
    /// Whether an object of it is there, or may be.
    has_objects: bool,
    /// Its objects without bytes.
    empty: Vec<ObjectName>,
    pub(crate) is_folding: bool,
    pub(crate) is_gone: bool,
    /// Where the last small read ended.
    read_to: u64,
}

/// A file of a disk in a bucket.
pub(crate) struct BucketFile {
    pub(crate) name: String,
    pub(crate) inner: Arc<Inner>,
    pub(crate) state: Mutex<State>,
    /// One change at a time; readers do not wait for it.
    changing: Mutex<()>,
}

/// Bytes that go into one object.
struct Run {
    start: u64,
    end: u64,
    bytes: Vec<Bytes>,
}

impl BucketFile {
    pub(crate) fn new(name: String, inner: Arc<Inner>, found: Option<FileFound>) -> Arc<Self> {
        let state = match found {
            Some(FileFound { spans, length, empty }) => {
                State { spans, length, empty, has_objects: true, ..State::default() }
            }
            None => State::default(),
        };
        let (state, changing) = (Mutex::new(state), Mutex::default());
        Arc::new(Self { name, inner, state, changing })
    }

    pub(crate) fn path_of(&self, name: ObjectName) -> Path {
        name.path(&self.inner.prefix, &self.name)
    }

    /// What a failed request is to whoever works on files.
    fn failed(&self, failure: Failure) -> DiskError {
        self.inner.failed(&self.name, failure)
    }

    /// Puts an object of this file.
    fn put(&self, name: ObjectName, bytes: Vec<Bytes>) -> Result<(), Failure> {
        let (remote, path) = (Arc::clone(&self.inner.remote), self.path_of(name));
        let length: u64 = bytes.iter().map(|bytes| bytes.len() as u64).sum();
        self.inner.remote.wait(async move { remote.put(path, bytes).await })?;
        self.inner.used.fetch_add(length, Ordering::SeqCst);
        Ok(())
    }

    /// Makes an empty file's name durable.
    pub(crate) fn sync_name(&self) -> Result<(), DiskError> {
        let _changing = self.changing.lock();
        if self.state.lock().has_objects {
            return Ok(());
        }
        let name = ObjectName { sequence: self.inner.sequence(), kind: Kind::Whole, offset: 0 };
        self.state.lock().empty.push(name);
        self.put(name, Vec::new()).map_err(|failure| self.failed(failure))?;
        self.state.lock().has_objects = true;
        Ok(())
    }

    /// Replaces all that the file is by these bytes; durable on `Ok`.
    pub(crate) fn replace(&self, bytes: Bytes) -> Result<(), DiskError> {
        let _changing = self.changing.lock();
        let name = ObjectName { sequence: self.inner.sequence(), kind: Kind::Whole, offset: 0 };
        let length = bytes.len() as u64;
        self.put(name, vec![bytes]).map_err(|failure| self.failed(failure))?;
        let mut state = self.state.lock();
        let before = objects_of(&state.spans);
        let held = Held { name, bytes: length, memory: None };
        state.spans = Spans::default();
        state.spans.put(0..length, Source::Object(Arc::new(held)));
        (state.length, state.dirty, state.has_objects) = (length, 0, true);
        drop(state);
        self.sweep(before);
        Ok(())
    }

    /// Ends the file: durable on `Ok`. Its bytes are deleted later.
    pub(crate) fn end(&self) -> Result<(), DiskError> {
        let _changing = self.changing.lock();
        let (has_objects, held, empty) = {
            let state = self.state.lock();
            (state.has_objects, objects_of(&state.spans), state.empty.clone())
        };
        if !has_objects {
            self.state.lock().is_gone = true;
            return Ok(());
        }
        let name = ObjectName { sequence: self.inner.sequence(), kind: Kind::Gone, offset: 0 };
        if !planted::is_on("bucket-removes-plainly") {
            self.put(name, Vec::new()).map_err(|failure| self.failed(failure))?;
        }
        self.state.lock().is_gone = true;
        let empty = empty.into_iter().map(|name| Found { path: self.path_of(name), bytes: 0 });
        let stale = held.iter().map(|held| self.found(held)).chain(empty).collect();
        let ends = vec![Found { path: self.path_of(name), bytes: 0 }];
        self.inner.sweeper.sweep(Sweep { stale, ends });
        Ok(())
    }

    /// All bytes, of a small file.
    pub(crate) fn whole(&self) -> Result<Bytes, DiskError> {
        let length = self.state.lock().length;
        Ok(Bytes::from(self.read_at(0, usize::try_from(length).unwrap_or(usize::MAX))?))
    }

    pub(crate) fn dirty_bytes(&self) -> u64 {
        self.state.lock().dirty as u64
    }

    fn found(&self, held: &Held) -> Found {
        Found { path: self.path_of(held.name), bytes: held.bytes }
    }

    /// Deletes those of these objects that no piece is in any more.
    pub(crate) fn sweep(&self, before: Vec<Arc<Held>>) {
        let now = objects_of(&self.state.lock().spans);
        let is_stale = |held: &&Arc<Held>| !now.iter().any(|other| other.name == held.name);
        let stale: Vec<Found> =
            before.iter().filter(is_stale).map(|held| self.found(held)).collect();
        if !stale.is_empty() {
            self.inner.sweeper.sweep(Sweep { stale, ends: Vec::new() });
        }
    }

    /// What is dirty, in runs that each fit in an object.
    fn runs(state: &State) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (start, piece) in state.spans.all() {
            let Source::Dirty(bytes) = &piece.source else { continue };
            let skip = usize::try_from(piece.skip).unwrap_or(usize::MAX).min(bytes.len());
            let mut rest = bytes.slice(skip..);
            rest.truncate(usize::try_from(piece.end - start).unwrap_or(usize::MAX));
            let mut at = start;
            while !rest.is_empty() {
                let last = runs.last_mut().filter(|run| run.end == at);
                let room = last.as_ref().map_or(0, |run| {
                    let held = usize::try_from(run.end - run.start).unwrap_or(usize::MAX);
                    EXTENT_BYTES_MAX.saturating_sub(held)
                });
                let take = rest.len().min(if room == 0 { EXTENT_BYTES_MAX } else { room });
                let some = rest.split_to(take);
                let end = at + take as u64;
                match last {
                    Some(run) if room > 0 => {
                        run.bytes.push(some);
                        run.end = end;
                    }
                    _ => runs.push(Run { start: at, end, bytes: vec![some] }),
                }
                at = end;
            }
        }
        runs
    }

    /// Puts one run, and has its pieces lie in the object from then on.
    fn put_run(&self, run: Run) -> Result<(), Failure> {
        let Run { start, end, bytes } = run;
        let name =
            ObjectName { sequence: self.inner.sequence(), kind: Kind::Extent, offset: start };
        let length = end - start;
        let is_small = length < FOLD_BELOW_BYTES as u64;
        let memory = is_small.then(|| joined(&bytes));
        self.state.lock().has_objects = true;
        self.put(name, bytes)?;
        let held = Held { name, bytes: length, memory };
        let mut state = self.state.lock();
        let inside = state.spans.of(start..end).into_iter();
        let before: Vec<Arc<Held>> = inside.filter_map(|(_, piece)| object_of(&piece)).collect();
        state.spans.put(start..end, Source::Object(Arc::new(held)));
        state.dirty = state.dirty.saturating_sub(usize::try_from(length).unwrap_or(usize::MAX));
        drop(state);
        self.sweep(before);
        Ok(())
    }

    /// Says durably that nothing lies beyond what is durable here.
    fn put_cut(&self) -> Result<(), Failure> {
        let durable = {
            let state = self.state.lock();
            let in_objects = state.spans.all().filter(|(_, piece)| object_of(piece).is_some());
            in_objects.map(|(_, piece)| piece.end).max().unwrap_or(0)
        };
        if !planted::is_on("bucket-forgets-cuts") {
            let sequence = self.inner.sequence();
            let name = ObjectName { sequence, kind: Kind::Cut, offset: durable };
            self.state.lock().empty.push(name);
            self.put(name, Vec::new())?;
        }
        self.state.lock().needs_cut = false;
        Ok(())
    }

    /// Lets go of what is kept in memory to be folded, since nothing more will come to it.
    pub(crate) fn let_go(&self) {
        crate::fold::fold_rest(self);
        let mut state = self.state.lock();
        let kept: Vec<(u64, Piece)> = state
            .spans
            .all()
            .filter(|(_, piece)| object_of(piece).is_some_and(|held| held.memory.is_some()))
            .map(|(start, piece)| (start, piece.clone()))
            .collect();
        for (start, piece) in kept {
            let Some(held) = object_of(&piece) else { continue };
            let held = Held { name: held.name, bytes: held.bytes, memory: None };
            let source = Source::Object(Arc::new(held));
            state.spans.put_piece(start, Piece { source, ..piece });
        }
    }

    fn sync(&self) -> Result<(), Failure> {
        let (runs, needs_cut) = {
            let state = self.state.lock();
            (Self::runs(&state), state.needs_cut)
        };
        if needs_cut {
            self.put_cut()?;
        }
        for run in runs {
            if let Err(failure) = self.put_run(run) {
                // It may be there, or come.
                self.state.lock().needs_cut = true;
                return Err(failure);
            }
        }
        Ok(())
    }

    /// The bytes of a piece.
    fn fetch(&self, start: u64, piece: &Piece, walks: bool) -> Result<Bytes, DiskError> {
        let length = piece.end - start;
        let (from, to) = (piece.skip, piece.skip + length);
        match &piece.source {
            Source::Dirty(bytes) => Ok(cut(bytes, from, to)),
            Source::Object(held) => {
                if let Some(bytes) = &held.memory {
                    return Ok(cut(bytes, from, to));
                }
                let path = self.path_of(held.name);
                if let Some(bytes) = self.inner.windows.find(&path, from, to) {
                    return Ok(bytes);
                }
                let (wide_from, wide_to) = Windows::wider(from, to, held.bytes, walks);
                let (remote, asked) = (Arc::clone(&self.inner.remote), path.clone());
                let bytes = self
                    .inner
                    .remote
                    .wait(async move { remote.get(asked, wide_from..wide_to).await })
                    .map_err(|failure| self.failed(failure))?;
                let wanted = cut(&bytes, from - wide_from, to - wide_from);
                if (wide_from, wide_to) != (from, to) {
                    self.inner.windows.keep(path, wide_from, bytes);
                }
                Ok(wanted)
            }
        }
    }

    fn pieces(&self, at: Range<u64>) -> Result<Vec<(u64, Piece)>, DiskError> {
        let state = self.state.lock();
        if at.end > state.length {
            return Err(DiskError::UnexpectedEnd { path: self.name.clone(), wanted: at.end });
        }
        Ok(state.spans.of(at))
    }

    fn write(&self, bytes: Bytes, offset: u64) -> Result<(), DiskError> {
        let _changing = self.changing.lock();
        if self.inner.remote.is_hanging() {
            return Err(self.inner.hanging(&self.name));
        }
        let end = offset.saturating_add(bytes.len() as u64);
        let mut state = self.state.lock();
        if state.is_gone {
            return Err(DiskError::NotFound { path: self.name.clone() });
        }
        if state.dirty.saturating_add(bytes.len()) > DIRTY_BYTES_MAX {
            return Err(DiskError::Full { path: self.name.clone() });
        }
        state.spans.put(offset..end, Source::Dirty(bytes));
        state.length = state.length.max(end);
        state.dirty = dirty_of(&state.spans);
        Ok(())
    }
}

impl DiskFile for BucketFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        let end = offset.saturating_add(buffer.len() as u64);
        buffer.fill(0);
        let walks = {
            let mut state = self.state.lock();
            let walks = offset >= state.read_to && offset - state.read_to <= 64 * 1024;
            state.read_to = end;
            walks
        };
        for (start, piece) in self.pieces(offset..end)? {
            let bytes = self.fetch(start, &piece, walks)?;
            let at = usize::try_from(start - offset).unwrap_or(usize::MAX);
            let rest = buffer.get_mut(at..).unwrap_or_default();
            for (to, from) in rest.iter_mut().zip(bytes) {
                *to = from;
            }
        }
        Ok(())
    }

    fn read_cached_at(&self, offset: u64, length: usize) -> Result<Option<Vec<u8>>, DiskError> {
        let end = offset.saturating_add(length as u64);
        let mut buffer = vec![0; length];
        for (start, piece) in self.pieces(offset..end)? {
            let (from, to) = (piece.skip, piece.skip + (piece.end - start));
            let bytes = match &piece.source {
                Source::Dirty(bytes) => cut(bytes, from, to),
                Source::Object(held) => match &held.memory {
                    Some(bytes) => cut(bytes, from, to),
                    None => return Ok(None),
                },
            };
            let at = usize::try_from(start - offset).unwrap_or(usize::MAX);
            let rest = buffer.get_mut(at..).unwrap_or_default();
            for (to, from) in rest.iter_mut().zip(bytes) {
                *to = from;
            }
        }
        Ok(Some(buffer))
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<(), DiskError> {
        self.write(Bytes::copy_from_slice(bytes), offset)
    }

    fn write_slices_at(&self, slices: &[&[u8]], offset: u64) -> Result<(), DiskError> {
        let mut all = BytesMut::with_capacity(slices.iter().map(|slice| slice.len()).sum());
        for slice in slices {
            all.extend_from_slice(slice);
        }
        self.write(all.freeze(), offset)
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        let _changing = self.changing.lock();
        let synced = self.sync();
        let full = matches!(synced, Err(Failure::Full(_)));
        self.inner.is_full.store(full, Ordering::SeqCst);
        if planted::is_on("bucket-answers-early") {
            return Ok(());
        }
        synced.map_err(|failure| self.failed(failure))?;
        crate::fold::fold_if_worth_it(self);
        self.inner.synced(self);
        Ok(())
    }

    fn length(&self) -> Result<ByteCount, DiskError> {
        Ok(ByteCount::new(self.state.lock().length))
    }

    fn set_len(&self, length: ByteCount) -> Result<(), DiskError> {
        let _changing = self.changing.lock();
        let length = length.get();
        let mut state = self.state.lock();
        let beyond = state.spans.of(length..u64::MAX);
        let before: Vec<Arc<Held>> =
            beyond.iter().filter_map(|(_, piece)| object_of(piece)).collect();
        state.needs_cut |= !before.is_empty();
        state.spans.clear(length..u64::MAX);
        state.length = length;
        state.dirty = dirty_of(&state.spans);
        Ok(())
    }

    fn reserve(&self, length: ByteCount) -> Result<(), DiskError> {
        let more = length.get().saturating_sub(self.state.lock().length);
        if more > self.inner.free() {
            return Err(DiskError::Full { path: self.name.clone() });
        }
        Ok(())
    }

    fn punch(&self, _: u64, _: ByteCount) -> Result<(), DiskError> {
        // An object is had whole or not at all; compaction gives its room back.
        Ok(())
    }
}

/// The object that a piece is in.
fn object_of(piece: &Piece) -> Option<Arc<Held>> {
    match &piece.source {
        Source::Object(held) => Some(Arc::clone(held)),
        Source::Dirty(_) => None,
    }
}

/// The objects that any piece is in, each once.
pub(crate) fn objects_of(spans: &Spans) -> Vec<Arc<Held>> {
    let mut all: Vec<Arc<Held>> = spans.all().filter_map(|(_, piece)| object_of(piece)).collect();
    all.sort_by_key(|held| held.name);
    all.dedup_by_key(|held| held.name);
    all
}

fn dirty_of(spans: &Spans) -> usize {
    let dirty = spans.all().filter(|(_, piece)| object_of(piece).is_none());
    let bytes: u64 = dirty.map(|(start, piece)| piece.end - start).sum();
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn cut(bytes: &Bytes, from: u64, to: u64) -> Bytes {
    let end = usize::try_from(to).unwrap_or(usize::MAX).min(bytes.len());
    let start = usize::try_from(from).unwrap_or(usize::MAX).min(end);
    bytes.slice(start..end)
}

/// One behind the other.
pub(crate) fn joined(bytes: &[Bytes]) -> Bytes {
    if let [only] = bytes {
        return only.clone();
    }
    let mut all = BytesMut::with_capacity(bytes.iter().map(Bytes::len).sum());
    for some in bytes {
        all.extend_from_slice(some);
    }
    all.freeze()
}
