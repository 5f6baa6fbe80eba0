//! Small whole files, written so that a reader sees the old or the new bytes.

use crate::path::parent;
use crate::{Disk, DiskError};

/// What is appended to a path while its new contents are being written.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Replaces a small file: on `Ok` the new bytes are durable; after a crash at any
/// instant before that, the file holds the old bytes or the new, never a mixture.
///
/// Writes `path.tmp`, syncs it, renames it over `path` and syncs the directory.
/// Two callers must not write the same path at once.
pub fn write_file_atomically(disk: &dyn Disk, path: &str, bytes: &[u8]) -> Result<(), DiskError> {
    let temporary = format!("{path}{TEMPORARY_SUFFIX}");
    if disk.exists(&temporary)? {
        disk.remove(&temporary)?;
    }
    let file = disk.create(&temporary)?;
    file.write_all_at(bytes, 0)?;
    if !units::planted::is_on("disk-atomic-write-skips-sync") {
        file.sync_data()?;
    }
    disk.rename(&temporary, path)?;
    disk.sync_dir(parent(path))
}

/// Reads a small file whole; one longer than `length_max` is refused unread.
pub fn read_file(disk: &dyn Disk, path: &str, length_max: usize) -> Result<Vec<u8>, DiskError> {
    let file = disk.open(path)?;
    let length = usize::try_from(file.length()?.get()).unwrap_or(usize::MAX);
    if length > length_max {
        return Err(DiskError::TooLong { path: path.into(), length_max: length_max as u64 });
    }
    file.read_at(0, length)
}
