//! A whole node's catalog in simulation: proposers, power cuts, an oracle.
//!
//! Each of a few proposers counts up, and leaves a job row for every count: a later
//! write must not make good for one that was lost. After any cut the rows found go
//! without a gap to a count between the last one acknowledged and the last one
//! proposed.

use std::sync::Arc;
use std::time::Duration;

use catalog::{Command, JobName, SealedBytes};
use consensus::log::LogOptions;
use consensus::{CheckpointRule, Condition, Consensus, Fate, OpenError, Parts, ProposeError};
use disk::{Disk, SimDisk, Survival};
use kv::{Engine, SimEngine};
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use units::{ByteCount, ClusterId, NodeId, SimClock, SimRandom};

const PROPOSERS: usize = 3;

/// How far each proposer came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// The last count that was acknowledged.
    pub acknowledged: u64,
    /// The last count that was proposed.
    pub proposed: u64,
}

type Counts = Arc<Mutex<[Count; PROPOSERS]>>;

/// The parts of a small node.
pub fn parts(disk: Arc<dyn Disk>, engine: Arc<dyn Engine>) -> Parts {
    Parts {
        log: LogOptions { segment_bytes: ByteCount::new(2048), fill_bytes: ByteCount::new(1024) },
        checkpoint: CheckpointRule {
            bytes: ByteCount::new(4096),
            entries: 12,
            interval: Duration::from_millis(2),
        },
        propose_timeout: Duration::from_secs(2),
        ..Parts::new(
            disk,
            engine,
            Arc::new(SimClock::default()),
            Arc::new(SimRandom::seeded(5)),
            ClusterId::from_u128(5),
            NodeId::from_u128(6),
        )
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
}

fn name(proposer: usize, count: u64) -> JobName {
    JobName::new(format!("proposer-{proposer}-{count}")).expect("a plain name")
}

/// The command that counts.
pub fn count_command(proposer: usize, count: u64) -> Command {
    // Lengths differ so that cuts fall everywhere within records.
    let mut state = count.to_be_bytes().to_vec();
    let length = usize::try_from(8 + (count * 37) % 300).expect("a small length");
    state.resize(length, 7);
    Command::JobSet { name: name(proposer, count), state: Some(SealedBytes::new(state)) }
}

fn count_found(consensus: &Consensus, proposer: usize, proposed: u64) -> u64 {
    let is_there = |count: &u64| {
        let job = consensus.view().job(&name(proposer, *count)).expect("a readable row");
        job.is_some_and(|job| job.state.as_slice().starts_with(&count.to_be_bytes()))
    };
    let mut counts = 1..=proposed;
    let found = counts.by_ref().take_while(is_there).count() as u64;
    if let Some(later) = counts.find(is_there) {
        panic!("proposer {proposer}: {later} is there, {} is not", found + 1);
    }
    found
}

/// All proposers count until `most` or the first error.
async fn count_up(consensus: &Consensus, counts: &Counts, most: u64) {
    let proposers = (0..PROPOSERS).map(|proposer| async move {
        for _ in 0..most {
            let next = {
                let mut counts = counts.lock();
                counts[proposer].proposed += 1;
                counts[proposer].proposed
            };
            while let Err(error) = consensus.propose(count_command(proposer, next)).await {
                let was_full = matches!(&error, ProposeError::Unavailable(refused)
                    if refused.fate == Fate::NotDone);
                if !was_full || matches!(consensus.status().condition, Condition::Failed { .. }) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            counts.lock()[proposer].acknowledged = next;
        }
    });
    futures::future::join_all(proposers).await;
}

/// Opens, checks every count, counts on.
fn live(
    disk: &Arc<SimDisk>,
    engine: &Arc<SimEngine>,
    counts: &Counts,
    most: u64,
    in_order: bool,
) -> Result<(), OpenError> {
    let runtime = runtime();
    runtime.block_on(async {
        let disk = Arc::clone(disk) as Arc<dyn Disk>;
        let consensus = Consensus::open(parts(disk, Arc::clone(engine) as _)).await?;
        for (proposer, count) in counts.lock().iter_mut().enumerate() {
            let found = count_found(&consensus, proposer, count.proposed);
            assert!(
                (count.acknowledged..=count.proposed).contains(&found),
                "proposer {proposer}: found {found}, expected {count:?}"
            );
            *count = Count { acknowledged: found, proposed: found };
        }
        count_up(&consensus, counts, most).await;
        if in_order {
            consensus.shutdown().await;
        }
        Ok(())
    })
    // Dropping the runtime waits for whatever still runs in it.
}

/// One life cut before an operation, a second one that must find everything and
/// stops in order, a third that checks it. Panics are findings.
pub fn check_cut(seed: u64, cut: Option<u64>) -> Result<u64, String> {
    let disk = SimDisk::new();
    let engine = Arc::new(SimEngine::seeded(seed));
    if let Some(cut) = cut {
        disk.cut_before(cut);
    }
    let counts = Counts::default();
    // The cut may hit the opening itself; nothing is acknowledged then.
    let first = live(&disk, &engine, &counts, 40, cut.is_none());
    if cut.is_none() {
        first.map_err(|error| error.to_string())?;
    }
    let operations = disk.operations();
    let survival = match seed % 4 {
        0 => Survival::LoseAll,
        1 => Survival::KeepAll,
        _ => Survival::Drawn(seed),
    };
    let disk = disk.after_power_cut(survival);
    engine.power_cut();
    let second = live(&disk, &engine, &counts, 3, true);
    second.map_err(|error| format!("second life: {error}"))?;
    let third = live(&disk, &engine, &counts, 0, true);
    third.map_err(|error| format!("third life: {error}"))?;
    Ok(operations)
}

/// One life whose engine meets a full disk after so many operations, or finds its
/// threads dead: everybody is answered all the same. Then the power is cut, and a
/// second life must find everything. Says whether the engine was reopened.
pub fn check_full(seed: u64, operations: u64) -> Result<bool, String> {
    let disk = SimDisk::new();
    let engine = Arc::new(SimEngine::seeded(seed));
    let counts = Counts::default();
    live(&disk, &engine, &counts, 1, true).map_err(|error| format!("first life: {error}"))?;
    // A reopening that fails costs a wait: only some of them.
    engine.full_after(operations, u64::from(operations % 16 == 3));
    let met = live(&disk, &engine, &counts, FULL_COUNTS, operations.is_multiple_of(2));
    met.map_err(|error| format!("second life: {error}"))?;
    for (proposer, count) in counts.lock().iter().enumerate() {
        if count.acknowledged != 1 + FULL_COUNTS {
            return Err(format!("proposer {proposer} was not answered: {count:?}"));
        }
    }
    let disk = disk.after_power_cut(Survival::LoseAll);
    let reopened = engine.reopened() > 0;
    engine.power_cut();
    live(&disk, &engine, &counts, 1, true).map_err(|error| format!("third life: {error}"))?;
    Ok(reopened)
}

/// How far each proposer counts while the engine meets a full disk.
const FULL_COUNTS: u64 = 12;

/// Lets the engine meet a full disk at each of its first operations; returns how
/// often it was reopened.
pub fn sweep_full(seed: u64, operations: u64) -> Result<u64, String> {
    let mut reopened = 0;
    // The first operation is the persist of the start, which then fails.
    for at in 1..=operations {
        let checked = std::panic::catch_unwind(|| check_full(seed * 10_000 + at, at));
        let checked = checked.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            Err(said.unwrap_or_else(|| "panicked".to_owned()))
        });
        let was = checked.map_err(|error| format!("seed {seed}, full at {at}: {error}"))?;
        reopened += u64::from(was);
    }
    Ok(reopened)
}

/// Cuts one scenario all over; returns the number of cuts.
pub fn sweep(seed: u64, step: usize) -> Result<u64, String> {
    let operations = check_cut(seed, None)?;
    let mut cuts = 0;
    for cut in (0..operations).step_by(step) {
        cuts += 1;
        let checked = std::panic::catch_unwind(|| check_cut(seed * 10_000 + cut, Some(cut)));
        let checked = checked.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            Err(said.unwrap_or_else(|| "panicked".to_owned()))
        });
        checked.map_err(|error| format!("seed {seed}, cut before operation {cut}: {error}"))?;
    }
    Ok(cuts)
}
