//! One suite for every engine: the real half, the simulated half and the
//! reference model answer alike.

use core::ops::Bound;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::{Batch, MemoryRows, Rows};
use kv::{Cause, Engine, FjallEngine, KvError, SimEngine};
use parking_lot::Mutex;
use proptest::prelude::*;
use units::ByteCount;

/// The reference model behind the engine's trait.
#[derive(Default)]
struct ModelEngine(Mutex<MemoryRows>);

impl Engine for ModelEngine {
    fn view(&self) -> Arc<dyn Rows> {
        Arc::new(self.0.lock().clone())
    }

    fn commit(&self, batch: &Batch) -> Result<(), KvError> {
        self.0.lock().commit(batch.clone());
        Ok(())
    }

    fn persist(&self) -> Result<(), KvError> {
        Ok(())
    }

    fn approximate_bytes(&self) -> ByteCount {
        ByteCount::ZERO
    }
}

type Write = (Vec<u8>, Option<Vec<u8>>);
type Rowset = Vec<(Vec<u8>, Vec<u8>)>;

fn batch(writes: &[Write]) -> Batch {
    let mut batch = Batch::default();
    batch.writes.extend(writes.iter().cloned());
    batch
}

/// What a scan gives within the catalog's part of the keys.
fn all(rows: &dyn Rows, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Rowset {
    let forth: Rowset = rows.scan(from, to).collect::<Result<_, _>>().expect("scan");
    let mut back: Rowset = rows.scan_back(from, to).collect::<Result<_, _>>().expect("scan back");
    back.reverse();
    assert_eq!(forth, back, "both directions give the same rows");
    forth.into_iter().filter(|(key, _)| key.first() != Some(&kv::RESERVED_PREFIX)).collect()
}

fn everything(engine: &dyn Engine) -> Rowset {
    all(&*engine.view(), Bound::Unbounded, Bound::Unbounded)
}

/// The suite.
fn conforms(engine: &dyn Engine, batches: &[Vec<Write>], bounds: &[(u8, u8, u8)]) {
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut views = Vec::new();
    for writes in batches {
        views.push((engine.view(), model.clone()));
        let batch = batch(writes);
        for (key, value) in &batch.writes {
            match value {
                Some(value) => model.insert(key.clone(), value.clone()),
                None => model.remove(key),
            };
        }
        engine.commit(&batch).expect("commit");
    }
    engine.persist().expect("persist");
    views.push((engine.view(), model));
    for (view, model) in &views {
        let expected: Rowset = model.clone().into_iter().collect();
        assert_eq!(all(&**view, Bound::Unbounded, Bound::Unbounded), expected);
        for (key, value) in model {
            assert_eq!(view.get(key).expect("get").as_ref(), Some(value));
        }
        for &(from, to, shape) in bounds {
            let (from, to) = ([from], [to]);
            let low = match shape % 3 {
                0 => Bound::Included(&from[..]),
                1 => Bound::Excluded(&from[..]),
                _ => Bound::Unbounded,
            };
            let high = match shape / 3 % 3 {
                0 => Bound::Included(&to[..]),
                1 => Bound::Excluded(&to[..]),
                _ => Bound::Unbounded,
            };
            let within = |key: &[u8]| {
                (match low {
                    Bound::Included(bound) => key >= bound,
                    Bound::Excluded(bound) => key > bound,
                    Bound::Unbounded => true,
                }) && (match high {
                    Bound::Included(bound) => key <= bound,
                    Bound::Excluded(bound) => key < bound,
                    Bound::Unbounded => true,
                })
            };
            let expected: Rowset =
                model.clone().into_iter().filter(|(key, _)| within(key)).collect();
            assert_eq!(all(&**view, low, high), expected, "{low:?}..{high:?}");
        }
    }
}

fn writes() -> impl Strategy<Value = Vec<Vec<Write>>> {
    let key = prop::collection::vec(prop_oneof![Just(0_u8), Just(1), 0_u8..250], 1..4);
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..40));
    prop::collection::vec(prop::collection::vec((key, value), 0..12), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_engine_answers_like_the_model(
        batches in writes(),
        bounds in prop::collection::vec((0_u8..250, 0_u8..250, 0_u8..9), 6),
    ) {
        conforms(&ModelEngine::default(), &batches, &bounds);
        conforms(&SimEngine::seeded(1), &batches, &bounds);
        let directory = tempfile::tempdir().expect("temporary directory");
        let real = FjallEngine::open(directory.path()).expect("open");
        conforms(&real, &batches, &bounds);
        let before = everything(&real);
        drop(real);
        let real = FjallEngine::open(directory.path()).expect("open again");
        prop_assert_eq!(everything(&real), before);
    }

    /// What a power cut leaves is a prefix of the batches, persisted ones included.
    #[test]
    fn a_power_cut_leaves_a_prefix(
        seed in any::<u64>(), batches in writes(), persisted in 0_usize..12,
    ) {
        let engine = SimEngine::seeded(seed);
        let mut states = vec![everything(&engine)];
        for (number, writes) in batches.iter().enumerate() {
            engine.commit(&batch(writes)).expect("commit");
            states.push(everything(&engine));
            if number + 1 == persisted {
                engine.persist().expect("persist");
            }
        }
        engine.power_cut();
        let found = everything(&engine);
        let least = if persisted <= batches.len() { persisted } else { 0 };
        prop_assert!(states.iter().skip(least).any(|state| *state == found), "seed {}", seed);
    }
}

fn put(engine: &dyn Engine, key: &str, value: &str) {
    engine.commit(&batch(&[(key.into(), Some(value.into()))])).expect("commit");
}

#[test]
fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let _first = FjallEngine::open(directory.path()).expect("open");
    assert!(matches!(FjallEngine::open(directory.path()), Err(KvError::Locked { .. })));
}

#[test]
fn another_format_is_refused() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let engine = FjallEngine::open(directory.path()).expect("open");
    let newer = 9_u32.to_be_bytes().to_vec();
    engine.commit(&batch(&[(b"\xFFformat".to_vec(), Some(newer))])).expect("commit");
    drop(engine);
    let refused = FjallEngine::open(directory.path()).map(|_| ());
    assert!(matches!(refused, Err(KvError::Format { found: 9, .. })), "{refused:?}");
}

fn files_under(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("read directory") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            files_under(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Whatever byte is flipped, the engine refuses to open, refuses to read, or
/// gives rows that were written: never others, and never a panic.
#[test]
fn flipped_bytes_never_become_rows() {
    let directory = tempfile::tempdir().expect("temporary directory");
    {
        let engine = FjallEngine::open(directory.path()).expect("open");
        for number in 0..200 {
            put(&engine, &format!("key{number:04}"), &format!("value{number}"));
        }
        engine.persist().expect("persist");
    }
    let mut paths = Vec::new();
    files_under(directory.path(), &mut paths);
    // Preallocated zeros at the end of a journal are left out of the copies.
    let files: Vec<(PathBuf, Vec<u8>)> = paths
        .iter()
        .map(|path| {
            let mut bytes = std::fs::read(path).expect("read");
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            (path.strip_prefix(directory.path()).expect("below").to_owned(), bytes)
        })
        .collect();
    for (victim, intact) in files.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        for step in 0..5 {
            let copy = tempfile::tempdir().expect("temporary directory");
            for (path, bytes) in &files {
                let path = copy.path().join(path);
                std::fs::create_dir_all(path.parent().expect("parent")).expect("create");
                std::fs::write(path, bytes).expect("write");
            }
            let mut damaged = intact.clone();
            damaged[intact.len() * step / 5] ^= 0x41;
            std::fs::write(copy.path().join(victim), &damaged).expect("write");
            check_rows_were_written(copy.path());
        }
    }
}

fn check_rows_were_written(directory: &Path) {
    let Ok(engine) = FjallEngine::open(directory) else { return };
    let view = engine.view();
    for row in view.scan(Bound::Included(b"key"), Bound::Excluded(b"kez")) {
        let Ok((key, value)) = row else { return };
        let key = String::from_utf8(key).expect("a key that was written");
        let number: u32 = key[3..].parse().expect("a key that was written");
        assert_eq!(value, format!("value{number}").into_bytes());
    }
}

#[test]
fn taking_a_view_is_cheap() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let engine = FjallEngine::open(directory.path()).expect("open");
    put(&engine, "key", "value");
    let start = std::time::Instant::now();
    for _ in 0..10_000 {
        assert!(engine.view().get(b"key").expect("get").is_some());
    }
    let each = start.elapsed() / 10_000;
    assert!(each.as_micros() < 200, "a view and a get took {each:?}");
}

/// Reopened in the same process, with views about: every batch is there, the old
/// views answer no more, iterators under way come to their end first.
#[test]
fn the_real_engine_can_be_reopened_under_its_views() {
    for cause in [Cause::NoRoom, Cause::Unknown] {
        let directory = tempfile::tempdir().expect("directory");
        let engine = FjallEngine::open(directory.path()).expect("open");
        for number in 0..500 {
            put(&engine, &format!("k{number:03}"), "before");
        }
        let old = engine.view();
        let rows = everything(&engine);
        assert_eq!(rows.len(), 500);
        std::thread::scope(|scope| {
            let mut reading = old.scan(Bound::Unbounded, Bound::Unbounded);
            assert!(reading.next().is_some_and(|row| row.is_ok()));
            let reopening = scope.spawn(|| engine.reopen(cause));
            while old.get(b"k000").is_ok() {
                std::thread::yield_now();
            }
            assert!(!reopening.is_finished(), "an iterator holds tables of the old database");
            assert_eq!(reading.by_ref().flatten().count(), 500, "and the mark");
            drop(reading);
            reopening.join().expect("no panic").expect("reopens");
        });
        assert!(
            old.get(b"k000").is_err()
                && old.scan(Bound::Unbounded, Bound::Unbounded).all(|row| row.is_err())
        );
        assert_eq!(everything(&engine), rows);
        put(&engine, "k000", "after");
        engine.persist().expect("persist");
        engine.reopen(cause).expect("reopens again");
        assert_eq!(engine.view().get(b"k000").expect("get"), Some(b"after".to_vec()));
    }
}

/// As after a crash, but in the same process: what was persisted stays, the failed
/// batch is there as a whole or not at all.
#[test]
fn a_simulated_engine_without_room_forgets_no_more_than_a_power_cut() {
    let mut was_whole = 0;
    for seed in 0..64 {
        let engine = SimEngine::seeded(seed);
        put(&engine, "a", "persisted");
        engine.persist().expect("persist");
        put(&engine, "b", "maybe");
        engine.full_after(0, 1);
        let failing = batch(&[(b"c".to_vec(), Some(vec![1])), (b"d".to_vec(), Some(vec![1]))]);
        assert!(matches!(engine.commit(&failing), Err(KvError::Full)));
        assert!(matches!(engine.commit(&failing), Err(KvError::Poisoned)));
        assert_eq!(everything(&engine).len(), 2, "reads go on, without the failed batch");
        assert!(matches!(engine.reopen(Cause::NoRoom), Err(KvError::Full)));
        engine.reopen(Cause::NoRoom).expect("reopens");
        let left = everything(&engine).len();
        assert!([1, 2, 4].contains(&left), "a prefix of whole batches, not {left} rows");
        was_whole += u64::from(left == 4);
        engine.commit(&failing).expect("takes batches again");
    }
    assert!((5..60).contains(&was_whole), "{was_whole} of 64");
}
