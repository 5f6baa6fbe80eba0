//! The whole consensus, simulated disk and simulated engine, cut anywhere.
//!
//! `ESSAIM_SEEDS=100 cargo test -p consensus --test power_cut` runs more seeds.

mod harness;

use harness::sim_node;

#[test]
fn acknowledged_commands_survive_any_cut() {
    let seeds = harness::seeds(3);
    let mut cuts = 0;
    for seed in 0..seeds {
        cuts += sim_node::sweep(seed, 1).unwrap_or_else(|error| panic!("{error}"));
    }
    println!("{cuts} cuts, seeds 0 to {}, acknowledged lost 0", seeds - 1);
}
