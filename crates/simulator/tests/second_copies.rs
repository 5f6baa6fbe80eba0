//! What was written on one disk gets a second copy when another disk comes, so that
//! either may be lost.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use objects::ObjectName;
use simulator::{Running, Site, SiteOptions};

/// Too long to lie in the catalog.
fn body(number: u8) -> Bytes {
    Bytes::from(vec![number; 30_000 + usize::from(number) * 700_000])
}

async fn copies_made(running: &Running) -> Result<()> {
    for _ in 0..100 {
        if !running.steward.second_copies_step().await? {
            return Ok(());
        }
    }
    anyhow::bail!("no end of it")
}

fn single(running: &Running) -> Option<u64> {
    running.steward.status().borrow().parts_single
}

/// A site of one disk with some objects, started again with a second, blank one.
async fn with_a_second(objects: u8) -> Result<(Site, Running, Vec<(ObjectName, Bytes)>)> {
    let mut site = Site::new(SiteOptions { seed: 31, disks: 1 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let mut stored = Vec::new();
    for number in 0..objects {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        running.put(&name, body(number)).await?;
        stored.push((name, body(number)));
    }
    copies_made(&running).await?;
    ensure!(
        single(&running) == Some(0),
        "one disk: there is nowhere to copy to, and status says so"
    );
    running.stop().await;
    site.disk_add();
    let running = site.start().await?;
    Ok((site, running, stored))
}

async fn all_read(running: &Running, stored: &[(ObjectName, Bytes)]) -> Result<()> {
    for (name, body) in stored {
        ensure!(running.get(name).await? == *body, "{name:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_disk_may_be_lost_once_a_second_came() -> Result<()> {
    let (mut site, running, stored) = with_a_second(7).await?;
    ensure!(running.steward.second_copies_step().await?, "counted, and there is something to do");
    ensure!(single(&running) == Some(7), "{:?}", single(&running));
    copies_made(&running).await?;
    ensure!(single(&running) == Some(0), "{:?}", single(&running));
    ensure!(running.steward.status().borrow().copies_made == 7);
    let census = running.steward.census().await?;
    ensure!(census.is_whole() && census.good % 2 == 0, "{census:?}");
    running.stop().await;
    for lost in [0, 1] {
        site.missing = Some(lost);
        let running = site.start().await?;
        all_read(&running, &stored).await?;
        running.stop().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_that_finds_none_is_the_last() -> Result<()> {
    let (site, running, _) = with_a_second(2).await?;
    copies_made(&running).await?;
    let made = |running: &Running| running.steward.status().borrow().copies_made;
    ensure!(made(&running) == 2);
    // After the pause they are counted once more; then never again.
    site.clock.advance(std::time::Duration::from_hours(1));
    copies_made(&running).await?;
    for _ in 0..3 {
        site.clock.advance(std::time::Duration::from_hours(1));
        ensure!(!running.steward.second_copies_step().await?);
    }
    running.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_point_loses_nothing() -> Result<()> {
    let (beginning, running, stored) = with_a_second(2).await?;
    running.stop().await;
    let (mut cut, mut amid) = (0, 0);
    loop {
        let mut site = beginning.after_power_cut(None);
        let running = site.start().await?;
        site.cut_before(site.operations() + cut);
        let copied = copies_made(&running).await;
        let (is_cut, made) = (site.is_cut(), running.steward.status().borrow().copies_made);
        running.stop().await;
        if !is_cut {
            ensure!(copied.is_ok() && made == 2, "nothing was left to cut");
            break;
        }
        amid += u64::from(made < 2);
        site.power_cut(cut);
        let running = site.start().await?;
        all_read(&running, &stored).await.with_context(|| format!("cut {cut}"))?;
        copies_made(&running).await?;
        let census = running.steward.census().await?;
        ensure!(single(&running) == Some(0) && census.is_whole(), "cut {cut}: {census:?}");
        running.stop().await;
        site.missing = Some(0);
        let running = site.start().await?;
        all_read(&running, &stored).await.with_context(|| format!("cut {cut}, one disk"))?;
        running.stop().await;
        cut += 1;
    }
    println!("{cut} cuts, {amid} of them amid copying");
    ensure!(amid >= 6, "{amid} of {cut} cuts were amid copying");
    Ok(())
}
