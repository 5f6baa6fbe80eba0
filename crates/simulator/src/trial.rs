//! One trial: verbs drawn from a seed, cut by power losses, failing operations,
//! pulled disks and rotten bits, held against the model after every start; then
//! everything heals.

use anyhow::{Context, Result};

use crate::report::TrialReport;
use crate::world::World;

/// What a trial does.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Where everything random comes from.
    pub seed: u64,
    /// How many disks hold fragments.
    pub disks: usize,
    /// How many times the power goes.
    pub rounds: u32,
    /// Most verbs between two cuts.
    pub verbs: u32,
    /// Bodies of tens of kilobytes at most, but for a few parts.
    pub small: bool,
}

/// Runs one trial; an error is a broken promise, and ends with how to see it again.
pub async fn run_trial(trial: Trial) -> Result<TrialReport> {
    let again = format!(
        "again: ESSAIM_SEED={} ESSAIM_DISKS={} ESSAIM_ROUNDS={} ESSAIM_VERBS={} \
         cargo test -p simulator one_seed",
        trial.seed, trial.disks, trial.rounds, trial.verbs
    );
    run(trial).await.context(again)
}

async fn run(trial: Trial) -> Result<TrialReport> {
    let mut world = World::founded(trial).await?;
    for _ in 0..trial.rounds {
        world.round().await?;
    }
    world.heal().await?;
    Ok(world.report)
}
