//! The journals of a closed database, as files.
//!
//! Two things about them must be certain before the directory is opened again in
//! the same process. That no thread of the old database still has one open: its
//! last act is to write what was left in a buffer, behind the back of whoever
//! appends by then. And, when a sync may have failed, that what the operating
//! system shows of them is what the disk has: the pages of a failed sync count as
//! clean and are never written, so the bytes are written once more, to new files.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::limits;

/// How journals end, in fjall's layout of a directory.
const SUFFIX: &str = "jnl";
/// Bytes copied at a time.
const BLOCK_BYTES: usize = 1024 * 1024;
/// The unit in which a file's room is told.
const SECTOR_BYTES: u64 = 512;
/// `O_APPEND`, as Linux shows it on every platform that the node runs on.
const APPEND: u32 = 0o2000;

/// Waits until this process has no journal of the directory open.
pub(crate) fn wait_until_closed(directory: &Path) -> io::Result<()> {
    let directory = directory.canonicalize()?;
    let since = Instant::now();
    while is_any_open(&directory)? {
        if since.elapsed() > limits::REOPEN_PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the old journal stays open"));
        }
        std::thread::sleep(limits::REOPEN_POLL_INTERVAL);
    }
    Ok(())
}

fn is_any_open(directory: &Path) -> io::Result<bool> {
    for entry in fs::read_dir("/proc/self/fd")? {
        // A descriptor may close between its listing and this look.
        let Ok(target) = fs::read_link(entry?.path()) else { continue };
        if target.parent() == Some(directory) && is_journal(&target) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the journals of the directory take on the disk: fjall makes them longer than what
/// was written.
pub(crate) fn taken_bytes(directory: &Path) -> io::Result<u64> {
    let mut taken = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if is_journal(&entry.path()) {
            match entry.metadata() {
                Ok(file) => taken += file.blocks() * SECTOR_BYTES,
                // fjall has just done away with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(taken)
}

/// The one journal that this process has open, if it is written at its end.
pub(crate) fn cuttable(directory: &Path) -> io::Result<Option<PathBuf>> {
    let directory = directory.canonicalize()?;
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        if target.parent() == Some(&*directory) && is_journal(&target) {
            open.push((target, is_appended_to(&entry.file_name())?));
        }
    }
    Ok(match open.pop() {
        Some((journal, true)) if open.is_empty() => Some(journal),
        _ => None,
    })
}

/// Cuts that journal to nothing, durably; any other is left as it is. Nobody may write to
/// it meanwhile.
pub(crate) fn empty(directory: &Path) -> io::Result<()> {
    let Some(journal) = cuttable(directory)? else { return Ok(()) };
    let journal = File::options().write(true).open(journal)?;
    journal.set_len(0)?;
    journal.sync_all()
}

/// Whether a descriptor of this process was opened for writing at the end.
fn is_appended_to(descriptor: &OsStr) -> io::Result<bool> {
    let about = fs::read_to_string(Path::new("/proc/self/fdinfo").join(descriptor))?;
    let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    Ok(flags.is_some_and(|flags| flags & APPEND != 0))
}

/// Writes every journal once more and puts the copy in its place, durably.
pub(crate) fn rewrite(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if is_journal(&path) {
            rewrite_one(&path)?;
        }
    }
    File::open(directory)?.sync_all()
}

fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix == SUFFIX)
}

fn rewrite_one(path: &Path) -> io::Result<()> {
    let copy = PathBuf::from(format!("{}.new", path.display()));
    let written = copy_used(path, &copy).and_then(|()| fs::rename(&copy, path));
    if written.is_err() {
        // Best effort: room is what may be missing.
        let _ = fs::remove_file(&copy);
    }
    written
}

/// Copies a file without the zeros at its end, which are no batches, and syncs it.
fn copy_used(from: &Path, to: &Path) -> io::Result<()> {
    let used = used_bytes(from)?;
    let mut from = File::open(from)?.take(used);
    let mut to = File::create(to)?;
    io::copy(&mut from, &mut to)?;
    to.flush()?;
    to.sync_all()
}

/// Where the last byte that is not zero ends.
fn used_bytes(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut block = vec![0; BLOCK_BYTES];
    let (mut offset, mut used) = (0, 0);
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            return Ok(used);
        }
        let read = block.get(..count).unwrap_or_default();
        if let Some(last) = read.iter().rposition(|byte| *byte != 0) {
            used = offset + last as u64 + 1;
        }
        offset += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_journal_keeps_its_bytes_and_loses_its_empty_end() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, other) = (folder.path().join("7.jnl"), folder.path().join("lock"));
        let mut bytes = vec![7; 3 * BLOCK_BYTES / 2];
        bytes.resize(4 * BLOCK_BYTES, 0);
        fs::write(&journal, &bytes).unwrap();
        fs::write(&other, [1, 0, 0]).unwrap();
        rewrite(folder.path()).unwrap();
        assert_eq!(fs::read(&journal).unwrap(), vec![7; 3 * BLOCK_BYTES / 2]);
        assert_eq!(fs::read(&other).unwrap(), [1, 0, 0]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn an_open_journal_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().canonicalize().unwrap();
        assert!(!is_any_open(&directory).unwrap());
        let journal = File::create(directory.join("0.jnl")).unwrap();
        let other = File::create(directory.join("lock")).unwrap();
        assert!(is_any_open(&directory).unwrap());
        drop(journal);
        assert!(!is_any_open(&directory).unwrap());
        drop(other);
        wait_until_closed(folder.path()).unwrap();
    }

    #[test]
    fn a_journal_is_cut_only_if_it_is_written_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.jnl");
        let length = || fs::metadata(&path).unwrap().len();
        let mut from_its_beginning = File::create(&path).unwrap();
        from_its_beginning.write_all(&[7; 5000]).unwrap();
        empty(folder.path()).unwrap();
        assert_eq!((length(), taken_bytes(folder.path()).unwrap() > 0), (5000, true));
        drop(from_its_beginning);
        let mut at_its_end = File::options().append(true).open(&path).unwrap();
        at_its_end.write_all(&[8; 10]).unwrap();
        empty(folder.path()).unwrap();
        assert_eq!((length(), taken_bytes(folder.path()).unwrap()), (0, 0));
        at_its_end.write_all(&[9; 3]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [9; 3]);
    }
}
