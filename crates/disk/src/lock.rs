//! One process per data directory.
//!
//! The lock is the operating system's (`flock`): it vanishes with the process,
//! however that ends, so a stale `lock` file never has to be removed by hand.
//! The file holds the process id of its owner, only to name it in the error. It stays
//! when its owner has gone, also when that never started for want of a port: who took it
//! away could take it from under a process that opened it just then, and two would each
//! hold a lock, of two files. So its being there says nothing, and nothing looks for it.
//!
//! Where nothing can be written, the file is locked as it is, or else the directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::DiskError;

/// Name of the lock file in the root of a disk.
pub(crate) const LOCK_NAME: &str = "lock";

/// Held as long as the disk is open.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock or says who has it.
    pub(crate) fn take(root: &Path) -> Result<Self, DiskError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(root.join(LOCK_NAME))
            .map_err(failed("open"))?;
        hold(&file, root)?;
        file.set_len(0).map_err(failed("ftruncate"))?;
        match file.write_all(format!("{}\n", std::process::id()).as_bytes()) {
            // A full disk is locked all the same; a second opener is told of no number.
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {}
            other => other.map_err(failed("write"))?,
        }
        Ok(Self { _file: file })
    }

    /// As [`DirectoryLock::take`], on a file system that takes no writes.
    pub(crate) fn take_read_only(root: &Path) -> Result<Self, DiskError> {
        let file = File::open(root.join(LOCK_NAME)).or_else(|_| File::open(root));
        let file = file.map_err(failed("open"))?;
        hold(&file, root)?;
        Ok(Self { _file: file })
    }
}

fn failed(operation: &'static str) -> impl Fn(std::io::Error) -> DiskError {
    move |source| DiskError::Io { path: LOCK_NAME.into(), operation, source }
}

/// Locks the file, or says who has.
fn hold(file: &File, root: &Path) -> Result<(), DiskError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let (path, mut owner) = (root.display().to_string(), String::new());
            // The owner's number is a courtesy; without it the error still stands.
            let _ = file.take(32).read_to_string(&mut owner);
            Err(DiskError::Locked { path, owner: Owner(owner.trim().parse().ok()) })
        }
        Err(TryLockError::Error(source)) => Err(failed("flock")(source)),
    }
}

/// The process that holds a lock, if it said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(pub Option<u32>);

impl core::fmt::Display for Owner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(id) => write!(f, "process {id}"),
            None => f.write_str("another process"),
        }
    }
}
