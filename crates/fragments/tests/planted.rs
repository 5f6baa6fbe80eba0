//! Every planted bug of the store must be caught by the trials.
//!
//! `cargo test -p fragments --features planted --test planted`
#![cfg(feature = "planted")]

use fragments::PLANTED;
use fragments::testing::{
    cluster_run, crash_sweep, fault_sweep, model_run, reports_run, rot_sweep,
};

type Trial<'a> = (&'static str, &'a dyn Fn() -> Result<(), String>);

/// The trial that catches it, with the first line of what that said.
fn caught_by() -> Option<(&'static str, String)> {
    let first = |error: String| error.lines().next().unwrap_or_default().to_owned();
    let trials: [Trial<'_>; 6] = [
        ("model", &|| (0..300).try_for_each(model_run)),
        ("rot", &|| rot_sweep(0..10, 100).map(drop)),
        ("crash", &|| crash_sweep(0..u64::MAX, 5, 3_000).map(drop)),
        ("cluster", &|| (0..20).try_for_each(cluster_run)),
        ("reports", &reports_run),
        ("fault", &|| fault_sweep(0..u64::MAX, 3_000).map(drop)),
    ];
    trials.iter().find_map(|(name, trial)| trial().err().map(|error| (*name, first(error))))
}

#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    for bug in PLANTED {
        units::planted::select(Some(bug.name));
        match caught_by() {
            Some((trial, error)) => eprintln!("{}: caught by {trial}: {error}", bug.name),
            None => missed.push(bug.name),
        }
    }
    units::planted::select(None);
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
