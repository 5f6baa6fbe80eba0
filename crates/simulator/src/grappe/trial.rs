//! One trial of a grappe: clients, an operator and bad luck at once, then everything heals.

use core::time::Duration;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::client::Clients;
use super::draw::Draw;
use super::fate::Fate;
use super::grappe::Grappe;
use super::invariants;
use super::machine::Process;
use super::report::{Event, GrappeReport};

/// What a trial of a grappe does.
#[derive(Clone, Copy, Debug)]
pub struct GrappeTrial {
    /// Where everything random comes from.
    pub seed: u64,
    /// Sites at the beginning.
    pub sites: u8,
    /// Rounds; in each clients ask for something, and an operator or bad luck may strike.
    pub rounds: u32,
    /// Requests of a round.
    pub requests: usize,
    /// Bodies of tens of kilobytes at most.
    pub small: bool,
    /// Machines and lines fail; otherwise only sites and policies change.
    pub faults: bool,
}

impl GrappeTrial {
    /// The whole object path under all faults.
    pub const fn whole(seed: u64) -> Self {
        let sites = 3 + (seed % 3) as u8;
        Self { seed, sites, rounds: 14, requests: 5, small: false, faults: true }
    }

    /// Joins, leaves, drifts and policy changes over a small amount of data.
    pub const fn placements(seed: u64) -> Self {
        let sites = 3 + (seed % 3) as u8;
        Self { seed, sites, rounds: 8, requests: 2, small: true, faults: false }
    }
}

/// Runs one trial; an error is a broken promise, and ends with how to see it again.
///
/// To be run on a runtime of one thread with a paused clock; what would block is done on
/// the spot.
pub async fn run_grappe(trial: GrappeTrial) -> Result<GrappeReport> {
    let GrappeTrial { seed, faults, .. } = trial;
    let depth = if faults { "whole" } else { "placements" };
    let again = format!(
        "seed {seed}: ESSAIM_SEED={seed} cargo test -p simulator --test grappe {depth}_seed"
    );
    let _spot = host::on_the_spot();
    consensus::seed_elections(seed);
    // Large, with all that a trial holds.
    Box::pin(run(trial)).await.context(again)
}

async fn run(trial: GrappeTrial) -> Result<GrappeReport> {
    let mut draw = Draw::seeded(trial.seed, 1);
    let mut grappe = Grappe::founded(trial.seed, &mut draw, trial.sites).await?;
    let clients = Clients {
        ledger: Arc::default(),
        report: Arc::new(Mutex::new(GrappeReport::default())),
        small: trial.small,
    };
    let mut fate = Fate::new(trial, &grappe, &mut draw);
    for round in 0..trial.rounds {
        let mut requests = JoinSet::new();
        for number in 0..trial.requests {
            let Some((_, door)) = grappe.door(&mut draw) else { break };
            let clients = clients.clone();
            let purpose = u64::from(round) << 16 | number as u64 | 1 << 60;
            let mut draw = Draw::seeded(trial.seed, purpose);
            requests.spawn(async move { clients.request(door, &mut draw).await });
        }
        let events = fate.strikes(&mut grappe, &mut draw).await.context("an operator")?;
        for event in events {
            clients.report.lock().note(event);
        }
        tokio::time::sleep(Duration::from_millis(draw.between(50, 4_000))).await;
        // Some requests go on while the next thing happens.
        if draw.one_in(2) {
            requests.detach_all();
        }
        while let Some(ended) = requests.join_next().await {
            ended??;
        }
        invariants::policies_kept(&grappe)?;
        invariants::stamps_not_ahead(&grappe)?;
    }
    heal(&mut grappe, &mut fate, &mut draw, &clients).await?;
    let mut report = clients.report.lock().clone();
    let (acknowledged, refused, unknown) = clients.ledger.counts();
    (report.acknowledged, report.refused, report.unknown) = (acknowledged, refused, unknown);
    report.judged = grappe.around.judge.judged();
    report.seeds = 1;
    let helped = |(_, process): (u8, &Process)| process.steward.status().borrow().helped > 0;
    if grappe.up().any(helped) {
        report.note(Event::Helped);
    }
    let recut = |(_, process): (u8, &Process)| process.steward.status().borrow().parts_recut > 0;
    if grappe.up().any(recut) {
        report.note(Event::Recut);
    }
    grappe.stop().await;
    Ok(report)
}

/// No more faults: everything must be as it was acknowledged, within bounded time.
async fn heal(
    grappe: &mut Grappe,
    fate: &mut Fate,
    draw: &mut Draw,
    clients: &Clients,
) -> Result<()> {
    let begun = tokio::time::Instant::now();
    fate.end(grappe, draw).await.context("the end of all faults")?;
    invariants::settles(grappe, clients).await?;
    invariants::catalogs_equal(grappe).await?;
    invariants::read_everywhere(grappe, clients).await?;
    invariants::policies_kept(grappe)?;
    invariants::stamps_not_ahead(grappe)?;
    let (held, damaged) = invariants::nobody_accused(grappe)?;
    let seconds = begun.elapsed().as_secs();
    let mut report = clients.report.lock();
    report.held += held;
    report.damaged += damaged;
    report.heal_seconds_max = report.heal_seconds_max.max(seconds);
    Ok(())
}
