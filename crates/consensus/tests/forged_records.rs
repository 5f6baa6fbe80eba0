//! Entries that hold the bytes of records, as a client can send them in object keys, torn
//! by a power cut.
//!
//! What is forged says that the torn entry had been synced. In a segment with a salt the
//! start is not deceived and cuts the entry off; the same bytes in a segment without one,
//! of format 1, forbid the start, which shows that they are what the test takes them for.

mod harness;

use std::ops::Range;
use std::sync::Arc;

use consensus::Member;
use consensus::log::record::{self, EntryId, FRAME_BYTES, Record};
use consensus::log::segment::{HEADER_BYTES, Header};
use consensus::log::{LogError, Salt, SegmentLog};
use disk::{Disk, SimDisk};
use harness::log_script;
use openraft::{CommittedLeaderId, LogId};
use units::SimRandom;

/// As many complete frames as an object key has room for.
const FRAMES: usize = 35;
/// What stands in front of an entry's body.
const ENTRY_HEAD_BYTES: usize = FRAME_BYTES + record::ENTRY_ID_BYTES;

fn id(index: u64) -> EntryId {
    LogId::new(CommittedLeaderId::new(1, Member::from(1)), index)
}

/// A disk with a log whose only segment has this salt.
fn disk_with(salt: Salt) -> Arc<SimDisk> {
    let header =
        Header { cluster: log_script::CLUSTER, number: 1, ordinal: 1, next_index: 0, salt };
    log_script::with_segment(&header.encode())
}

fn segment_of(disk: &SimDisk) -> (String, Vec<u8>) {
    log_script::segments(disk).pop().expect("a segment")
}

/// A key of forged frames, the first of them `shift` bytes into it, which claim that what
/// stands `end` bytes into the segment was synced, and with it more or less of the key.
fn forged(end: u64, shift: usize, salt: Salt) -> Vec<u8> {
    let mut body = vec![b'z'; shift];
    for count in 0..FRAMES as u64 {
        let synced = end + 1 + count * 11;
        record::encode(&Record::Close, 0x10 << 56 | count, synced, salt, &mut body)
            .expect("encodes");
    }
    body
}

/// One entry acknowledged, then one of forged frames of which a part is lost.
fn start_after(
    salt: Salt,
    forged_salt: Salt,
    shift: usize,
    lost: impl Fn(usize) -> Range<usize>,
) -> Result<Arc<SimDisk>, LogError> {
    let disk = disk_with(salt);
    let mut log = log_script::open(&disk)?;
    log.append(&[(id(0), b"first")])?;
    let end = log.bytes().get();
    let body = forged(end, shift, forged_salt);
    log.append(&[(id(1), &body)])?;
    drop(log);
    let (path, bytes) = segment_of(&disk);
    let start = usize::try_from(end).expect("small");
    assert_eq!(bytes[start + ENTRY_HEAD_BYTES..][..body.len()], body, "as it was sent");
    let lost = lost(body.len());
    let zeros = vec![0; lost.len()];
    disk.open(&path)?.write_all_at(&zeros, end + lost.start as u64)?;
    let log = log_script::open(&disk)?;
    assert_eq!(log.last(), Some(id(0)), "a torn entry was taken for whole");
    Ok(disk)
}

/// The parts of an entry with a body of this length that a cut may lose.
fn losses(body: usize) -> [Range<usize>; 6] {
    let end = ENTRY_HEAD_BYTES + body;
    let middle = ENTRY_HEAD_BYTES + body / 2;
    [0..FRAME_BYTES, 0..ENTRY_HEAD_BYTES, 0..middle, end - 9..end, middle..end, middle..middle + 10]
}

/// Every alignment and every loss; says how many there were.
fn every_loss(what: &str, check: impl Fn(usize, usize)) {
    let count = losses(0).len();
    for shift in 0..FRAME_BYTES {
        (0..count).for_each(|loss| check(shift, loss));
    }
    println!("{} torn entries {what}", FRAME_BYTES * count);
}

/// Bug: a key with the bytes of a record forbade the start after a torn append.
#[test]
fn forged_records_are_cut_off_with_the_torn_entry() {
    let salt = Salt::draw(&SimRandom::seeded(9));
    every_loss("cut off", |shift, loss| {
        let lost = |body| losses(body)[loss].clone();
        let disk = start_after(salt, Salt::NONE, shift, lost)
            .unwrap_or_else(|error| panic!("shift {shift}, loss {loss}: {error}"));
        let mut log = log_script::open(&disk).expect("opens again");
        log.append(&[(id(1), b"after the cut")]).expect("goes on");
        drop(log);
        let log = log_script::open(&disk).expect("opens once more");
        let found = log.read(1).expect("readable").map(|(_, body)| body);
        assert_eq!(found.as_deref(), Some(&b"after the cut"[..]));
    });
}

/// The same with another segment's salt, which is as good as none.
#[test]
fn the_salt_of_another_segment_proves_nothing() {
    let (salt, other) = (SimRandom::seeded(9), SimRandom::seeded(10));
    let (salt, other) = (Salt::draw(&salt), Salt::draw(&other));
    start_after(salt, other, 3, |body| losses(body)[1].clone()).expect("cut off");
}

/// Whoever knew the salt could still do it: what is forged is what a record is.
#[test]
fn without_a_salt_forged_records_forbid_the_start() {
    for salt in [Salt::NONE, Salt::draw(&SimRandom::seeded(9))] {
        every_loss("refused", |shift, loss| {
            let refused = start_after(salt, salt, shift, |body| losses(body)[loss].clone());
            assert!(
                matches!(&refused, Err(LogError::Damaged { reason, .. }) if reason.contains("proves")),
                "shift {shift}, loss {loss}: {:?}",
                refused.err()
            );
        });
    }
}

/// An entry that a later one proves synced is not cut off, whatever it holds.
#[test]
fn damage_that_a_real_record_proves_refuses_the_start() {
    let disk = disk_with(Salt::draw(&SimRandom::seeded(9)));
    let mut log = log_script::open(&disk).expect("opens");
    let end = log.bytes().get();
    let body = forged(end, 5, Salt::NONE);
    log.append(&[(id(0), &body)]).expect("appended");
    log.append(&[(id(1), b"later")]).expect("appended");
    drop(log);
    let (path, bytes) = segment_of(&disk);
    assert!(bytes.len() > HEADER_BYTES);
    for lost in losses(body.len()) {
        let copy = disk.after_power_cut(disk::Survival::KeepAll);
        let zeros = vec![0; lost.len()];
        let file = copy.open(&path).expect("opens");
        file.write_all_at(&zeros, end + lost.start as u64).expect("written");
        let refused: Result<SegmentLog, _> = log_script::open(&copy);
        assert!(matches!(refused, Err(LogError::Damaged { .. })), "{lost:?}");
    }
}

/// A new log is made with a salt.
#[test]
fn a_new_log_has_a_salt() {
    let disk = SimDisk::new();
    drop(log_script::open(&disk).expect("a new log"));
    let (_, bytes) = segment_of(&disk);
    assert_eq!(bytes[8..12], [0, 0, 0, 2]);
    assert_ne!(bytes[52..60], [0; 8]);
}
