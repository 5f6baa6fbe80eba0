//! Every planted bug of this crate is caught by the tests that would meet it.

mod harness;

use harness::{log_faults, log_script, sim_node};

fn is_caught(name: &'static str) -> bool {
    units::planted::select(Some(name));
    let log = || {
        (0..3).any(|seed| log_script::sweep(seed).is_err())
            || log_script::flip_bits(5).is_err()
            || log_faults::faults(9).is_err()
    };
    let caught = (0..3).any(|seed| sim_node::sweep(seed, 3).is_err())
        || sim_node::sweep_full(0, 24).is_err()
        || log();
    units::planted::select(None);
    caught
}

#[test]
fn every_planted_bug_is_caught() {
    let missed: Vec<_> = consensus::PLANTED.iter().filter(|bug| !is_caught(bug.name)).collect();
    let all = consensus::PLANTED.len();
    println!("planted bugs caught: {}/{all}", all - missed.len());
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
