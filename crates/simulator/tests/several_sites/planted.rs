//! Every planted bug of moves must be caught by the trials of a cluster.
//!
//! `cargo test -p simulator --features planted --test several_sites planted`

use anyhow::Result;
use units::planted::select;

use super::{campaign, moves, placed};

async fn all() -> Result<()> {
    moves::move_overtaken().await?;
    moves::goal_gone().await?;
    placed::overtaken().await?;
    for seed in 0..3 {
        campaign::run(seed, 25).await?;
    }
    Ok(())
}

/// One test at a time, for a bug is on for all of a process.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_bug_is_caught() -> Result<()> {
    let _one = ONE.lock().await;
    all().await?;
    let mut missed = Vec::new();
    let names = steward::PLANTED_MOVES.iter().map(|bug| bug.name);
    for name in names.chain(["objects-keep-old-placement", "steward-move-unverified"]) {
        select(Some(name));
        let caught = tokio::spawn(all()).await;
        select(None);
        match caught {
            Ok(Ok(())) => missed.push(name),
            Ok(Err(error)) => println!("{name}: caught: {error:#}"),
            Err(panic) => println!("{name}: caught: {panic}"),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
    Ok(())
}

/// As a version would leave it that did not note whose parts are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_older_parts_are_is_noted() -> Result<()> {
    let _one = ONE.lock().await;
    let cluster = super::cluster::Cluster::of(87, 2).await?;
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
