//! A catalog put back from a backup that is older than the disks: two disks have been
//! replaced since, one after the other, and the backup names both.

use anyhow::{Result, ensure};
use bytes::Bytes;
use objects::ObjectName;
use simulator::{Running, Site, SiteOptions};

fn body(number: u8) -> Bytes {
    Bytes::from(vec![number; 30_000 + usize::from(number) * 400_000])
}

/// Repairs until there is nothing to do.
async fn repaired(running: &Running) -> Result<()> {
    for _ in 0..200 {
        let walking = running.steward.damage_step().await?;
        let outcome = running.steward.repair_step().await?;
        if outcome.repaired + outcome.moved == 0 && !walking {
            return Ok(());
        }
    }
    anyhow::bail!("no end of it")
}

/// The first disk of the site is taken away for good and a blank one put in.
async fn first_replaced(site: &mut Site) -> Result<Running> {
    site.data.remove(0);
    site.disk_add();
    let running = site.start().await?;
    repaired(&running).await?;
    ensure!(running.steward.census().await?.is_whole());
    Ok(running)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_on_other_disks_than_it_says_is_found() -> Result<()> {
    let mut site = Site::new(SiteOptions { seed: 23, disks: 3 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let mut stored = Vec::new();
    for number in 0..9 {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        running.put(&name, body(number)).await?;
        stored.push((name, body(number)));
    }
    let mut backup = Vec::new();
    running.consensus.snapshot_write(&mut backup)?;
    running.stop().await;
    for _ in 0..2 {
        first_replaced(&mut site).await?.stop().await;
    }

    site.catalog_restore(&backup)?;
    let running = site.start().await?;
    for (name, body) in &stored {
        ensure!(running.get(name).await? == *body, "{name:?} is read before anything is repaired");
    }
    while running.steward.survey_step()? {}
    let losses = running.steward.status().borrow().losses.clone();
    ensure!(losses.is_none_or(|losses| losses.unreadable == 0), "nothing is said to be lost");
    repaired(&running).await?;
    let census = running.steward.census().await?;
    ensure!(census.is_whole(), "{census:?}");
    ensure!(running.steward.unreadable()?.parts.is_empty());
    for (name, body) in &stored {
        ensure!(running.get(name).await? == *body, "{name:?}");
    }
    running.stop().await;
    Ok(())
}
