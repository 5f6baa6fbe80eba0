//! The real half: a directory of the operating system's file system.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustix::io::Errno;

use crate::lock::DirectoryLock;
use crate::path::{check_directory, check_file};
use crate::real_file::RealFile;
use crate::room::Room;
use crate::underway::Underway;
use crate::{Disk, DiskError, DiskFile, Space};

/// Directories kept open; a node has one or two on each disk.
const DIRECTORIES_OPEN_MAX: usize = 16;

/// A directory and all below it, for this process alone.
#[derive(Debug)]
pub struct RealDisk {
    root: PathBuf,
    poisoned: Arc<AtomicBool>,
    /// The file system was found to take no writes.
    read_only: AtomicBool,
    /// Kept open, so that a name can be made durable when no more files can be opened.
    directories: Mutex<HashMap<String, Arc<File>>>,
    room: Arc<Room>,
    underway: Arc<Underway>,
    _lock: DirectoryLock,
}

impl RealDisk {
    /// Opens a directory, making it and its parents if need be, and locks out other
    /// processes; [`DiskError::Locked`] names the one that is there already.
    pub fn open(root: &Path) -> Result<Arc<Self>, DiskError> {
        let failed = |operation| {
            move |source| DiskError::Io { path: root.display().to_string(), operation, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(failed("mkdir"))?;
        let root = root.canonicalize().map_err(failed("realpath"))?;
        let lock = DirectoryLock::take(&root)?;
        // The directory's own name must survive too.
        if let Some(above) = root.parent() {
            sync_directory(above, "..")?;
        }
        Ok(Self::with(root, lock, false))
    }

    /// As [`RealDisk::open`]; a directory on a file system that takes no writes, as one that
    /// was made read-only after an error, is opened too. Such a disk reads, and counts as
    /// poisoned from the beginning.
    pub fn open_readable(root: &Path) -> Result<Arc<Self>, DiskError> {
        match Self::open(root) {
            Err(DiskError::Io { source, .. }) if is_read_only(&source) => {
                let found = root.canonicalize();
                let root = found.map_err(|source| describe("", "realpath", source))?;
                let lock = DirectoryLock::take_read_only(&root)?;
                Ok(Self::with(root, lock, true))
            }
            other => other,
        }
    }

    fn with(root: PathBuf, lock: DirectoryLock, read_only: bool) -> Arc<Self> {
        let room = Arc::new(Room::of(root.clone()));
        let (poisoned, read_only) = (Arc::new(read_only.into()), read_only.into());
        let (directories, underway) = (Mutex::default(), Arc::default());
        Arc::new(Self { root, poisoned, read_only, directories, room, underway, _lock: lock })
    }

    /// The directory, as the operating system names it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn file_path(&self, path: &str) -> Result<PathBuf, DiskError> {
        check_file(path)?;
        Ok(self.root.join(path))
    }

    fn directory_path(&self, path: &str) -> Result<PathBuf, DiskError> {
        check_directory(path)?;
        Ok(self.root.join(path))
    }

    /// A directory, open.
    fn directory(&self, directory: &str) -> Result<Arc<File>, DiskError> {
        if let Some(open) = self.directories.lock().get(directory) {
            return Ok(Arc::clone(open));
        }
        let opened = File::open(self.directory_path(directory)?);
        let opened = Arc::new(opened.map_err(|source| describe(directory, "open", source))?);
        let mut directories = self.directories.lock();
        if directories.len() < DIRECTORIES_OPEN_MAX {
            directories.insert(directory.to_owned(), Arc::clone(&opened));
        }
        Ok(opened)
    }

    fn check_healthy(&self, path: &str) -> Result<(), DiskError> {
        if self.is_poisoned() {
            return Err(DiskError::Poisoned { path: path.into() });
        }
        Ok(())
    }

    fn opened(&self, file: File, path: &str) -> Arc<dyn DiskFile> {
        let (poisoned, room) = (Arc::clone(&self.poisoned), Arc::clone(&self.room));
        let underway = Arc::clone(&self.underway);
        Arc::new(RealFile::new(file, path.into(), poisoned, room, underway))
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy(path)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.file_path(path)?)
            .map_err(|source| describe(path, "create", source))?;
        Ok(self.opened(file, path))
    }

    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        let _operation = self.underway.begin();
        let place = self.file_path(path)?;
        let file = match OpenOptions::new().read(true).write(true).open(&place) {
            // What can be read is read.
            Err(error) if is_read_only(&error) => {
                self.read_only.store(true, Ordering::SeqCst);
                File::open(&place)
            }
            other => other,
        };
        Ok(self.opened(file.map_err(|source| describe(path, "open", source))?, path))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError> {
        let _operation = self.underway.begin();
        let failed = |source| describe(directory, "readdir", source);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.directory_path(directory)?).map_err(failed)? {
            // A name that is not text was not written by us and is none of our business.
            if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &str) -> Result<bool, DiskError> {
        let _operation = self.underway.begin();
        let found = self.directory_path(path)?.try_exists();
        found.map_err(|source| describe(path, "stat", source))
    }

    fn create_dir(&self, path: &str) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy(path)?;
        check_file(path)?;
        let mut made = String::new();
        for name in path.split('/') {
            let above = made.clone();
            if !made.is_empty() {
                made.push('/');
            }
            made.push_str(name);
            match DirBuilder::new().mode(0o700).create(self.root.join(&made)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(describe(&made, "mkdir", source)),
            }
            // Also when it existed: an earlier run may have died before its sync.
            self.sync_dir(&above)?;
            self.directory(&made)?;
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy(from)?;
        std::fs::rename(self.file_path(from)?, self.file_path(to)?)
            .map_err(|source| describe(from, "rename", source))
    }

    fn remove(&self, path: &str) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy(path)?;
        let removed = std::fs::remove_file(self.file_path(path)?);
        self.room.changed();
        removed.map_err(|source| describe(path, "unlink", source))
    }

    fn sync_dir(&self, directory: &str) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy(directory)?;
        // What cannot be opened was not synced, but it did not fail to be either.
        let open = self.directory(directory)?;
        open.sync_all().map_err(|source| {
            self.poisoned.store(true, Ordering::SeqCst);
            describe(directory, "fsync", source)
        })
    }

    fn space(&self) -> Result<Space, DiskError> {
        self.room.read()
    }

    fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::SeqCst)
    }

    fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::SeqCst)
    }

    fn is_hanging(&self) -> bool {
        self.room.is_hanging() || self.underway.is_hanging()
    }
}

/// Opens and syncs a directory.
fn sync_directory(path: &Path, named: &str) -> Result<(), DiskError> {
    let failed = |source| describe(named, "fsync", source);
    File::open(path).map_err(failed)?.sync_all().map_err(failed)
}

fn is_too_many_open(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

fn is_read_only(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ReadOnlyFilesystem
}

/// Tells apart what the caller can do something about.
pub(crate) fn describe(path: &str, operation: &'static str, source: io::Error) -> DiskError {
    let path = if path.is_empty() { ".".to_owned() } else { path.to_owned() };
    match source.kind() {
        io::ErrorKind::NotFound => DiskError::NotFound { path },
        io::ErrorKind::AlreadyExists => DiskError::AlreadyExists { path },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DiskError::Full { path },
        _ if is_too_many_open(&source) => DiskError::TooManyOpen { path, operation },
        _ => DiskError::Io { path, operation, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opener_is_told_who_was_first() {
        let directory = tempfile::tempdir().unwrap();
        let first = RealDisk::open(directory.path()).unwrap();
        let error = RealDisk::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by process {}", std::process::id())), "{error}");
        drop(first);
        RealDisk::open(directory.path()).unwrap();
    }

    #[test]
    fn too_many_open_files_are_no_failure_of_the_disk() {
        for errno in [Errno::MFILE, Errno::NFILE] {
            let told = describe("segments/1", "open", errno.into());
            assert!(matches!(told, DiskError::TooManyOpen { .. }), "{told:?}");
        }
        assert!(matches!(describe("a", "open", Errno::IO.into()), DiskError::Io { .. }));
    }

    #[test]
    fn a_directory_that_cannot_be_opened_poisons_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        disk.sync_dir("not-there").unwrap_err();
        assert!(!disk.is_poisoned());
        // The one that is kept open needs no file any more.
        disk.create_dir("kept").unwrap();
        std::fs::rename(disk.root().join("kept"), disk.root().join("elsewhere")).unwrap();
        disk.sync_dir("kept").unwrap();
    }

    #[test]
    fn an_operation_that_does_not_end_says_that_the_disk_hangs() {
        use crate::underway::Underway;
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        let file = disk.create("a").unwrap();
        file.write_all_at(b"x", 0).unwrap();
        file.sync_data().unwrap();
        assert!(!disk.is_hanging(), "all have ended");
        let Some(long_ago) = std::time::Instant::now().checked_sub(Underway::hangs_after()) else {
            return;
        };
        let stuck = disk.underway.begin_at(long_ago);
        assert!(disk.is_hanging());
        drop(stuck);
        assert!(!disk.is_hanging());
    }

    #[test]
    fn only_the_owner_can_look() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(&directory.path().join("new/data")).unwrap();
        disk.create_dir("a/b").unwrap();
        disk.create("a/b/c").unwrap();
        let mode =
            |path: &str| disk.root().join(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(""), mode("a"), mode("a/b/c"), mode("lock")),
            (0o700, 0o700, 0o600, 0o600)
        );
    }
}
