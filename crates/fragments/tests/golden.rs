//! The format on disk, byte for byte: what earlier states of the format wrote is
//! read for ever, and what is written today is the latest of them.
//!
//! | folder | what it holds |
//! |---|---|
//! | `v1` | records without marks |
//! | `v1-marks` | a mark after every commit |
//!
//! `ESSAIM_GOLDEN=write cargo test -p fragments --test golden` writes the files anew,
//! for a new version of the format only.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use disk::{Disk, SimDisk, Survival, read_file};
use erasure::{Code, CodecId};
use fragments::{
    DiskStore, Fragment, FragmentHeader, FragmentName, Identity, Options, ReadError, Work,
};
use units::{ByteCount, ClusterId, DiskId, FragmentNumber, PartId, StripeNumber};

const CLUSTER: ClusterId = ClusterId::from_u128(0xc1);
/// The states of the format, the last of which is written.
const STATES: [&str; 2] = ["v1", "v1-marks"];
const FILES: [&str; 3] = ["disk.id", "segments/00000001.seg", "segments/00000002.seg"];

fn golden(state: &str, path: &str) -> PathBuf {
    let name = path.replace('/', "-");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(state).join(name)
}

fn options() -> Options {
    Options { segment_bytes: ByteCount::new(2_200), ..Options::default() }
}

fn fragment(part: u128, number: u8, length: u8) -> Fragment {
    let name = FragmentName {
        part: PartId::from_u128(part),
        stripe: StripeNumber::new(3),
        fragment: FragmentNumber::new(number),
    };
    let header = FragmentHeader {
        name,
        codec: CodecId::ContiguousLeopard16,
        code: Code::new(4, 2).unwrap(),
        stripe_bytes: ByteCount::new(777),
    };
    Fragment { header, payload: (0..length).collect::<Vec<u8>>().into() }
}

/// A sealed segment with fragments and removals, and an open one.
fn written() -> Arc<SimDisk> {
    let disk = SimDisk::new();
    let identity = Identity { disk: DiskId::from_u128(0xd1), cluster: CLUSTER };
    DiskStore::format(&*disk, identity).unwrap();
    let as_disk = Arc::clone(&disk) as Arc<dyn Disk>;
    let mut store = DiskStore::open(as_disk, CLUSTER, options()).unwrap();
    let append = |fragments| Work::append(fragments).unwrap();
    let batches = [
        vec![append(vec![fragment(1, 0, 255), fragment(1, 5, 200)])],
        vec![append(vec![fragment(2, 1, 0)]), append(vec![fragment(3, 2, 13)])],
        vec![Work::remove_part(PartId::from_u128(3))],
        vec![Work::remove(vec![fragment(1, 5, 0).header.name])],
        vec![append(vec![fragment(4, 0, 250), fragment(5, 0, 250), fragment(6, 0, 100)])],
        vec![Work::remove_part(PartId::from_u128(5))],
    ];
    for batch in batches {
        assert!(store.commit(&batch).iter().all(Result::is_ok));
    }
    disk.after_power_cut(Survival::LoseAll)
}

#[test]
fn what_is_written_today_is_the_latest_state() {
    let disk = written();
    let names: Vec<String> = disk.files().into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, FILES);
    let write = std::env::var("ESSAIM_GOLDEN").is_ok_and(|value| value == "write");
    let latest = STATES[STATES.len() - 1];
    for path in FILES {
        let golden = golden(latest, path);
        let bytes = read_file(&*disk, path, 1 << 20).unwrap();
        if write {
            std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
            std::fs::write(&golden, &bytes).unwrap();
        }
        assert!(bytes == std::fs::read(golden).unwrap(), "{path} differs");
    }
}

#[test]
fn every_state_is_read() {
    STATES.into_iter().for_each(is_read);
}

fn is_read(state: &str) {
    let disk = SimDisk::new();
    disk.create_dir("segments").unwrap();
    for path in FILES {
        let file = disk.create(path).unwrap();
        file.write_all_at(&std::fs::read(golden(state, path)).unwrap(), 0).unwrap();
    }
    let store = DiskStore::open(disk, CLUSTER, options()).unwrap();
    assert_eq!(store.id(), DiskId::from_u128(0xd1));
    let live = [fragment(1, 0, 255), fragment(2, 1, 0), fragment(4, 0, 250), fragment(6, 0, 100)];
    for wanted in &live {
        let read = store.read_whole(wanted.header.name).unwrap();
        assert_eq!((read.header, &read.payload), (wanted.header, &wanted.payload));
    }
    assert_eq!(store.list(None, 10).len(), live.len());
    for gone in [fragment(3, 2, 0), fragment(1, 5, 0), fragment(5, 0, 0)] {
        let outcome = store.read(gone.header.name, 0..0).map(|_: Bytes| ());
        assert!(matches!(outcome, Err(ReadError::NotFound { .. })));
    }
}
