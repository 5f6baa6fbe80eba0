//! The mark of the rows' format, byte for byte: what this version writes into a fresh
//! engine, and demands of one that it finds.

use core::ops::Bound;
use std::path::PathBuf;

use kv::{Engine, FjallEngine, KvError, RESERVED_PREFIX};

const KEY: &[u8] = b"\xFFformat";

/// The mark: its key, then its value.
fn golden() -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rows-mark.1");
    std::fs::read(path).unwrap()
}

#[test]
fn a_fresh_engine_carries_the_mark_of_this_version() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FjallEngine::open(folder.path()).unwrap();
    let view = engine.view();
    let all = view.scan(Bound::Unbounded, Bound::Unbounded);
    let rows: Vec<_> = all.collect::<Result<_, _>>().unwrap();
    let [(key, value)] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(key.first(), Some(&RESERVED_PREFIX));
    assert_eq!([key.as_slice(), value.as_slice()].concat(), golden());
}

/// Opens an engine that has a row and this mark.
fn check(mark: Option<&[u8]>) -> Result<(), KvError> {
    let folder = tempfile::tempdir().unwrap();
    let engine = FjallEngine::open(folder.path()).unwrap();
    let mut batch = catalog::Batch::default();
    batch.writes.insert(b"a row".to_vec(), Some(b"of somebody".to_vec()));
    batch.writes.insert(KEY.to_vec(), mark.map(<[u8]>::to_vec));
    engine.commit(&batch).unwrap();
    engine.persist().unwrap();
    drop(engine);
    FjallEngine::open(folder.path()).map(drop)
}

#[test]
fn another_mark_or_none_is_refused() {
    check(Some(&golden().split_off(KEY.len()))).unwrap();
    let later = check(Some(&[0, 0, 0, 2])).unwrap_err();
    assert!(matches!(later, KvError::Format { found: 2, .. }), "{later}");
    for mark in [None, Some(&[1][..]), Some(&[][..])] {
        let damaged = check(mark).unwrap_err();
        assert!(matches!(damaged, KvError::Damaged { .. }), "{mark:?}: {damaged}");
    }
}
