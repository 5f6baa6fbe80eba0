//! Small JSON records in the data directory, written atomically.

use disk::Disk;
use serde::Serialize;

use crate::limits::RECORD_BYTES_MAX;
use crate::trouble::{Trouble, chain};

/// Replaces a record, durably.
pub(crate) fn write(root: &dyn Disk, name: &str, record: &impl Serialize) -> Result<(), Trouble> {
    put(root, name, record, |_| false)
}

/// As [`write`], but a record that says so already is left alone: that needs no room.
pub(crate) fn refresh(root: &dyn Disk, name: &str, record: &impl Serialize) -> Result<(), Trouble> {
    put(root, name, record, |bytes| {
        disk::read_file(root, name, RECORD_BYTES_MAX).is_ok_and(|kept| kept == bytes)
    })
}

fn put(
    root: &dyn Disk,
    name: &str,
    record: &impl Serialize,
    is_there: impl FnOnce(&[u8]) -> bool,
) -> Result<(), Trouble> {
    let told = |reason: String| {
        Trouble::new(
            format!("{name} cannot be written into the data directory: {reason}"),
            "check that the disk has room and is healthy: essaim doctor",
        )
    };
    let mut bytes = serde_json::to_vec_pretty(record).map_err(|error| told(error.to_string()))?;
    bytes.push(b'\n');
    if is_there(&bytes) {
        return Ok(());
    }
    disk::write_file_atomically(root, name, &bytes).map_err(|error| told(chain(&error)))
}

#[cfg(test)]
mod tests {
    use disk::{Disk as _, SimDisk};
    use units::ByteCount;

    use super::{refresh, write};

    #[test]
    fn what_is_there_already_needs_no_room() {
        let disk = SimDisk::with_capacity(ByteCount::new(64 << 10));
        write(disk.as_ref(), "a.json", &"here").unwrap();
        let ballast = disk.create("ballast").unwrap();
        let free = usize::try_from(disk.space().unwrap().free.get()).unwrap();
        ballast.write_all_at(&vec![1; free], 0).unwrap();
        refresh(disk.as_ref(), "a.json", &"here").unwrap();
        refresh(disk.as_ref(), "a.json", &"there").unwrap_err();
        let kept = disk::read_file(disk.as_ref(), "a.json", 64).unwrap();
        assert_eq!(kept, b"\"here\"\n");
    }
}
