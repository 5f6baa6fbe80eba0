//! Every planted bug of the catalog must be caught by the trials.
//!
//! `cargo test -p catalog --features planted --test planted`
#![cfg(feature = "planted")]

mod trial;

use std::panic::catch_unwind;

#[test]
fn every_planted_bug_is_caught() {
    trial::model_run(0, 50).unwrap_or_else(|error| panic!("with no bug: {error}"));
    assert_eq!(trial::history(0, 50).len(), 50);
    let mut missed = Vec::new();
    for bug in catalog::PLANTED {
        units::planted::select(Some(bug.name));
        let caught = (0..40).find(|seed| {
            let run = catch_unwind(|| trial::model_run(*seed, 250));
            !matches!(run, Ok(Ok(_)))
        });
        match caught {
            Some(seed) => eprintln!("{}: caught by seed {seed}", bug.name),
            None => missed.push(bug.name),
        }
    }
    units::planted::select(None);
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
