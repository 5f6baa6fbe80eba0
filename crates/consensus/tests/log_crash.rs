//! The log alone, cut at every operation of the disk.
//!
//! `ESSAIM_SEEDS=200 cargo test -p consensus --test log_crash` runs more seeds.

mod harness;

use harness::log_script::{self, CRASH_SEEDS};

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

/// Write errors before the sync are cut off and can be repeated; a failed sync ends the log.
#[test]
fn faults_never_acknowledge() {
    let cases = log_script::faults(9).unwrap_or_else(|error| panic!("{error}"));
    println!("{cases} faults, false acknowledgements 0");
}

/// Between two steps of zeros a record only changes bytes: the file stays as long as it
/// was. A segment that takes no more records has no zeros.
#[test]
fn records_are_written_over_zeros() {
    let (grown, zeros) = log_script::fill(200).unwrap_or_else(|error| panic!("{error}"));
    assert!(grown < 40, "{grown} of 200 appends made a file longer");
    assert_eq!(zeros, 0, "bytes of closed segments that are no records");
}

/// The format of version 1, as released: read for ever. With `ESSAIM_GOLDEN=write`
/// the file is made anew.
#[test]
fn the_golden_segment_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/log-1.bin");
    if std::env::var("ESSAIM_GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(path, log_script::golden_make()).expect("written");
    }
    log_script::golden_check(&std::fs::read(path).expect("the golden file"));
}
