//! Many histories, each from a seed: `ESSAIM_SEEDS=20000 cargo test -p placement --test
//! cluster campaign -- --nocapture`; `ESSAIM_FIRST_SEED` begins later.

use crate::trial::campaign::{Campaign, Tally};

/// Histories in an ordinary run.
const SEEDS: u64 = 200;

/// Events of one history.
const EVENTS: usize = 25;

#[test]
fn a_policy_is_never_violated() {
    let given = |name| std::env::var(name).ok().and_then(|count| count.parse::<u64>().ok());
    let seeds = given("ESSAIM_SEEDS").unwrap_or(SEEDS);
    let first = given("ESSAIM_FIRST_SEED").unwrap_or(0);
    let campaign = Campaign::new();
    let mut all = Tally::default();
    for seed in first..first + seeds {
        match campaign.run(seed, EVENTS) {
            Ok(tally) => all.add(tally),
            Err(violation) => panic!("{violation}"),
        }
    }
    println!("{seeds} seeds from {first} on, violations 0: {all:?}");
    assert!(all.placed > 0 && all.moves > 0 && all.settled > 0 && all.stale > 0);
    assert!(all.rebuilt > 0);
}
