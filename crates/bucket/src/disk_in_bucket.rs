//! The disk: files by their names, and what they take.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use disk::{Disk, DiskError, DiskFile, Space};
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::Mutex;
use units::ByteCount;

use crate::error::Failure;
use crate::file::BucketFile;
use crate::limits::OBJECTS_MAX;
use crate::remote::Remote;
use crate::replay::replay;
use crate::sweeper::{LATE, Sweep, Sweeper};
use crate::window::Windows;
use crate::{BucketCredentials, BucketError, BucketPlace, claim};

/// So far a start goes beyond the highest sequence it finds: what a process before it had
/// sent may still arrive, and must not count as newer.
const SEQUENCE_GAP: u64 = 1 << 20;

/// What files of the disk share.
pub(crate) struct Inner {
    pub(crate) remote: Arc<Remote>,
    pub(crate) prefix: Path,
    pub(crate) windows: Windows,
    pub(crate) sweeper: Sweeper,
    /// What all objects take.
    pub(crate) used: Arc<AtomicU64>,
    /// The other side had no room at the last try.
    pub(crate) is_full: AtomicBool,
    room: u64,
    next: AtomicU64,
    files: Mutex<BTreeMap<String, Arc<BucketFile>>>,
    /// The file that was synced last.
    last: Mutex<Option<String>>,
    directories: Mutex<BTreeSet<String>>,
}

impl Inner {
    /// The next sequence.
    pub(crate) fn sequence(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// A file was synced: the one before it, most often the segment that was sealed, needs
    /// its memory no more.
    pub(crate) fn synced(&self, file: &BucketFile) {
        let mut last = self.last.lock();
        let before = last.take().filter(|name| *name != file.name);
        *last = Some(file.name.clone());
        drop(last);
        if let Some(before) = before.and_then(|name| self.file(&name)) {
            before.let_go();
        }
    }

    pub(crate) fn file(&self, name: &str) -> Option<Arc<BucketFile>> {
        self.files.lock().get(name).cloned()
    }

    /// What may still be written.
    pub(crate) fn free(&self) -> u64 {
        if self.is_full.load(Ordering::SeqCst) {
            return 0;
        }
        self.room.saturating_sub(self.used.load(Ordering::SeqCst))
    }

    pub(crate) fn hanging(&self, name: &str) -> DiskError {
        let seconds = self.remote.down_for().unwrap_or_default().as_secs();
        DiskError::Hanging { path: format!("{}/{name}", self.remote.url), seconds }
    }

    /// What a failed request is to whoever works on files.
    pub(crate) fn failed(&self, name: &str, failure: Failure) -> DiskError {
        match failure {
            Failure::NotFound => DiskError::NotFound { path: name.to_owned() },
            Failure::Full(reason) => {
                tracing::warn!(bucket = self.remote.url, reason, "the bucket takes no more");
                DiskError::Full { path: name.to_owned() }
            }
            Failure::Unanswered(_) => self.hanging(name),
        }
    }
}

/// A disk whose files lie in a bucket.
pub struct BucketDisk {
    inner: Arc<Inner>,
}

impl BucketDisk {
    /// Opens a bucket as a disk of the node `owner`: lays claim to it, and reads what files
    /// there are from one listing. Waits; not for threads that run tasks.
    pub fn open(
        place: &BucketPlace,
        credentials: &BucketCredentials,
        owner: &str,
    ) -> Result<Arc<Self>, BucketError> {
        Self::open_in(place, place.store(credentials)?, owner)
    }

    /// The same in any store of objects.
    pub fn open_in(
        place: &BucketPlace,
        store: Arc<dyn ObjectStore>,
        owner: &str,
    ) -> Result<Arc<Self>, BucketError> {
        Self::open_sweeping(place, store, owner, LATE)
    }

    /// The same, with another time for which the ends of files are kept.
    pub(crate) fn open_sweeping(
        place: &BucketPlace,
        store: Arc<dyn ObjectStore>,
        owner: &str,
        late: Duration,
    ) -> Result<Arc<Self>, BucketError> {
        let prefix = place.prefix_path();
        let remote = Remote::new(place.url.clone(), store, claim::path(&prefix, owner))?;
        claim::lay(&remote, &prefix, owner)?;
        let (asked, folder) = (Arc::clone(&remote), prefix.clone());
        let listed = remote.wait(async move { asked.list(&folder).await });
        let listed = listed.map_err(|failure| BucketError::Unreachable {
            url: place.url.clone(),
            reason: failure.to_string(),
        })?;
        if listed.len() > OBJECTS_MAX {
            return Err(BucketError::TooManyObjects { url: place.url.clone(), most: OBJECTS_MAX });
        }
        let found = replay(&prefix, listed);
        let stale: u64 = found.stale.iter().map(|found| found.bytes).sum();
        let used = Arc::new(AtomicU64::new(found.bytes.saturating_add(stale)));
        let sweeper = Sweeper::start(&remote, Arc::clone(&used), late);
        let inner = Arc::new(Inner {
            remote,
            prefix,
            windows: Windows::default(),
            sweeper,
            used,
            is_full: AtomicBool::new(false),
            room: place.room.get(),
            next: AtomicU64::new(found.highest.saturating_add(SEQUENCE_GAP)),
            files: Mutex::default(),
            last: Mutex::default(),
            directories: Mutex::default(),
        });
        let files = found.files.into_iter().map(|(name, file)| {
            (name.clone(), BucketFile::new(name, Arc::clone(&inner), Some(file)))
        });
        *inner.files.lock() = files.collect();
        inner.sweeper.sweep(Sweep { stale: found.stale, ends: found.ends });
        Ok(Arc::new(Self { inner }))
    }

    /// Objects that were put since it was opened, each try counted.
    pub fn puts(&self) -> u64 {
        self.inner.remote.puts()
    }
}

impl Drop for BucketDisk {
    fn drop(&mut self) {
        // Files hold the disk they are of.
        self.inner.files.lock().clear();
    }
}

fn not_found(path: &str) -> DiskError {
    DiskError::NotFound { path: path.to_owned() }
}

fn checked(path: &str) -> Result<(), DiskError> {
    let is_plain =
        |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains('\0');
    if path.split('/').all(is_plain) {
        Ok(())
    } else {
        Err(DiskError::BadPath { path: path.to_owned() })
    }
}

impl Disk for BucketDisk {
    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        checked(path)?;
        let mut files = self.inner.files.lock();
        if files.contains_key(path) {
            return Err(DiskError::AlreadyExists { path: path.to_owned() });
        }
        let file = BucketFile::new(path.to_owned(), Arc::clone(&self.inner), None);
        files.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        checked(path)?;
        let file = self.inner.file(path).ok_or_else(|| not_found(path))?;
        Ok(file)
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let mut names = BTreeSet::new();
        let (files, directories) = (self.inner.files.lock(), self.inner.directories.lock());
        for name in files.keys().chain(directories.iter()) {
            let rest = name.strip_prefix(&prefix).filter(|rest| !rest.is_empty());
            names.extend(rest.and_then(|rest| rest.split('/').next()).map(str::to_owned));
        }
        Ok(names.into_iter().collect())
    }

    fn exists(&self, path: &str) -> Result<bool, DiskError> {
        checked(path)?;
        let inside = format!("{path}/");
        let is_it = |name: &String| name == path || name.starts_with(&inside);
        let is_file = self.inner.files.lock().keys().any(is_it);
        Ok(is_file || self.inner.directories.lock().iter().any(is_it))
    }

    fn create_dir(&self, path: &str) -> Result<(), DiskError> {
        checked(path)?;
        self.inner.directories.lock().insert(path.to_owned());
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        checked(to)?;
        let source = self.inner.file(from).ok_or_else(|| not_found(from))?;
        let bytes = source.whole()?;
        let target = self
            .inner
            .file(to)
            .unwrap_or_else(|| BucketFile::new(to.to_owned(), Arc::clone(&self.inner), None));
        target.replace(bytes)?;
        self.inner.files.lock().insert(to.to_owned(), target);
        self.remove(from)
    }

    fn remove(&self, path: &str) -> Result<(), DiskError> {
        let file = self.inner.file(path).ok_or_else(|| not_found(path))?;
        file.end()?;
        self.inner.files.lock().remove(path);
        Ok(())
    }

    fn sync_dir(&self, directory: &str) -> Result<(), DiskError> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let files: Vec<Arc<BucketFile>> = {
            let files = self.inner.files.lock();
            let here = files.iter().filter(|(name, _)| name.starts_with(&prefix));
            here.map(|(_, file)| Arc::clone(file)).collect()
        };
        // A file that has bytes has a name.
        files.iter().try_for_each(|file| file.sync_name())
    }

    fn space(&self) -> Result<Space, DiskError> {
        let dirty: u64 = self.inner.files.lock().values().map(|file| file.dirty_bytes()).sum();
        let free = self.inner.free().saturating_sub(dirty);
        Ok(Space { total: ByteCount::new(self.inner.room), free: ByteCount::new(free) })
    }

    fn is_poisoned(&self) -> bool {
        false
    }

    fn is_hanging(&self) -> bool {
        self.inner.remote.is_hanging()
    }

    fn gives_back_ranges(&self) -> bool {
        false
    }
}
