//! What both halves promise alike.

use std::sync::Arc;

use disk::{Disk, DiskError, DiskFile, RealDisk, SimDisk, read_file, write_file_atomically};
use units::ByteCount;

fn on_both(check: impl Fn(&dyn Disk)) {
    check(&*SimDisk::new());
    let directory = tempfile::tempdir().unwrap();
    check(&*RealDisk::open(directory.path()).unwrap());
}

fn file(disk: &dyn Disk, path: &str, bytes: &[u8]) -> Arc<dyn DiskFile> {
    let file = disk.create(path).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

#[test]
fn names() {
    on_both(|disk| {
        disk.create_dir("a/b").unwrap();
        disk.create_dir("a/b").unwrap();
        for name in ["two", "one", "three"] {
            file(disk, &format!("a/b/{name}"), name.as_bytes());
        }
        disk.sync_dir("a/b").unwrap();
        assert_eq!(disk.list("a/b").unwrap(), ["one", "three", "two"]);
        assert_eq!(disk.list("a").unwrap(), ["b"]);
        assert!(matches!(disk.create("a/b/one"), Err(DiskError::AlreadyExists { .. })));
        assert!(matches!(disk.create("x/one"), Err(DiskError::NotFound { .. })));
        assert!(matches!(disk.open("a/b/four"), Err(DiskError::NotFound { .. })));
        assert!(matches!(disk.list("z"), Err(DiskError::NotFound { .. })));
        assert!(matches!(disk.remove("a/b/four"), Err(DiskError::NotFound { .. })));
        assert!(matches!(disk.rename("a/b/four", "a/b/five"), Err(DiskError::NotFound { .. })));
        assert!(disk.exists("a/b").unwrap() && disk.exists("a/b/one").unwrap());
        assert!(!disk.exists("a/b/four").unwrap());
        disk.rename("a/b/one", "a/b/two").unwrap();
        assert_eq!(read_file(disk, "a/b/two", 10).unwrap(), b"one");
        assert_eq!(disk.list("a/b").unwrap(), ["three", "two"]);
        for bad in ["/etc/passwd", "../up", "a/../../up", "", "a//b", "a/./b"] {
            assert!(matches!(disk.open(bad), Err(DiskError::BadPath { .. })), "{bad:?}");
            assert!(matches!(disk.create(bad), Err(DiskError::BadPath { .. })), "{bad:?}");
            assert!(matches!(disk.remove(bad), Err(DiskError::BadPath { .. })), "{bad:?}");
        }
    });
}

#[test]
fn contents() {
    on_both(|disk| {
        let file = file(disk, "f", b"0123456789");
        assert_eq!(file.length().unwrap().get(), 10);
        assert_eq!(file.read_at(2, 3).unwrap(), b"234");
        assert!(matches!(file.read_at(8, 3), Err(DiskError::UnexpectedEnd { wanted: 11, .. })));
        let mut buffer = [0; 4];
        assert!(file.read_exact_at(&mut buffer, 20).is_err());
        file.write_slices_at(&[b"ab", b"", b"cde"], 8).unwrap();
        assert_eq!(file.read_at(0, 13).unwrap(), b"01234567abcde");
        file.write_all_at(b"z", 16).unwrap();
        assert_eq!(file.read_at(12, 5).unwrap(), b"e\0\0\0z");
        file.set_len(ByteCount::new(4)).unwrap();
        file.set_len(ByteCount::new(6)).unwrap();
        assert_eq!(file.read_at(0, 6).unwrap(), b"0123\0\0");
        file.reserve(ByteCount::new(100_000)).unwrap();
        assert_eq!(file.length().unwrap().get(), 6);
        file.sync_data().unwrap();
        if let Some(bytes) = file.read_cached_at(1, 3).unwrap() {
            assert_eq!(bytes, b"123");
        }
        assert_eq!(file.read_cached_at(4, 100).unwrap(), None);
    });
}

#[test]
fn many_slices_are_written_in_order() {
    on_both(|disk| {
        let parts: Vec<Vec<u8>> = (0..5_000_u32).map(|n| n.to_le_bytes().to_vec()).collect();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let file = disk.create("f").unwrap();
        file.write_slices_at(&slices, 3).unwrap();
        assert_eq!(file.read_at(3, 20_000).unwrap(), parts.concat());
    });
}

#[test]
fn holes_read_as_zeros() {
    on_both(|disk| {
        let file = file(disk, "f", &vec![7; 20_000]);
        file.punch(4_096, ByteCount::new(8_192)).unwrap();
        assert_eq!(file.length().unwrap().get(), 20_000);
        assert_eq!(file.read_at(4_095, 3).unwrap(), [7, 0, 0]);
        assert_eq!(file.read_at(12_287, 2).unwrap(), [0, 7]);
        file.punch(0, ByteCount::ZERO).unwrap();
        file.reserve(ByteCount::new(10)).unwrap();
        file.reserve(ByteCount::new(40_000)).unwrap();
        assert_eq!(file.length().unwrap().get(), 20_000);
    });
}

#[test]
fn a_removed_file_can_still_be_read_by_who_has_it_open() {
    on_both(|disk| {
        let file = file(disk, "f", b"still here");
        disk.remove("f").unwrap();
        assert_eq!(file.read_at(0, 10).unwrap(), b"still here");
    });
}

#[test]
fn small_files_are_replaced_whole() {
    on_both(|disk| {
        disk.create_dir("keys").unwrap();
        write_file_atomically(disk, "keys/root", b"old").unwrap();
        file(disk, "keys/root.tmp", b"left over");
        write_file_atomically(disk, "keys/root", b"new").unwrap();
        assert_eq!(read_file(disk, "keys/root", 3).unwrap(), b"new");
        assert!(matches!(read_file(disk, "keys/root", 2), Err(DiskError::TooLong { .. })));
        assert_eq!(disk.list("keys").unwrap(), ["root"]);
    });
}
