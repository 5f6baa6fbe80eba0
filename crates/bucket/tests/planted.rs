//! Every planted bug must be caught by the trials of the disk in a bucket.
//!
//! `cargo test -p bucket --features planted --test planted`
#![cfg(feature = "planted")]

#[path = "disk.rs"]
mod trials;

use std::panic::catch_unwind;

/// The trials that meet the bugs, each with its name.
const TRIALS: [(&str, fn()); 3] = [
    ("given up", trials::a_write_that_was_given_up_does_not_come_back),
    ("removed", trials::a_removed_file_stays_away_whenever_the_bucket_does),
    ("folded", trials::a_folded_object_that_arrives_late_counts_as_older),
];

/// The first of the trials that fails, with what it said.
fn caught_by() -> Option<(&'static str, String)> {
    TRIALS.iter().find_map(|(name, trial)| {
        let failed = catch_unwind(trial).err()?;
        let said = failed.downcast_ref::<String>().cloned().unwrap_or_default();
        Some((*name, said))
    })
}

#[test]
fn every_planted_bug_is_caught() {
    assert_eq!(caught_by(), None, "without a bug");
    let mut missed = Vec::new();
    for bug in bucket::PLANTED {
        units::planted::select(Some(bug.name));
        match caught_by() {
            Some((trial, said)) => eprintln!("{}: caught by {trial}: {said}", bug.name),
            None => missed.push(bug.name),
        }
        units::planted::select(None);
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
