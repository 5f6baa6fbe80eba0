//! Planted bugs of the object path and the steward: each must be caught by the
//! trials of a whole site; run with `--features planted`.
//!
//! Some bugs of lower rooms, which those rooms' own tests catch, are switched on here
//! too: a power cut of the whole site must bring them to light.
#![cfg(feature = "planted")]

#[path = "several_sites/acknowledged.rs"]
mod acknowledged;
#[path = "several_sites/campaign.rs"]
mod campaign;
#[path = "several_sites/cluster.rs"]
mod cluster;
#[path = "several_sites/custody.rs"]
mod custody;
#[path = "several_sites/late.rs"]
mod late;
#[path = "several_sites/moves.rs"]
mod moves;
#[path = "several_sites/placed.rs"]
mod placed;
#[path = "several_sites/recut.rs"]
mod recut;

use simulator::{GrappeTrial, Trial, crash_sweep, directory_trial, run_grappe, run_trial};
use units::planted::{PlantedBug, select};

const SEEDS: u64 = 12;

/// Cuts of the sweep that is to meet a bug.
const CUTS: u64 = 600;

/// Bugs of lower rooms that a cut must bring to light.
const BELOW: &[&str] = &[
    "fragments-skips-sync",
    "disk-atomic-write-skips-sync",
    "consensus-skip-log-sync",
    "consensus-answer-before-append",
];

/// The trial that breaks with this bug, or with none. It may also panic on an
/// assertion of the code itself: that is a catch.
async fn caught(bug: Option<&'static str>) -> Option<String> {
    select(bug);
    let mut first = None;
    for seed in 0..SEEDS {
        let disks = [2, 3, 4][(seed % 3) as usize];
        let trial = Trial { seed, disks, rounds: 8, verbs: 16, small: false };
        if !matches!(tokio::spawn(run_trial(trial)).await, Ok(Ok(_))) {
            first = Some(format!("the trial of seed {seed}"));
            break;
        }
    }
    if first.is_none() && !matches!(tokio::spawn(directory_trial(31)).await, Ok(Ok(()))) {
        first = Some("the trial of the directory".to_owned());
    }
    select(None);
    first
}

/// The trials of several sites.
async fn of_several_sites() -> anyhow::Result<()> {
    moves::move_overtaken().await?;
    moves::goal_gone().await?;
    placed::overtaken().await?;
    acknowledged::enough().await?;
    late::told().await?;
    late::both_slow().await?;
    custody::matrix().await?;
    recut::overtaken().await?;
    recut::cut_anywhere().await?;
    for seed in 0..3 {
        campaign::run(seed, 25).await?;
    }
    Ok(())
}

/// Where a trial of several sites breaks with this bug, or with none.
async fn caught_by_several(bug: Option<&'static str>) -> Option<String> {
    select(bug);
    let outcome = tokio::spawn(of_several_sites()).await;
    select(None);
    match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => Some(panic.to_string()),
    }
}

/// Bugs that trials of a whole grappe must meet by themselves.
const OF_A_GRAPPE: &[&str] = &[
    "steward-rebuilds-beside",
    "steward-moves-anywhere",
    "steward-moves-to-drained",
    "consensus-read-unasked",
    "placement-forgets-drains",
];

/// Seeds of a grappe within which each of them shows.
const GRAPPES: u64 = 60;

/// One trial of a grappe, on a thread and a runtime of its own; what it broke by.
fn grappe(trial: GrappeTrial) -> Option<String> {
    let ran = std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build()?;
        let done = runtime.block_on(run_grappe(trial));
        runtime.shutdown_background();
        done
    });
    match ran.join() {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(format!("{error}: {}", error.root_cause())),
        Err(_) => Some(format!("a panic with seed {}", trial.seed)),
    }
}

/// Where trials of a grappe break with this bug, or with none.
fn caught_by_a_grappe(bug: Option<&'static str>) -> Option<String> {
    select(bug);
    let trials = |seed| [GrappeTrial::whole(seed), GrappeTrial::placements(seed)];
    let caught = (0..GRAPPES).flat_map(trials).find_map(grappe);
    select(None);
    caught
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grappe_meets_what_is_planted_in_it() {
    let _one = ONE.lock().await;
    let missed: Vec<_> = OF_A_GRAPPE
        .iter()
        .filter(|bug| {
            let by = caught_by_a_grappe(Some(**bug));
            println!("{bug}: {}", by.as_deref().unwrap_or("missed"));
            by.is_none()
        })
        .collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// What lets a site that lies pass.
const OF_CUSTODY: &[&str] = &[
    "steward-custody-believes",
    "steward-custody-unsigned",
    "steward-custody-same-nonce",
    "steward-custody-spares",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_lies_shows_what_is_planted_for_it() {
    let _one = ONE.lock().await;
    let mut missed = Vec::new();
    for bug in OF_CUSTODY {
        select(Some(bug));
        let outcome = tokio::spawn(custody::matrix()).await;
        select(None);
        match outcome {
            Ok(Ok(())) => missed.push(*bug),
            Ok(Err(error)) => println!("{bug}: {error}: {}", error.root_cause()),
            Err(panic) => println!("{bug}: {panic}"),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// Bugs of parts that are cut anew, one of them the catalog's.
const OF_A_RECUT: &[&str] =
    &["steward-recut-removes-first", "steward-recut-unverified", "catalog-recuts-whatever-it-was"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recut_meets_what_is_planted_in_it() {
    let _one = ONE.lock().await;
    let mut missed = Vec::new();
    for bug in [None].into_iter().chain(OF_A_RECUT.iter().map(Some)) {
        select(bug.copied());
        let outcome = tokio::spawn(async {
            recut::overtaken().await?;
            recut::cut_anywhere().await
        })
        .await;
        select(None);
        match (bug, outcome) {
            (None, Ok(Ok(()))) => {}
            (None, outcome) => panic!("with no bug: {outcome:?}"),
            (Some(bug), Ok(Ok(()))) => missed.push(*bug),
            (Some(bug), outcome) => println!("{bug}: {outcome:?}"),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// Where a sweep of power cuts breaks with this bug, or with none.
async fn cut(bug: Option<&'static str>) -> Option<String> {
    select(bug);
    let outcome = tokio::spawn(crash_sweep(0, CUTS, 2, |_, _| ())).await;
    select(None);
    match outcome {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => Some(panic.to_string()),
    }
}

/// One test at a time, for a bug is on for all of a process.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_bug_is_caught() {
    let _one = ONE.lock().await;
    let all: Vec<PlantedBug> = objects::PLANTED.iter().chain(steward::PLANTED).copied().collect();
    assert_eq!(caught(None).await, None, "without a bug every trial must pass");
    assert_eq!(cut(None).await, None, "without a bug every cut must pass");
    assert_eq!(caught_by_several(None).await, None, "nor do several sites break");
    assert_eq!(caught_by_a_grappe(None), None, "nor does a whole grappe");
    let mut missed = Vec::new();
    for name in all.iter().map(|bug| bug.name) {
        let by = match caught(Some(name)).await {
            None => caught_by_several(Some(name)).await,
            by => by,
        };
        let by = by.or_else(|| caught_by_a_grappe(Some(name)));
        match by {
            Some(by) => println!("{name}: caught by {by}"),
            None => missed.push(name),
        }
    }
    for name in BELOW {
        match cut(Some(name)).await {
            Some(by) => println!("{name}: caught by {by}"),
            None => missed.push(name),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// As a version would leave it that did not note whose parts are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_older_parts_are_is_noted() -> anyhow::Result<()> {
    let _one = ONE.lock().await;
    let cluster = cluster::Cluster::of(87, 2).await?;
    select(Some("catalog-parts-of-nobody"));
    let stored = cluster.put("actes", 5).await;
    select(None);
    let stored = stored?;
    assert!(cluster.parts()?.iter().all(|(_, row)| row.buckets.is_empty()));
    cluster.buckets_noted().await?;
    assert!(cluster.parts()?.iter().all(|(_, row)| row.buckets.len() == 1));
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}
