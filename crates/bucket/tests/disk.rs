//! A disk in a bucket in memory: what is durable, what is seen after a restart, and what a
//! bucket that fails looks like from above.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bucket::testing::{Fate, FaultyStore, open_hasty, place};
use bucket::{BucketDisk, BucketError};
use disk::{Disk as _, DiskError, read_file, write_file_atomically};
use units::ByteCount;

const ROOM: u64 = 1 << 30;

fn opened(store: &FaultyStore) -> Arc<BucketDisk> {
    let opened = BucketDisk::open_in(&place(ROOM), Arc::new(store.clone()), "node-1");
    opened.unwrap_or_else(|error| panic!("{error}"))
}

fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn paths(store: &FaultyStore) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut paths = runtime.block_on(store.paths());
    paths.retain(|path| path.contains("/files/"));
    paths
}

#[test]
fn what_was_synced_is_there_after_a_restart_and_nothing_else() {
    let store = FaultyStore::default();
    let disk = opened(&store);
    let file = disk.create("a/b").unwrap();
    file.write_slices_at(&[b"one", b"two"], 0).unwrap();
    assert_eq!(file.read_at(0, 6).unwrap(), b"onetwo", "what is written is read");
    file.sync_data().unwrap();
    file.write_all_at(b"three", 6).unwrap();
    assert_eq!(disk.list("a").unwrap(), ["b"]);
    drop((file, disk));
    let disk = opened(&store);
    let file = disk.open("a/b").unwrap();
    assert_eq!(file.length().unwrap(), ByteCount::new(6));
    assert_eq!(file.read_at(1, 4).unwrap(), b"netw");
    assert!(matches!(file.read_at(4, 4), Err(DiskError::UnexpectedEnd { .. })));
    file.write_all_at(b"TW", 3).unwrap();
    file.write_all_at(b"end", 10).unwrap();
    file.sync_data().unwrap();
    drop((file, disk));
    let file = opened(&store).open("a/b").unwrap();
    assert_eq!(file.read_at(0, 13).unwrap(), b"oneTWo\0\0\0\0end");
}

#[test]
fn small_files_are_replaced_whole() {
    let store = FaultyStore::default();
    let disk = opened(&store);
    write_file_atomically(&*disk, "disk.id", b"one").unwrap();
    write_file_atomically(&*disk, "disk.id", b"seven").unwrap();
    assert_eq!(read_file(&*disk, "disk.id", 100).unwrap(), b"seven");
    assert_eq!(disk.list("").unwrap(), ["disk.id"]);
    let disk = opened(&store);
    assert_eq!(read_file(&*disk, "disk.id", 100).unwrap(), b"seven");
    disk.remove("disk.id").unwrap();
    assert!(!disk.exists("disk.id").unwrap());
    assert!(!opened(&store).exists("disk.id").unwrap());
}

#[test]
pub(crate) fn a_write_that_was_given_up_does_not_come_back() {
    for fate in [Fate::Lost, Fate::Done, Fate::Late] {
        let store = FaultyStore::default();
        let disk = opened(&store);
        let file = disk.create("a").unwrap();
        file.write_all_at(b"good", 0).unwrap();
        file.sync_data().unwrap();
        store.cut_at(0, 1, fate);
        file.write_all_at(b"this is given up", 4).unwrap();
        let refused = file.sync_data();
        assert!(matches!(refused, Err(DiskError::Hanging { .. })), "{refused:?}");
        soon("it answers again", || !disk.is_hanging());
        file.set_len(ByteCount::new(4)).unwrap();
        file.write_all_at(b"next", 4).unwrap();
        file.sync_data().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(store.late_arrive());
        drop((file, disk));
        let file = opened(&store).open("a").unwrap();
        assert_eq!(file.length().unwrap(), ByteCount::new(8), "{fate:?}");
        assert_eq!(file.read_at(0, 8).unwrap(), b"goodnext", "{fate:?}");
    }
}

#[test]
pub(crate) fn a_removed_file_stays_away_whenever_the_bucket_does() {
    for cut in 0..3 {
        for fate in [Fate::Lost, Fate::Done] {
            let store = FaultyStore::default();
            let disk = opened(&store);
            for name in ["old", "other"] {
                let file = disk.create(name).unwrap();
                for at in 0..3 {
                    file.write_all_at(&[7; 10], at * 10).unwrap();
                    file.sync_data().unwrap();
                }
            }
            store.cut_at(cut, u64::MAX, fate);
            let removed = disk.remove("old").is_ok();
            drop(disk);
            store.down_set(false);
            let disk = opened(&store);
            assert!(!removed || !disk.exists("old").unwrap(), "{cut} {fate:?}");
            assert_eq!(disk.open("other").unwrap().length().unwrap(), ByteCount::new(30));
            if !disk.exists("old").unwrap() {
                let left = || paths(&store).iter().filter(|path| path.contains("/old/")).count();
                soon("remains are deleted", || left() <= 1);
            }
        }
    }
}

#[test]
fn nothing_is_left_of_a_removed_file() {
    let store = FaultyStore::default();
    let disk = open_hasty(&store, ROOM).unwrap();
    let file = disk.create("a").unwrap();
    disk.sync_dir("").unwrap();
    file.write_all_at(b"good", 0).unwrap();
    file.sync_data().unwrap();
    store.cut_at(0, 1, Fate::Done);
    file.write_all_at(b"this is given up", 4).unwrap();
    file.sync_data().unwrap_err();
    soon("it answers again", || !disk.is_hanging());
    file.set_len(ByteCount::new(4)).unwrap();
    file.write_all_at(b"next", 4).unwrap();
    file.sync_data().unwrap();
    // The object that was given up is known of only after a restart.
    drop((file, disk));
    let disk = open_hasty(&store, ROOM).unwrap();
    assert_eq!(disk.open("a").unwrap().length().unwrap(), ByteCount::new(8));
    disk.remove("a").unwrap();
    soon("nothing is left", || paths(&store).is_empty());
    assert!(!opened(&store).exists("a").unwrap());
}

#[test]
fn small_objects_are_folded_and_say_the_same() {
    let store = FaultyStore::default();
    let disk = opened(&store);
    let file = disk.create("a").unwrap();
    let count = 200_u64;
    let record = |number: u64| vec![u8::try_from(number % 251).unwrap(); 1_000];
    for number in 0..count {
        file.write_all_at(&record(number), number * 1_000).unwrap();
        file.sync_data().unwrap();
    }
    soon("small objects are folded", || paths(&store).len() < 100);
    let check = |file: &dyn disk::DiskFile| {
        for number in 0..count {
            assert_eq!(file.read_at(number * 1_000, 1_000).unwrap(), record(number), "{number}");
        }
    };
    check(&*file);
    // Over what was folded, and over what may be folded at this moment.
    file.write_all_at(b"over", 500).unwrap();
    file.sync_data().unwrap();
    let disk = opened(&store);
    let file = disk.open("a").unwrap();
    assert_eq!(file.read_at(498, 8).unwrap(), b"\0\0over\0\0");
    file.write_all_at(&record(0), 0).unwrap();
    file.sync_data().unwrap();
    check(&*opened(&store).open("a").unwrap());
    let used = ROOM - disk.space().unwrap().free.get();
    assert!((200_000..=202_004).contains(&used), "{used}");
}

#[test]
pub(crate) fn a_folded_object_that_arrives_late_counts_as_older() {
    let store = FaultyStore::default();
    let disk = opened(&store);
    let file = disk.create("a").unwrap();
    // The last small object is never folded.
    let count = u64::try_from(bucket::limits::FOLD_COUNT).unwrap() + 1;
    for number in 0..count {
        if number + 1 == count {
            // The put after this one is the folded object.
            store.cut_at(1, 1, Fate::Late);
        }
        file.write_all_at(&[1; 100], number * 100).unwrap();
        file.sync_data().unwrap();
    }
    soon("it is folded", || store.puts() > count);
    // The bucket may seem to hang for a moment, since the folded object was refused.
    let over = || file.write_all_at(b"over", 50).and_then(|()| file.sync_data());
    soon("it takes writes again", || over().is_ok());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let before = paths(&store).len();
    runtime.block_on(store.late_arrive());
    assert_eq!(paths(&store).len(), before + 1, "the folded object has arrived");
    drop((file, disk));
    let file = opened(&store).open("a").unwrap();
    assert_eq!(file.read_at(48, 8).unwrap(), b"\x01\x01over\x01\x01");
}

#[test]
fn moments_of_weakness_are_not_seen_and_a_bucket_that_is_away_hangs() {
    let store = FaultyStore::default();
    let disk = opened(&store);
    let file = disk.create("a").unwrap();
    file.write_all_at(&vec![9; 2 << 20], 0).unwrap();
    store.stumble(2);
    file.sync_data().unwrap();
    store.stumble(1);
    assert_eq!(file.read_at(7, 3).unwrap(), [9; 3]);
    assert!(!disk.is_hanging());
    store.down_set(true);
    let read = file.read_at(1 << 20, 10);
    assert!(matches!(read, Err(DiskError::Hanging { .. })), "unreachable is not lost: {read:?}");
    assert!(disk.is_hanging() && !disk.is_poisoned());
    let since = Instant::now();
    assert!(matches!(file.read_at(1 << 20, 10), Err(DiskError::Hanging { .. })));
    assert!(matches!(file.write_all_at(b"x", 0), Err(DiskError::Hanging { .. })));
    assert!(since.elapsed() < Duration::from_millis(500), "who asks then is told at once");
    store.down_set(false);
    soon("it answers again", || !disk.is_hanging());
    assert_eq!(file.read_at(1 << 20, 10).unwrap(), [9; 10]);
}

#[test]
fn a_full_bucket_is_full() {
    let store = FaultyStore::default();
    let disk = opened(&store);
    let file = disk.create("a").unwrap();
    file.write_all_at(&[1; 100], 0).unwrap();
    file.sync_data().unwrap();
    store.full_set(true);
    file.write_all_at(&[2; 100], 100).unwrap();
    assert!(matches!(file.sync_data(), Err(DiskError::Full { .. })));
    assert_eq!(disk.space().unwrap().free, ByteCount::ZERO);
    assert!(!disk.is_hanging(), "what it holds can be read");
    assert_eq!(file.read_at(0, 100).unwrap(), [1; 100]);
    store.full_set(false);
    file.sync_data().unwrap();
    assert_eq!(opened(&store).open("a").unwrap().read_at(100, 100).unwrap(), [2; 100]);
    let reserved = disk.create("b").unwrap().reserve(ByteCount::new(2 * ROOM));
    assert!(matches!(reserved, Err(DiskError::Full { .. })));
}

#[test]
fn a_bucket_is_one_nodes() {
    let store = FaultyStore::default();
    let first = opened(&store);
    let second = BucketDisk::open_in(&place(ROOM), Arc::new(store.clone()), "node-2");
    let Err(BucketError::Claimed { claims, .. }) = second else { panic!("two nodes share it") };
    assert!(claims.contains("owners/node-1"), "{claims}");
    drop(first);
    drop(opened(&store));
    store.down_set(true);
    let away = BucketDisk::open_in(&place(ROOM), Arc::new(store), "node-1");
    assert!(matches!(away, Err(BucketError::Unreachable { .. })));
}
