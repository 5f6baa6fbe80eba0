//! `apply` and `View` against the model, with a census after every log entry;
//! and the same commands cut into other log entries.
//!
//! `ESSAIM_TRIALS=1000 cargo test -p catalog --test against_model` runs a long
//! campaign.

mod trial;

use catalog::{MemoryRows, Stamped, apply};

#[test]
fn thousands_of_commands_do_what_the_model_says() {
    let trials = std::env::var("ESSAIM_TRIALS").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
    let mut operations = 0;
    for seed in 0..trials {
        operations += trial::model_run(seed, 250).unwrap_or_else(|error| {
            panic!(
                "{error}\nagain: ESSAIM_TRIALS={} cargo test -p catalog --test against_model",
                seed + 1
            )
        });
    }
    eprintln!("{operations} commands in {trials} trials agree with the model");
}

fn replay(history: &[Stamped], entry_length: usize) -> (MemoryRows, Vec<catalog::Outcome>) {
    let mut rows = MemoryRows::default();
    let mut outcomes = Vec::new();
    for entry in history.chunks(entry_length) {
        let bytes = Stamped::encode_entry(entry);
        let entry = Stamped::decode_entry(&bytes).expect("an entry that was just encoded");
        let applied = apply(&rows, &entry).expect("rows in memory can be read");
        rows.commit(applied.batch);
        outcomes.extend(applied.outcomes);
    }
    (rows, outcomes)
}

#[test]
fn rows_do_not_depend_on_the_cut_into_entries() {
    for seed in 100..106 {
        let history = trial::history(seed, 400);
        let one_by_one = replay(&history, 1);
        for length in [2, 7, 64, history.len()] {
            let other = replay(&history, length);
            assert!(one_by_one == other, "seed {seed}, {length} commands per entry");
        }
    }
}
