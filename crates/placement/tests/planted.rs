//! Every planted bug must be caught by the campaign, whose judge shares nothing with the
//! planner, or by an assertion on the way.
//!
//! `cargo test -p placement --features planted --test planted`
#![cfg(feature = "planted")]

#[expect(dead_code, reason = "the other tests use the rest of it")]
mod trial;

use std::panic::catch_unwind;

use trial::campaign::Campaign;

#[test]
fn every_planted_bug_is_caught() {
    let campaign = Campaign::new();
    for seed in 0..5 {
        campaign.run(seed, 25).unwrap_or_else(|error| panic!("with no bug: {error}"));
    }
    let mut missed = Vec::new();
    for bug in placement::PLANTED {
        units::planted::select(Some(bug.name));
        let caught = (0..150).find_map(|seed| {
            let run = catch_unwind(|| campaign.run(seed, 25));
            match run {
                Ok(Ok(_)) => None,
                Ok(Err(violation)) => Some((seed, violation)),
                Err(_) => Some((seed, "an assertion".to_owned())),
            }
        });
        match caught {
            Some((_, violation)) => eprintln!("{}: caught: {violation}", bug.name),
            None => missed.push(bug.name),
        }
    }
    units::planted::select(None);
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
