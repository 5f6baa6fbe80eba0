//! Trials of a whole site; `ESSAIM_SEEDS` sets how many.

use simulator::{Trial, run_trial};

/// So many seeds come to every kind of event, each of them often.
const SEEDS: u64 = 10;

fn count(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn trial(seed: u64, disks: usize) -> Trial {
    Trial { seed, disks, rounds: 10, verbs: 20, small: false }
}

async fn check(trial: Trial) -> simulator::TrialReport {
    match run_trial(trial).await {
        Ok(report) => report,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_and_deletes_last() {
    let mut sum = simulator::TrialReport::default();
    let seeds = count("ESSAIM_SEEDS", SEEDS);
    for seed in 0..seeds {
        let report = check(trial(seed, [1, 2, 3, 4, 6][(seed % 5) as usize])).await;
        sum.add(&report);
    }
    assert!(sum.acknowledged > 0 && sum.verified > 0 && sum.unknown > 0, "{sum:?}");
    println!("{seeds} seeds: {sum}");
    assert!(seeds < SEEDS || sum.missing().is_empty(), "never took place: {:?}", sum.missing());
}

/// The one that a broken trial names: `ESSAIM_SEED`, `ESSAIM_DISKS`, `ESSAIM_ROUNDS` and
/// `ESSAIM_VERBS`; `ESSAIM_TIMES` runs it so often, for the disks' threads are not seeded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_seed() {
    let disks = usize::try_from(count("ESSAIM_DISKS", 2)).unwrap_or(2);
    let mut one = trial(count("ESSAIM_SEED", 1_000), disks);
    one.rounds = u32::try_from(count("ESSAIM_ROUNDS", 10)).unwrap_or(10);
    one.verbs = u32::try_from(count("ESSAIM_VERBS", 20)).unwrap_or(20);
    for _ in 0..count("ESSAIM_TIMES", 1) {
        check(one).await;
    }
}
