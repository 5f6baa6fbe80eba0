//! Whatever a disk holds, opening and reading it never panics, and never hands out
//! bytes that were not stored.

use std::sync::Arc;

use bytes::Bytes;
use disk::{Disk, SimDisk, Survival};
use erasure::{Code, CodecId};
use fragments::{
    DiskStore, Fragment, FragmentHeader, FragmentName, Identity, Options, ScrubCursor, Work,
};
use proptest::prelude::*;
use units::{ByteCount, ClusterId, DiskId, FragmentNumber, PartId, StripeNumber};

const CLUSTER: ClusterId = ClusterId::from_u128(1);

fn options() -> Options {
    Options { segment_bytes: ByteCount::new(6_000), ..Options::default() }
}

fn fragment(part: u128, length: usize) -> Fragment {
    let name = FragmentName {
        part: PartId::from_u128(part),
        stripe: StripeNumber::ZERO,
        fragment: FragmentNumber::ZERO,
    };
    let header = FragmentHeader {
        name,
        codec: CodecId::default(),
        code: Code::PLAIN,
        stripe_bytes: ByteCount::new(length as u64),
    };
    let byte = u8::try_from(part % 251).unwrap();
    Fragment { header, payload: Bytes::from(vec![byte; length]) }
}

fn filled() -> Arc<SimDisk> {
    let disk = SimDisk::new();
    let identity = Identity { disk: DiskId::from_u128(7), cluster: CLUSTER };
    DiskStore::format(&*disk, identity).unwrap();
    let as_disk: Arc<dyn Disk> = Arc::clone(&disk) as Arc<dyn Disk>;
    let mut store = DiskStore::open(as_disk, CLUSTER, options()).unwrap();
    for part in 0..20_u128 {
        let length = 100 + usize::try_from(part).unwrap() * 57;
        let works = [
            Work::append(vec![fragment(part, length)]).unwrap(),
            Work::remove_part(PartId::from_u128(part / 3)),
        ];
        assert!(store.commit(&works).iter().all(Result::is_ok));
    }
    disk.after_power_cut(Survival::KeepAll)
}

#[derive(Debug, Clone)]
enum Harm {
    Write {
        file: usize,
        at: u64,
        bytes: Vec<u8>,
    },
    Cut {
        file: usize,
        length: u64,
    },
    Swap {
        file: usize,
        with: usize,
    },
    Remove {
        file: usize,
    },
    /// One segment's bytes over another's.
    Copy {
        file: usize,
        from: u64,
        to: u64,
        length: usize,
    },
}

fn harm() -> impl Strategy<Value = Harm> {
    let bytes = proptest::collection::vec(prop_oneof![Just(0_u8), Just(255), any::<u8>()], 1..80);
    prop_oneof![
        4 => (0_usize..9, 0_u64..8_000, bytes)
            .prop_map(|(file, at, bytes)| Harm::Write { file, at, bytes }),
        1 => (0_usize..9, 0_u64..8_000).prop_map(|(file, length)| Harm::Cut { file, length }),
        1 => (0_usize..9, 0_usize..9).prop_map(|(file, with)| Harm::Swap { file, with }),
        1 => (0_usize..9).prop_map(|file| Harm::Remove { file }),
        2 => (0_usize..9, 0_u64..800, 0_u64..800, 8_usize..900).prop_map(
            |(file, from, to, length)| Harm::Copy { file, from: from * 8, to: to * 8, length }
        ),
    ]
}

fn apply(disk: &SimDisk, harm: &Harm) {
    let files: Vec<String> = disk.files().into_iter().map(|(path, _)| path).collect();
    let path = |file: usize| files.get(file % files.len()).cloned().unwrap_or_default();
    match harm {
        Harm::Write { file, at, bytes } => {
            disk.open(&path(*file)).unwrap().write_all_at(bytes, *at).unwrap();
        }
        Harm::Cut { file, length } => {
            disk.open(&path(*file)).unwrap().set_len(ByteCount::new(*length)).unwrap();
        }
        Harm::Swap { file, with } => {
            let (one, two) = (path(*file), path(*with));
            disk.rename(&one, "segments/swap").unwrap();
            if one != two {
                disk.rename(&two, &one).unwrap();
            }
            disk.rename("segments/swap", &two).unwrap();
        }
        Harm::Remove { file } => disk.remove(&path(*file)).unwrap(),
        Harm::Copy { file, from, to, length } => {
            let file = disk.open(&path(*file)).unwrap();
            if let Ok(bytes) = file.read_at(*from, *length) {
                file.write_all_at(&bytes, *to).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn harm_is_survived(harms in proptest::collection::vec(harm(), 1..5)) {
        let disk = filled();
        for harm in &harms {
            if disk.files().is_empty() {
                break;
            }
            apply(&disk, harm);
        }
        let Ok(mut store) = DiskStore::open(Arc::clone(&disk) as Arc<dyn Disk>, CLUSTER, options())
        else {
            return Ok(());
        };
        store.scrub(ScrubCursor::START, ByteCount::MAX);
        for listed in store.list(None, 1_000) {
            if let Ok(read) = store.read_whole(listed.name) {
                let wanted = fragment(listed.name.part.to_u128(), read.payload.len());
                prop_assert_eq!(read.payload, wanted.payload);
            }
        }
        let _ = store.commit(&[Work::append(vec![fragment(99, 10)]).unwrap()]);
        let _ = store.compact();
    }
}
