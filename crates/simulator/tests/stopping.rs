//! The steward is told to stop in the middle of what takes long: it does so at once, and
//! what was cut is done by the next start. The fragment store does so while a disk hangs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use objects::ObjectName;
use simulator::{Running, Site, SiteOptions};
use units::{ByteCount, DiskId};

const OBJECTS: u64 = 4;
const BODY_BYTES: usize = 100_000;
/// Less than the steward waits for a duty that cannot be cut.
const PROMPT: Duration = Duration::from_secs(8);

/// A site of eight disks; the first is pulled out.
async fn with_a_disk_lost(seed: u64) -> Result<Site> {
    let mut site = Site::new(SiteOptions { seed, disks: 8 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    // As long as it takes until some have a fragment there.
    let lost = running.fragments.disks()[0];
    let mut number = 0;
    while (stored(&running, lost) as u64) < OBJECTS {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        running.put(&name, Bytes::from(vec![7; BODY_BYTES])).await?;
        number += 1;
    }
    running.stop().await;
    site.missing = Some(0);
    Ok(site)
}

fn stored(running: &Running, disk: DiskId) -> usize {
    running.fragments.list(disk, None, 10_000).len()
}

async fn repaired(running: &Running) -> Result<u64> {
    while running.steward.damage_step().await? {}
    Ok(running.steward.repair_step().await?.repaired)
}

/// The same site with the disk back, whose fragments are all copies now.
async fn with_copies(seed: u64) -> Result<Site> {
    let mut site = with_a_disk_lost(seed).await?;
    let running = site.start().await?;
    ensure!(repaired(&running).await? == OBJECTS);
    running.stop().await;
    site.missing = None;
    Ok(site)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_copies_are_cleared_away() -> Result<()> {
    let mut site = with_copies(41).await?;
    let usual = site.settings.clone();
    // Hours for each.
    site.settings.scrub_bytes_per_second = ByteCount::new(1);
    let running = site.start().await?;
    let mut status = running.steward.status();
    let duties = running.steward.start();
    status.wait_for(|status| status.copies_met > 0).await?;
    tokio::time::timeout(PROMPT, duties.shutdown()).await.context("it takes its time")?;
    assert_eq!(running.steward.status().borrow().copies_removed, 0, "cut in the middle");
    running.stop().await;

    site.settings = usual;
    let running = site.start().await?;
    let back = running.fragments.disks()[0];
    running.steward.orphan_sweep().await?;
    assert_eq!(stored(&running, back), 0);
    assert!(running.steward.census().await?.is_whole());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_repair_waits_for_a_disk() -> Result<()> {
    let site = with_a_disk_lost(42).await?;
    let running = site.start().await?;
    site.hang(true);
    let duties = running.steward.start();
    while site.hanging() == 0 {
        tokio::task::yield_now().await;
    }
    let stopped = tokio::time::timeout(PROMPT, duties.shutdown()).await;
    site.hang(false);
    stopped.context("it takes its time")?;
    running.stop().await;

    let running = site.start().await?;
    repaired(&running).await?;
    assert!(running.steward.census().await?.is_whole());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_looks_at_some_copies_and_the_next_at_others() -> Result<()> {
    let mut site = with_copies(43).await?;
    // Time for one fragment of the four.
    site.settings.orphan_period = Duration::from_millis(4);
    let running = site.start().await?;
    for cleared in 1..=OBJECTS {
        running.steward.orphan_sweep().await?;
        assert_eq!(running.steward.status().borrow().copies_removed, cleared);
    }
    let back = running.fragments.disks()[0];
    assert_eq!(stored(&running, back), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fragment_store_while_a_disk_hangs() -> Result<()> {
    let mut site = with_a_disk_lost(44).await?;
    site.missing = None;
    let running = site.start().await?;
    ensure!(running.fragments.shutdown().await.is_empty(), "healthy ones end at once");
    running.stop().await;

    let running = site.start().await?;
    let disk = running.fragments.disks()[0];
    let stored = running.fragments.list(disk, None, 1).remove(0);
    site.hang(true);
    let fragments = running.fragments.clone();
    let removing = tokio::spawn(async move { fragments.remove_part(disk, stored.name.part).await });
    while site.hanging() == 0 {
        ensure!(!removing.is_finished(), "nothing hangs");
        tokio::task::yield_now().await;
    }
    let ending = running.fragments.shutdown_within(Duration::from_millis(200));
    let ended = tokio::time::timeout(PROMPT, ending).await;
    let again = running.fragments.shutdown_within(Duration::from_millis(200)).await;
    site.hang(false);
    let hanging = ended.context("it waits for ever")?;
    ensure!(hanging.contains(&disk) && again.contains(&disk), "{hanging:?}, {again:?}");
    ensure!(running.fragments.shutdown().await.is_empty(), "it goes on, and ends");
    ensure!(removing.await?.is_ok(), "what was asked for is done once the disk goes on");
    Ok(())
}
