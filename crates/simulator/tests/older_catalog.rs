//! A catalog put back from a backup that is older than the disks: two disks have been
//! replaced since, one after the other, and the backup names both.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use objects::ObjectName;
use simulator::{Running, Site, SiteOptions};

fn body(number: u8) -> Bytes {
    Bytes::from(vec![number; 30_000 + usize::from(number) * 400_000])
}

/// Repairs until there is nothing to do; fragments that were rebuilt, slots that moved.
async fn repaired(running: &Running) -> Result<(u64, u64)> {
    let (mut rebuilt, mut moved) = (0, 0);
    for _ in 0..200 {
        let walking = running.steward.damage_step().await?;
        let outcome = running.steward.repair_step().await?;
        (rebuilt, moved) = (rebuilt + outcome.repaired, moved + outcome.moved);
        if outcome.repaired + outcome.moved == 0 && !walking {
            return Ok((rebuilt, moved));
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
    let mut gone = Vec::new();
    for _ in 0..2 {
        gone.push(fragments::Identity::read(&*site.data[0])?.disk);
        first_replaced(&mut site).await?.stop().await;
    }

    site.catalog_restore(&backup)?;
    let running = site.start().await?;
    running.fragments.missing_note(gone);
    for (name, body) in &stored {
        ensure!(running.get(name).await? == *body, "{name:?} is read before anything is repaired");
    }
    while running.steward.survey_step().await? {}
    let losses = running.steward.status().borrow().losses.clone().context("not surveyed")?;
    ensure!(losses.unreadable == 0, "nothing is said to be lost: {losses:?}");
    ensure!(losses.disks.values().all(|held| held.parts > 0), "it names both: {losses:?}");
    let (rebuilt, moved) = repaired(&running).await?;
    ensure!(rebuilt == 0 && moved > 9, "moved to where they lie: {rebuilt} rebuilt, {moved} moved");
    let census = running.steward.census().await?;
    ensure!(census.is_whole(), "{census:?}");
    ensure!(running.steward.unreadable()?.parts.is_empty());
    for (name, body) in &stored {
        ensure!(running.get(name).await? == *body, "{name:?}");
    }
    running.stop().await;
    Ok(())
}

/// The backup knows of one copy, on the first disk; that one died after the second had
/// taken copies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_it_has_not_heard_of_is_taken_for_one() -> Result<()> {
    let mut site = Site::new(SiteOptions { seed: 24, disks: 1 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let name = ObjectName::new(bucket.as_str(), "acte")?;
    running.put(&name, body(3)).await?;
    let mut backup = Vec::new();
    running.consensus.snapshot_write(&mut backup)?;
    running.stop().await;
    site.disk_add();
    let running = site.start().await?;
    while running.steward.second_copies_step().await? {}
    ensure!(running.steward.status().borrow().copies_made == 1);
    running.stop().await;

    site.catalog_restore(&backup)?;
    site.missing = Some(0);
    let running = site.start().await?;
    ensure!(running.get(&name).await? == body(3), "read before anybody has looked");
    repaired(&running).await?;
    ensure!(running.steward.unreadable()?.parts.is_empty(), "nothing is said to be lost");
    while running.steward.survey_step().await? {}
    let losses = running.steward.status().borrow().losses.clone().context("not surveyed")?;
    ensure!(losses.unreadable == 0, "nor here: {losses:?}");
    while running.steward.second_copies_step().await? {}
    ensure!(running.get(&name).await? == body(3));
    running.stop().await;
    Ok(())
}
