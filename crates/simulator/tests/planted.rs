//! Planted bugs of the object path and the steward: each must be caught by the
//! trials; run with `--features planted`.
#![cfg(feature = "planted")]

use simulator::{Trial, run_trial};
use units::planted::{PlantedBug, select};

const SEEDS: u64 = 12;

/// The first seed whose trial breaks with this bug, or with none.
async fn caught(bug: Option<PlantedBug>) -> Option<u64> {
    select(bug.map(|bug| bug.name));
    let mut first = None;
    for seed in 0..SEEDS {
        let disks = [2, 3, 4][(seed % 3) as usize];
        // A trial may also panic on an assertion of the code itself: that is a catch.
        let trial =
            tokio::spawn(run_trial(Trial { seed, disks, rounds: 8, verbs: 16, small: false }));
        if !matches!(trial.await, Ok(Ok(_))) {
            first = Some(seed);
            break;
        }
    }
    select(None);
    first
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_bug_is_caught() {
    let all: Vec<PlantedBug> = objects::PLANTED.iter().chain(steward::PLANTED).copied().collect();
    assert_eq!(caught(None).await, None, "without a bug every trial must pass");
    let mut missed = Vec::new();
    for bug in all {
        match caught(Some(bug)).await {
            Some(seed) => println!("{}: caught by seed {seed}", bug.name),
            None => missed.push(bug.name),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
