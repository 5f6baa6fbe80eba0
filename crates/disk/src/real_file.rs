//! An open file of the operating system.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::FallocateFlags;
use rustix::io::{Errno, ReadWriteFlags};
use units::ByteCount;

use crate::real::describe;
use crate::room::Room;
use crate::underway::Underway;
use crate::{DiskError, DiskFile};

/// Most slices that the operating system takes in one `pwritev` (`IOV_MAX`).
const SLICES_MAX: usize = 1024;

#[derive(Debug)]
pub(crate) struct RealFile {
    file: File,
    path: String,
    poisoned: Arc<AtomicBool>,
    room: Arc<Room>,
    underway: Arc<Underway>,
}

impl RealFile {
    pub(crate) fn new(
        file: File,
        path: String,
        poisoned: Arc<AtomicBool>,
        room: Arc<Room>,
        underway: Arc<Underway>,
    ) -> Self {
        Self { file, path, poisoned, room, underway }
    }

    fn failed(&self, operation: &'static str) -> impl Fn(Errno) -> DiskError {
        move |error| describe(&self.path, operation, error.into())
    }

    fn check_healthy(&self) -> Result<(), DiskError> {
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(DiskError::Poisoned { path: self.path.clone() });
        }
        Ok(())
    }

    fn ends_early(&self, offset: u64, length: usize) -> DiskError {
        let wanted = offset.saturating_add(length as u64);
        DiskError::UnexpectedEnd { path: self.path.clone(), wanted }
    }
}

impl DiskFile for RealFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        match self.file.read_exact_at(buffer, offset) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.ends_early(offset, buffer.len()))
            }
            Err(source) => Err(describe(&self.path, "pread", source)),
        }
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, DiskError> {
        let _operation = self.underway.begin();
        let mut buffer = Vec::with_capacity(length);
        while buffer.len() < length {
            let at = offset.saturating_add(buffer.len() as u64);
            let room = rustix::buffer::spare_capacity(&mut buffer);
            match rustix::io::pread(&self.file, room, at) {
                Ok(0) => return Err(self.ends_early(offset, length)),
                // The allocator may have given more room than was asked for.
                Ok(_) => buffer.truncate(length),
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.failed("pread")(error)),
            }
        }
        Ok(buffer)
    }

    fn read_cached_at(&self, offset: u64, length: usize) -> Result<Option<Vec<u8>>, DiskError> {
        let mut buffer = vec![0; length];
        let mut slices = [IoSliceMut::new(&mut buffer)];
        match rustix::io::preadv2(&self.file, &mut slices, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) if read == length => Ok(Some(buffer)),
            // Partly cached, busy, or a file system that cannot tell: the slow way decides.
            Ok(_) | Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Ok(None),
            Err(error) => Err(self.failed("preadv2")(error)),
        }
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy()?;
        self.file
            .write_all_at(bytes, offset)
            .map_err(|source| describe(&self.path, "pwrite", source))
    }

    fn write_slices_at(&self, slices: &[&[u8]], offset: u64) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy()?;
        let mut pending: Vec<IoSlice<'_>> = slices.iter().map(|s| IoSlice::new(s)).collect();
        let mut left = pending.as_mut_slice();
        let mut at = offset;
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let group = left.get(..SLICES_MAX).unwrap_or(left);
            match rustix::io::pwritev(&self.file, group, at) {
                Ok(0) => {
                    let source = io::ErrorKind::WriteZero.into();
                    return Err(describe(&self.path, "pwritev", source));
                }
                Ok(written) => {
                    at = at.saturating_add(written as u64);
                    IoSlice::advance_slices(&mut left, written);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.failed("pwritev")(error)),
            }
        }
        Ok(())
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy()?;
        self.file.sync_data().map_err(|source| {
            self.poisoned.store(true, Ordering::SeqCst);
            // Never `Full`, whatever the number: nothing about it can be mended by deleting.
            DiskError::Io { path: self.path.clone(), operation: "fdatasync", source }
        })
    }

    fn length(&self) -> Result<ByteCount, DiskError> {
        let facts = rustix::fs::fstat(&self.file).map_err(self.failed("fstat"))?;
        Ok(ByteCount::new(u64::try_from(facts.st_size).unwrap_or(0)))
    }

    fn set_len(&self, length: ByteCount) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy()?;
        let cut = rustix::fs::ftruncate(&self.file, length.get());
        self.room.changed();
        cut.map_err(self.failed("ftruncate"))
    }

    fn reserve(&self, length: ByteCount) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy()?;
        let end = self.length()?;
        let more = length.minus(end).get();
        if more == 0 {
            return Ok(());
        }
        let kept = FallocateFlags::KEEP_SIZE;
        let reserved = rustix::fs::fallocate(&self.file, kept, end.get(), more);
        self.room.changed();
        match reserved {
            // A file system without the call: writes will find out about room themselves.
            Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
            Err(error) => Err(self.failed("fallocate")(error)),
        }
    }

    fn punch(&self, offset: u64, length: ByteCount) -> Result<(), DiskError> {
        let _operation = self.underway.begin();
        self.check_healthy()?;
        if length == ByteCount::ZERO {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let punched = rustix::fs::fallocate(&self.file, flags, offset, length.get());
        self.room.changed();
        match punched {
            // A file system without the call keeps the room; compaction gives it back.
            Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
            Err(error) => Err(self.failed("fallocate")(error)),
        }
    }
}
