//! The handle that the rest of the house holds: several disks, asynchronously.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use disk::Disk;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use units::{ByteCount, ClusterId, DiskId, PartId, Random};

use crate::custody::Signer;
use crate::disk_store::DiskStore;
use crate::limits::{HANG_LOOK_EVERY, INLINE_READ_BYTES_MAX, SHUTDOWN_MAX, WAITING_READS_MAX};
use crate::read::{Patience, Verified};
use crate::shared::Shared;
use crate::writer::{Request, Writer, WriterThread};
use crate::{
    CompactReport, DiskSpace, DiskState, Fragment, FragmentName, Identity, Listed, OpenError,
    Options, Poison, ReadError, ScrubCursor, ScrubReport, Work, WriteError,
};

/// Fragments on the disks of one node; clones share the disks.
#[derive(Clone)]
pub struct FragmentStore {
    disks: Arc<BTreeMap<DiskId, Handle>>,
    order: Arc<Vec<DiskId>>,
    /// Disks that are counted on and were not opened.
    missing: Arc<Mutex<BTreeSet<DiskId>>>,
    signer: Signer,
}

struct Handle {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Request>,
    /// Reads that may wait for the disk.
    waiting: Arc<Semaphore>,
    thread: Mutex<Option<WriterThread>>,
    /// The end of the writer, if a shutdown did not live to see it.
    ending: Mutex<Option<JoinHandle<()>>>,
}

impl FragmentStore {
    /// Opens the disks of this node; blank ones are formatted with a fresh identity.
    pub async fn open(
        cluster: ClusterId,
        disks: Vec<Arc<dyn Disk>>,
        random: &dyn Random,
    ) -> Result<Self, OpenError> {
        Self::open_with(cluster, disks, random, Options::default()).await
    }

    /// As [`FragmentStore::open`], unless one of the disks was forgotten: then none is
    /// opened, formatted or changed.
    pub async fn open_unless_forgotten(
        cluster: ClusterId,
        disks: Vec<Arc<dyn Disk>>,
        forgotten: &BTreeSet<DiskId>,
        random: &dyn Random,
    ) -> Result<Self, OpenError> {
        for disk in &disks {
            // One whose identity cannot be read is told by the opening.
            if let Ok(identity) = Identity::read(&**disk)
                && forgotten.contains(&identity.disk)
            {
                return Err(OpenError::Forgotten { disk: identity.disk });
            }
        }
        Self::open(cluster, disks, random).await
    }

    /// As [`FragmentStore::open`], with other sizes.
    pub async fn open_with(
        cluster: ClusterId,
        disks: Vec<Arc<dyn Disk>>,
        random: &dyn Random,
        options: Options,
    ) -> Result<Self, OpenError> {
        // All disks are read at once: the slowest decides how long a start takes.
        let mut opening = Vec::new();
        for disk in disks {
            let fresh = Identity { disk: DiskId::draw(random), cluster };
            opening.push(host::blocking(move || open_one(disk, fresh, options)));
        }
        let mut handles = BTreeMap::new();
        let mut order = Vec::new();
        for task in opening {
            let store = task.await.map_err(|_| OpenError::Interrupted)??;
            let disk = store.id();
            let Writer { shared, queue, thread } = Writer::start(store)?;
            let (thread, ending) = (Mutex::new(Some(thread)), Mutex::default());
            let waiting = Arc::new(Semaphore::new(WAITING_READS_MAX));
            let handle = Handle { shared, queue, waiting, thread, ending };
            order.push(disk);
            if handles.insert(disk, handle).is_some() {
                return Err(OpenError::Twice { disk });
            }
        }
        let (disks, order) = (Arc::new(handles), Arc::new(order));
        Ok(Self { disks, order, missing: Arc::default(), signer: Arc::default() })
    }

    pub(crate) const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Notes disks that are counted on and were not opened.
    pub fn missing_note(&self, disks: impl IntoIterator<Item = DiskId>) {
        self.missing.lock().extend(disks);
    }

    /// Counts on a missing disk no longer.
    pub fn missing_forget(&self, disk: DiskId) {
        self.missing.lock().remove(&disk);
    }

    /// Disks that are counted on and were not opened.
    pub fn missing(&self) -> BTreeSet<DiskId> {
        self.missing.lock().clone()
    }

    /// The disks, in the order they were given.
    pub fn disks(&self) -> Vec<DiskId> {
        self.order.to_vec()
    }

    /// Whether a disk is one of them.
    pub(crate) fn has(&self, disk: DiskId) -> bool {
        self.disks.contains_key(&disk)
    }

    /// Stores one fragment; `Ok` once it is durable. A fragment of the same name is
    /// replaced.
    pub async fn append(&self, disk: DiskId, fragment: Fragment) -> Result<(), WriteError> {
        self.append_many(disk, vec![fragment]).await
    }

    /// Stores fragments with one sync; `Ok` once all are durable.
    // Cancel-safety: a call that is dropped may or may not have stored them.
    pub async fn append_many(
        &self,
        disk: DiskId,
        fragments: Vec<Fragment>,
    ) -> Result<(), WriteError> {
        let work = Work::append(fragments)?;
        self.work(disk, work).await.map(|_| ())
    }

    /// Removes all fragments of a part; `Ok` once that is durable. Says how many
    /// there were; removing what is not there succeeds.
    pub async fn remove_part(&self, disk: DiskId, part: PartId) -> Result<u64, WriteError> {
        self.work(disk, Work::remove_part(part)).await
    }

    /// Removes single fragments; `Ok` once that is durable.
    pub async fn remove(&self, disk: DiskId, names: Vec<FragmentName>) -> Result<u64, WriteError> {
        self.work(disk, Work::remove(names)).await
    }

    async fn work(&self, disk: DiskId, work: Work) -> Result<u64, WriteError> {
        self.ask(disk, |answer| Request::Work { work, answer }).await
    }

    /// Compacts the segment that gives back most, if one is worth it.
    pub async fn compact(&self, disk: DiskId) -> Result<CompactReport, WriteError> {
        self.ask(disk, |answer| Request::Compact { answer }).await
    }

    /// Says durably on a disk, when nothing else is written, that its last commit was
    /// durable; see [`DiskStore::settle`].
    pub async fn settle(&self, disk: DiskId) -> Result<bool, WriteError> {
        self.ask(disk, |answer| Request::Settle { answer }).await
    }

    async fn ask<T>(
        &self,
        disk: DiskId,
        request: impl FnOnce(oneshot::Sender<Result<T, WriteError>>) -> Request,
    ) -> Result<T, WriteError> {
        let handle = self.disks.get(&disk).ok_or(WriteError::NoSuchDisk { disk })?;
        let (answer, outcome) = oneshot::channel();
        let done = async {
            handle.queue.send(request(answer)).await.map_err(|_| WriteError::Stopped)?;
            outcome.await.map_err(|_| WriteError::Stopped)?
        };
        // Whether a disk that hangs will have done it is unknown.
        unless_hanging(&handle.shared, done).await.unwrap_or(Err(WriteError::Hanging))
    }

    /// A range of a fragment's payload, verified.
    pub async fn read(
        &self,
        disk: DiskId,
        name: FragmentName,
        range: Range<usize>,
    ) -> Result<Bytes, ReadError> {
        let verified = self.fetch(disk, name, Some(range)).await?;
        Ok(verified.bytes)
    }

    /// A whole fragment, verified.
    pub async fn read_whole(
        &self,
        disk: DiskId,
        name: FragmentName,
    ) -> Result<Fragment, ReadError> {
        let verified = self.fetch(disk, name, None).await?;
        Ok(Fragment { header: verified.header, payload: verified.bytes })
    }

    async fn fetch(
        &self,
        disk: DiskId,
        name: FragmentName,
        range: Option<Range<usize>>,
    ) -> Result<Verified, ReadError> {
        let handle = self.disks.get(&disk).ok_or(ReadError::NoSuchDisk { disk })?;
        let shared = &handle.shared;
        // The caller's thread serves others, and those for waiting are few.
        if shared.disk.is_hanging() {
            return Err(ReadError::Hanging { name });
        }
        // What is in the page cache is had sooner than a thread can be woken.
        let length = range.as_ref().map(ExactSizeIterator::len);
        let length = length.or_else(|| self.length(disk, name).map(|l| usize_of(l.get())));
        if length.is_some_and(|length| length <= INLINE_READ_BYTES_MAX)
            && let Some(verified) = shared.read(name, range.as_ref(), Patience::None)?
        {
            return Ok(verified);
        }
        let (waiting, waits_for) = (Arc::clone(&handle.waiting), Arc::clone(shared));
        let read = async move {
            let permit = waiting.acquire_owned().await.map_err(|_| ReadError::Stopped)?;
            // Held until the disk has answered, also when nobody waits for that any more.
            let read = move || {
                let _permit = permit;
                waits_for.read(name, range.as_ref(), Patience::Full)
            };
            let verified = host::blocking(read).await;
            verified.map_err(|_| ReadError::Stopped)?
        };
        let verified = unless_hanging(shared, read).await.ok_or(ReadError::Hanging { name })?;
        verified?.ok_or(ReadError::NotFound { name })
    }

    fn shared(&self, disk: DiskId) -> Result<&Arc<Shared>, ReadError> {
        let handle = self.disks.get(&disk).ok_or(ReadError::NoSuchDisk { disk })?;
        Ok(&handle.shared)
    }

    /// Length of a fragment's payload, from memory; `None` if it is not there.
    pub fn length(&self, disk: DiskId, name: FragmentName) -> Option<ByteCount> {
        let handle = self.disks.get(&disk)?;
        let location = handle.shared.contents.read().index.get(name)?;
        Some(ByteCount::new(u64::from(location.bytes)))
    }

    /// Disks beside this one that have a fragment of that name and answer, from memory.
    ///
    /// A name says what was sealed, so whoever has it has the same bytes: a repair that
    /// nobody was told of has left them there, or the catalog is older than the disks.
    pub fn elsewhere(&self, place: DiskId, name: FragmentName) -> Vec<DiskId> {
        let others = self.disks.iter().filter(|(disk, _)| **disk != place);
        let has = |handle: &Handle| handle.shared.contents.read().index.get(name).is_some();
        let answers = |handle: &Handle| !handle.shared.disk.is_hanging();
        others.filter(|(_, disk)| has(disk) && answers(disk)).map(|(id, _)| *id).collect()
    }

    /// Names after `after` in order, at most `limit` (and [`crate::limits::LIST_MAX`]).
    pub fn list(&self, disk: DiskId, after: Option<FragmentName>, limit: usize) -> Vec<Listed> {
        self.disks.get(&disk).map(|handle| handle.shared.list(after, limit)).unwrap_or_default()
    }

    /// Verifies fragments from the cursor on until about `budget` bytes are read.
    pub async fn scrub(
        &self,
        disk: DiskId,
        cursor: ScrubCursor,
        budget: ByteCount,
    ) -> Result<ScrubReport, ReadError> {
        let shared = Arc::clone(self.shared(disk)?);
        let scrub = host::blocking(move || shared.scrub(cursor, budget));
        scrub.await.map_err(|_| ReadError::Stopped)?
    }

    /// Room and contents of a disk; `None` if it is not part of this store or does
    /// not answer.
    pub fn space(&self, disk: DiskId) -> Option<DiskSpace> {
        self.disks.get(&disk)?.shared.space().ok()
    }

    /// State of a disk; `None` if it is not part of this store.
    pub fn state(&self, disk: DiskId) -> Option<DiskState> {
        Some(self.disks.get(&disk)?.shared.state())
    }

    /// Why a disk takes no more writes; none if it does, or is not part of this store.
    pub fn poison(&self, disk: DiskId) -> Option<Poison> {
        self.disks.get(&disk)?.shared.poison()
    }

    /// Lets the writers finish what was asked of them and stops them; the disks whose
    /// writers did not end within [`SHUTDOWN_MAX`], all together. Such a disk hangs:
    /// what it was asked for is answered to nobody, and what was answered before is
    /// durable, so the process may end.
    pub async fn shutdown(&self) -> Vec<DiskId> {
        self.shutdown_within(SHUTDOWN_MAX).await
    }

    /// As [`FragmentStore::shutdown`], with another limit.
    pub async fn shutdown_within(&self, longest: Duration) -> Vec<DiskId> {
        let latest = Instant::now() + longest;
        let mut ending = Vec::new();
        for (disk, handle) in self.disks.iter() {
            let thread = handle.thread.lock().take();
            // Another shutdown has told it, and did not see its end.
            let told = handle.ending.lock().take();
            let queue = handle.queue.clone();
            // All are told before any is waited for: one that hangs has the others' time.
            let end = told.unwrap_or_else(|| {
                tokio::spawn(async move {
                    // A writer that has stopped already needs no telling.
                    let _ = queue.send(Request::Stop).await;
                    if let Some(thread) = thread {
                        thread.end().await;
                    }
                })
            });
            ending.push((*disk, handle, end));
        }
        let mut hanging = Vec::new();
        for (disk, handle, mut end) in ending {
            if tokio::time::timeout_at(latest, &mut end).await.is_err() {
                tracing::error!(%disk, "a disk hangs, its writer is not waited for");
                *handle.ending.lock() = Some(end);
                hanging.push(disk);
            } else if handle.shared.disk.is_hanging() {
                // Its writer had nothing to do; the process's end waits for it perhaps.
                hanging.push(disk);
            }
        }
        hanging
    }
}

/// What comes of work on a disk; `None` if the disk hangs before it is done.
// Cancel-safety: as the work's.
async fn unless_hanging<T>(shared: &Shared, work: impl Future<Output = T>) -> Option<T> {
    let mut work = core::pin::pin!(work);
    loop {
        match tokio::time::timeout(HANG_LOOK_EVERY, work.as_mut()).await {
            Ok(done) => return Some(done),
            Err(_) if shared.disk.is_hanging() => return None,
            Err(_) => {}
        }
    }
}

fn usize_of(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn open_one(
    disk: Arc<dyn Disk>,
    fresh: Identity,
    options: Options,
) -> Result<DiskStore, OpenError> {
    match Identity::read(&*disk) {
        Err(OpenError::Blank) => DiskStore::format(&*disk, fresh)?,
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    DiskStore::open(disk, fresh.cluster, options)
}
