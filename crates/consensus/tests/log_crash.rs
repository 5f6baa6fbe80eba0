//! The log alone, cut at every operation of the disk.
//!
//! `ESSAIM_SEEDS=200 cargo test -p consensus --test log_crash` runs more seeds.

mod harness;

use std::sync::Arc;

use consensus::Member;
use consensus::log::record::EntryId;
use consensus::log::{LogError, LogOptions, SegmentLog};
use disk::{Disk, DiskError, Fault, OperationKind, SimDisk, Survival};
use harness::log_faults;
use harness::log_script::{self, CRASH_SEEDS};
use openraft::{CommittedLeaderId, LogId};
use units::ByteCount;

/// Every cut, with nothing, everything, and two drawn subsets of what was not
/// synced surviving: acknowledged operations hold, in order, and nothing appears
/// that was not written.
#[test]
fn acknowledged_records_survive_a_cut_at_any_operation() {
    let seeds = harness::seeds(CRASH_SEEDS);
    let mut points = 0;
    for seed in 0..seeds {
        points += log_script::sweep(seed).unwrap_or_else(|error| {
            panic!(
                "{error}\nreproduce: ESSAIM_SEED={seed} cargo test -p consensus --test log_crash"
            )
        });
    }
    println!("{points} crash points, {seeds} seeds, acknowledged lost 0");
}

/// Any flipped bit is found, or was in the mark of the orderly close, which says nothing else.
#[test]
fn flipped_bits_refuse_the_start() {
    let (flips, found) = log_script::flip_bits(5).unwrap_or_else(|error| panic!("{error}"));
    println!("{flips} flips, {found} refused, the others harmless");
}

/// Write errors before the sync are cut off, the same log takes the step again or others
/// in its place, and what it acknowledges then survives a cut at any of the operations
/// that follow; a failed sync ends the log.
#[test]
fn faults_never_acknowledge() {
    let tried = log_faults::faults(9).unwrap_or_else(|error| panic!("{error}"));
    let log_faults::Tried { faults, repeated, given_up, cuts } = tried;
    assert!(faults > 100 && repeated > 100 && given_up > 10, "{tried:?}");
    println!(
        "{faults} faults, {repeated} steps repeated by the same log, {given_up} given up, \
         {cuts} crash points after them, acknowledged lost 0, false acknowledgements 0"
    );
}

fn id(index: u64) -> EntryId {
    LogId::new(CommittedLeaderId::new(1, Member::from(1)), index)
}

/// A log with one entry, and its disk.
fn with_one_entry() -> (Arc<SimDisk>, SegmentLog) {
    let disk = SimDisk::new();
    let mut log = log_script::open(&disk).expect("a new log");
    log.append(&[(id(0), b"first")]).expect("appended");
    (disk, log)
}

/// An entry that does not fit what is written ahead.
const LONG: [u8; 1500] = [7; 1500];

/// Where there is no room nothing is written, so nothing has to be cut off, and a cut that
/// would fail ends nothing.
#[test]
fn no_room_leaves_the_file_alone() {
    let (disk, mut log) = with_one_entry();
    let before = disk.files();
    for _ in 0..2 {
        disk.fail(OperationKind::Reserve, 0, Fault::Full);
    }
    disk.fail(OperationKind::Length, 0, Fault::Io);
    let refused = log.append(&[(id(1), &LONG)]);
    assert!(matches!(refused, Err(LogError::Full)), "{refused:?}");
    assert_eq!(disk.faults_waiting(), 1, "the file was cut");
    assert_eq!(disk.files(), before);
    log.append(&[(id(1), &LONG)]).expect("there is room again");
}

/// Where nothing can be reserved, zeros that meet the end of the room do not keep out a
/// record that fits.
#[test]
fn a_record_that_fits_is_taken_without_its_zeros() {
    let (disk, mut log) = with_one_entry();
    disk.fail(OperationKind::Write, 0, Fault::Full);
    log.append(&[(id(1), &LONG)]).expect("the record alone fits");
    assert_eq!(disk.faults_waiting(), 0);
    drop(log);
    let log = log_script::open(&disk.after_power_cut(Survival::LoseAll)).expect("opens");
    let found = log.read(1).expect("readable").map(|(_, body)| body);
    assert_eq!(found.as_deref(), Some(&LONG[..]));
}

/// A disk that another file's failed sync has poisoned is called that.
#[test]
fn a_poisoned_disk_is_named() {
    let (disk, mut log) = with_one_entry();
    let other = disk.create("other").expect("created");
    disk.fail(OperationKind::SyncData, 0, Fault::Io);
    other.sync_data().expect_err("it fails");
    let refused = log.append(&[(id(1), &LONG)]);
    let named = matches!(refused, Err(LogError::Disk(DiskError::Poisoned { .. })));
    assert!(named, "{refused:?}");
}

/// Between two steps of zeros a record only changes bytes: the file stays as long as it
/// was. A segment that takes no more records has no zeros.
#[test]
fn records_are_written_over_zeros() {
    let (grown, zeros) = log_script::fill(200).unwrap_or_else(|error| panic!("{error}"));
    assert!(grown < 40, "{grown} of 200 appends made a file longer");
    assert_eq!(zeros, 0, "bytes of closed segments that are no records");
}

/// A log that was begun on a large disk goes on on a small one, and back.
#[test]
fn segments_of_other_lengths_are_read() {
    let disk = SimDisk::new();
    let mut expected = Vec::new();
    for (life, segment_bytes) in [64 * 1024, 2048, 64 * 1024].into_iter().enumerate() {
        let options = LogOptions { segment_bytes: ByteCount::new(segment_bytes), ..usual() };
        let mut log = log_script::open_as(&disk, options).unwrap();
        for (index, body) in (0..).zip(&expected) {
            let (_, found) = log.read(index).unwrap().unwrap();
            assert_eq!(&found, body, "life {life}, entry {index}");
        }
        for count in 0..40_u8 {
            let body = vec![count; 500];
            log.append(&[(id(expected.len() as u64), &body)]).unwrap();
            expected.push(body);
        }
    }
    assert!(disk.files().len() > 8, "the small ones are shorter: {:?}", disk.files());
}

fn usual() -> LogOptions {
    LogOptions { fill_bytes: ByteCount::new(1024), ..LogOptions::default() }
}

/// The formats as released: read for ever. With `ESSAIM_GOLDEN=write` the file of the
/// format that is written today is made anew.
#[test]
fn the_golden_segments_are_read() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let newest = format!("{golden}/log-2.bin");
    if std::env::var("ESSAIM_GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(&newest, log_script::golden_make()).expect("written");
    }
    let newest = std::fs::read(newest).expect("the golden file");
    assert!(newest == log_script::golden_make(), "the log writes another format");
    log_script::golden_check(&newest);
    log_script::golden_check(&std::fs::read(format!("{golden}/log-1.bin")).expect("the other"));
}
