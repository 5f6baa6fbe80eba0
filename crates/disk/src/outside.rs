//! Single files outside any disk: what an operator names on the command line
//! (credentials, settings, backups). They are not locked and not poisoned; they
//! are still written so that a reader sees nothing or the whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::room::Room;
use crate::{DiskError, Space};

fn failed(path: &Path, operation: &'static str) -> impl FnOnce(io::Error) -> DiskError {
    let path = path.display().to_string();
    move |source| match source.kind() {
        io::ErrorKind::NotFound => DiskError::NotFound { path },
        io::ErrorKind::AlreadyExists => DiskError::AlreadyExists { path },
        io::ErrorKind::StorageFull => DiskError::Full { path },
        _ => DiskError::Io { path, operation, source },
    }
}

/// The directory a file is in; `.` for a bare name.
fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads a small file whole; one longer than `length_max` is refused.
pub fn outside_read(path: &Path, length_max: usize) -> Result<Vec<u8>, DiskError> {
    let file = File::open(path).map_err(failed(path, "open"))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(length_max).unwrap_or(u64::MAX);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed(path, "read"))?;
    if bytes.len() > length_max {
        let path = path.display().to_string();
        return Err(DiskError::TooLong { path, length_max: most });
    }
    Ok(bytes)
}

/// Opens a file for reading.
pub fn outside_open(path: &Path) -> Result<File, DiskError> {
    File::open(path).map_err(failed(path, "open"))
}

/// Renames a file, over another if need be; durable on return.
pub fn outside_rename(from: &Path, to: &Path) -> Result<(), DiskError> {
    fs::rename(from, to).map_err(failed(from, "rename"))?;
    sync_directory(directory_of(to))
}

/// Creates a directory that only its owner may enter, and its parents; nothing
/// happens if it is there.
pub fn outside_directory(path: &Path) -> Result<(), DiskError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path, "mkdir"))
}

/// The permission bits of a file or directory, and the user it belongs to.
pub fn outside_mode(path: &Path) -> Result<(u32, u32), DiskError> {
    let found = fs::metadata(path).map_err(failed(path, "stat"))?;
    Ok((found.mode() & 0o777, found.uid()))
}

/// The number of the device that a file or directory lies on.
pub fn outside_device(path: &Path) -> Result<u64, DiskError> {
    Ok(fs::metadata(path).map_err(failed(path, "stat"))?.dev())
}

/// The room on the file system under a path. One that does not answer for some seconds
/// is [`DiskError::Hanging`]: whoever only looks must not hang with it, so this is asked
/// before anything else is done there.
pub fn outside_space(path: &Path) -> Result<Space, DiskError> {
    Room::of(path.to_owned()).read()
}

/// Sets the permission bits of a file.
pub fn outside_mode_set(path: &Path, mode: u32) -> Result<(), DiskError> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed(path, "chmod"))
}

/// Removes a file; nothing happens if it is not there.
pub fn outside_remove(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(failed(path, "unlink")),
    }
}

/// Removes a directory with all that is in it; nothing happens if it is not there.
pub fn outside_remove_tree(path: &Path) -> Result<(), DiskError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(failed(path, "rmdir")),
    }
}

fn sync_directory(path: &Path) -> Result<(), DiskError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(failed(path, "fsync"))
}

/// A file for its owner alone (0600) that appears whole or not at all.
#[derive(Debug)]
pub struct OutsideFile {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    bytes: u64,
    finished: bool,
}

impl OutsideFile {
    /// Begins a file that will appear as `path` when it is finished.
    pub fn create(path: &Path) -> Result<Self, DiskError> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = directory_of(path).join(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed(path, "create"))?;
        Ok(Self { path: path.to_owned(), temporary, file, bytes: 0, finished: false })
    }

    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.file.write_all(bytes).map_err(failed(&self.path, "write"))?;
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Makes it durable and lets it appear, over an older one if there is one;
    /// says how long it is.
    pub fn finish(mut self) -> Result<u64, DiskError> {
        self.file.sync_all().map_err(failed(&self.path, "fsync"))?;
        fs::rename(&self.temporary, &self.path).map_err(failed(&self.path, "rename"))?;
        self.finished = true;
        sync_directory(directory_of(&self.path))?;
        Ok(self.bytes)
    }
}

impl Drop for OutsideFile {
    fn drop(&mut self) {
        if !self.finished {
            // Best effort: an unfinished file is clutter, not damage.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OutsideFile, outside_mode, outside_read, outside_space};
    use crate::DiskError;

    #[test]
    fn a_file_appears_whole_and_private_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut file = OutsideFile::create(&path).unwrap();
        file.write(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut file = OutsideFile::create(&path).unwrap();
        file.write(b"whole").unwrap();
        assert_eq!(file.finish().unwrap(), 5);
        assert_eq!(outside_read(&path, 5).unwrap(), b"whole");
        assert!(matches!(outside_read(&path, 4), Err(DiskError::TooLong { .. })));
        assert_eq!(outside_mode(&path).unwrap().0, 0o600);
    }

    #[test]
    fn the_room_is_that_of_the_file_system_if_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let space = outside_space(folder.path()).unwrap();
        assert!(space.total > units::ByteCount::ZERO && space.free <= space.total);
        let nowhere = outside_space(&folder.path().join("nowhere")).unwrap_err();
        assert!(!matches!(nowhere, DiskError::Hanging { .. }), "{nowhere}");
    }
}
