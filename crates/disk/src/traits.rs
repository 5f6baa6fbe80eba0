//! What a disk and a file on it can do. Blocking calls; async lives at the rim.

use std::sync::Arc;

use units::ByteCount;

use crate::DiskError;

/// Room on the file system under a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Size of the file system.
    pub total: ByteCount,
    /// What this process may still write.
    pub free: ByteCount,
}

/// One directory tree on one file system.
///
/// Paths are relative, `/`-separated, of plain names (no `..`, no empty name).
/// Files are made readable and writable by their owner alone (0600), directories
/// enterable by their owner alone (0700).
pub trait Disk: Send + Sync {
    /// Creates a file that must not exist yet, for reading and writing.
    /// The name is durable only after [`Disk::sync_dir`] of its directory.
    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError>;

    /// Opens an existing file for reading and writing.
    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError>;

    /// Names in a directory, sorted; files and directories alike. The root is `""`.
    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError>;

    /// Whether a file or directory is there.
    fn exists(&self, path: &str) -> Result<bool, DiskError>;

    /// Creates a directory and its parents; succeeds if they exist. Durable on return.
    fn create_dir(&self, path: &str) -> Result<(), DiskError>;

    /// Renames a file over another, atomically; durable after `sync_dir`.
    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError>;

    /// Removes a file; durable after `sync_dir`. Whoever has it open can still read it.
    fn remove(&self, path: &str) -> Result<(), DiskError>;

    /// Makes the names in a directory durable. The root is `""`.
    fn sync_dir(&self, directory: &str) -> Result<(), DiskError>;

    /// Room left; waits for it for a moment only, whatever the file system does. One that
    /// does not answer is [`DiskError::Hanging`].
    fn space(&self) -> Result<Space, DiskError>;

    /// Whether a sync has failed here; such a disk takes no more writes.
    fn is_poisoned(&self) -> bool;

    /// Whether the file system was found to take no writes; what can be read is read.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Whether [`DiskFile::punch`] gives room back; if not, only removing files does.
    fn gives_back_ranges(&self) -> bool {
        true
    }

    /// Whether the file system has left a question of [`Disk::space`], or any other
    /// operation, unanswered for so long that further calls would hang too, perhaps for
    /// ever. Never waits.
    fn is_hanging(&self) -> bool {
        false
    }
}

/// An open file; positional, so that readers never disturb each other.
pub trait DiskFile: Send + Sync {
    /// Fills the buffer from `offset`; a shorter file is [`DiskError::UnexpectedEnd`].
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError>;

    /// Reads exactly `length` bytes from `offset` into fresh memory, which is not
    /// cleared first; a shorter file is [`DiskError::UnexpectedEnd`].
    fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, DiskError> {
        let mut buffer = vec![0; length];
        self.read_exact_at(&mut buffer, offset)?;
        Ok(buffer)
    }

    /// As [`DiskFile::read_at`], but only if that does not have to wait for the
    /// device; `None` means that it would, or that nobody can tell.
    fn read_cached_at(&self, offset: u64, length: usize) -> Result<Option<Vec<u8>>, DiskError> {
        let _ = (offset, length);
        Ok(None)
    }

    /// Writes all bytes at `offset`, extending the file as needed; not yet durable.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<(), DiskError>;

    /// Writes the slices one after the other from `offset`, without joining them in
    /// memory first; not yet durable.
    fn write_slices_at(&self, slices: &[&[u8]], offset: u64) -> Result<(), DiskError> {
        let mut at = offset;
        for slice in slices {
            self.write_all_at(slice, at)?;
            at = at.saturating_add(slice.len() as u64);
        }
        Ok(())
    }

    /// Makes everything written to this file so far durable (`fdatasync`).
    fn sync_data(&self) -> Result<(), DiskError>;

    /// Length of the file.
    fn length(&self) -> Result<ByteCount, DiskError>;

    /// Cuts or extends the file (extended bytes read as zero); also gives back what
    /// [`DiskFile::reserve`] took beyond the new length.
    fn set_len(&self, length: ByteCount) -> Result<(), DiskError>;

    /// Reserves room from the file's end up to `length` without changing the file's
    /// length (`fallocate` with `KEEP_SIZE`); holes before the end stay holes.
    /// [`DiskError::Full`] if there is no room.
    fn reserve(&self, length: ByteCount) -> Result<(), DiskError>;

    /// Gives a range back to the file system (`PUNCH_HOLE`); it reads as zero.
    fn punch(&self, offset: u64, length: ByteCount) -> Result<(), DiskError>;
}
