//! What the real engine takes of a small disk, and that giving journals back loses nothing.

mod harness;

use harness::{MIB, Rewritten};
use kv::{Cause, Engine, Settings};
use units::ByteCount;

/// 40 MiB of writes to 2 MiB of rows, on a disk of 64 MiB.
#[test]
fn a_small_disk_does_not_keep_journals_for_ever() {
    let small = Settings::for_disk(ByteCount::new(64 * MIB));
    let kept = Rewritten::on(&small).write(40, None);
    let given_back = Rewritten::on(&small).write(40, Some(20 * MIB));
    println!(
        "taken by 40 MiB of writes: {} KiB kept, {} KiB given back",
        kept / 1024,
        given_back / 1024
    );
    assert!(kept > 40 * MIB, "what is not given back is kept: {kept}");
    assert!(given_back < 20 * MIB, "{given_back} bytes are taken");
}

/// Where room is short less gathers, and without room for the flush nothing is tried.
#[test]
fn the_less_room_the_sooner() {
    let small = Settings::for_disk(ByteCount::new(64 * MIB));
    let short = Rewritten::on(&small).write(20, Some(2 * MIB));
    let none = Rewritten::on(&small).write(20, Some(0));
    println!(
        "taken by 20 MiB of writes: {} KiB where 2 MiB are left, {} KiB where none is",
        short / 1024,
        none / 1024
    );
    assert!(short < 12 * MIB, "{short} bytes are taken");
    assert!(none > 20 * MIB, "{none} bytes are taken");
}

/// Killed at any moment around a journal that was given back, every batch is there.
#[test]
fn a_kill_after_journals_were_given_back_loses_nothing() {
    harness::kills().unwrap();
}

/// A journal that was given back, opened again in the same process for both reasons.
#[test]
fn an_engine_is_reopened_after_it_gave_back() {
    let mut rewritten = Rewritten::on(&Settings::for_disk(ByteCount::new(64 * MIB)));
    for cause in [Cause::NoRoom, Cause::Unknown] {
        rewritten.write(3, Some(20 * MIB));
        let rows = rewritten.rows();
        rewritten.engine.reopen(cause).unwrap();
        assert_eq!(rewritten.rows(), rows);
        rewritten.write(1, None);
    }
}
