//! A disk that is gone for good and is to be forgotten: not while anything has its place
//! on it, and then for ever.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use catalog::VersionAsk;
use objects::{DeleteObject, ObjectError, ObjectName};
use simulator::{Running, Site, SiteOptions, simulator};
use steward::{DiskForgetError, Holding, Losses};
use units::DiskId;

const OBJECTS: u64 = 12;

/// A site of so many disks with objects of one part each, down; and its first disk,
/// which the next start does not see.
async fn bereft(seed: u64, disks: usize) -> Result<(Site, DiskId, Vec<(ObjectName, Bytes)>)> {
    let mut site = Site::new(SiteOptions { seed, disks });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let mut stored = Vec::new();
    for number in 0..OBJECTS {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        let body = Bytes::from(vec![7; 20_000 + usize::try_from(number)? * 10_000]);
        running.put(&name, body.clone()).await?;
        stored.push((name, body));
    }
    let lost = running.fragments.disks().first().copied().context("a disk")?;
    running.stop().await;
    site.missing = Some(0);
    Ok((site, lost, stored))
}

/// What lies on disks that are missing, counted now.
async fn surveyed(running: &Running) -> Result<Option<Losses>> {
    while running.steward.survey_step().await? {}
    Ok(running.steward.status().borrow().losses.clone())
}

async fn repaired(running: &Running) -> Result<()> {
    for _ in 0..100 {
        let walking = running.steward.damage_step().await?;
        if running.steward.repair_step().await?.repaired == 0 && !walking {
            return Ok(());
        }
    }
    anyhow::bail!("it does not rest")
}

async fn all_read(running: &Running, stored: &[(ObjectName, Bytes)]) -> Result<()> {
    for (name, body) in stored {
        assert_eq!(running.get(name).await?, *body);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_disk_is_forgotten_once_all_is_rebuilt() -> Result<()> {
    let (mut site, lost, stored) = bereft(41, 3).await?;
    // Two disks of three cannot take a third fragment: until there is another disk, what
    // lay on the lost one has nowhere to go, and everything can be read.
    let running = site.start().await?;
    let losses = surveyed(&running).await?.context("counted")?;
    let held = losses.disks.get(&lost).copied().unwrap_or_default();
    assert_eq!((held.parts, held.deleted, losses.unreadable), (OBJECTS, 0, 0));
    assert!(held.bytes > 0);
    repaired(&running).await?;
    let refused = running.steward.disk_forget(lost).await;
    assert!(matches!(refused, Err(DiskForgetError::InUse(left)) if left == held), "{refused:?}");
    running.stop().await;

    site.disk_add();
    let running = site.start().await?;
    assert_eq!(surveyed(&running).await?, Some(losses), "counted anew");
    repaired(&running).await?;
    let losses = surveyed(&running).await?.context("counted")?;
    assert_eq!(losses.disks.get(&lost), Some(&Holding::default()), "all is rebuilt");
    for disk in running.fragments.disks() {
        let refused = running.steward.disk_forget(disk).await;
        assert!(matches!(refused, Err(DiskForgetError::Present)), "{refused:?}");
    }
    running.steward.disk_forget(lost).await?;
    running.steward.disk_forget(lost).await?;
    assert_eq!(surveyed(&running).await?, Some(Losses::default()));
    running.stop().await;

    // Nobody waits for it any more.
    let running = site.start().await?;
    assert_eq!(surveyed(&running).await?, None, "there is nothing to count");
    assert!(running.steward.census().await?.is_whole());
    all_read(&running, &stored).await?;
    running.stop().await;

    // It comes back after all: as it was, and not one of this site's disks.
    let before = site.data[0].files();
    site.missing = None;
    let refused = site.start().await.err().context("it was taken")?;
    assert!(format!("{refused:#}").contains("was forgotten"), "{refused:#}");
    assert_eq!(site.data[0].files(), before);
    site.missing = Some(0);
    let running = site.start().await?;
    assert!(!running.fragments.disks().contains(&lost));
    all_read(&running, &stored).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_disk_whose_data_is_lost_too_is_forgotten_with_it() -> Result<()> {
    let (mut site, lost, stored) = bereft(42, 1).await?;
    site.disk_add();
    let running = site.start().await?;
    repaired(&running).await?;
    let losses = surveyed(&running).await?.context("counted")?;
    assert_eq!(losses.unreadable, OBJECTS, "a single disk is not made up for");
    let (name, _) = stored.first().context("an object")?;
    let unread = running.get(name).await;
    assert!(
        matches!(unread, Err(ObjectError::DisksUnreachable { .. })),
        "it may come back: {unread:?}"
    );
    let refused = running.steward.disk_forget(lost).await;
    assert!(matches!(refused, Err(DiskForgetError::InUse(left)) if left.parts == OBJECTS));
    // Whoever gives up what lay on it deletes it.
    for (name, _) in &stored {
        let ask = DeleteObject::plain(name.key.clone(), VersionAsk::Current);
        running.objects.object_delete(&simulator(), &name.bucket, ask, false).await?;
    }
    let refused = running.steward.disk_forget(lost).await;
    let deleted = matches!(refused, Err(DiskForgetError::InUse(left)) if left.deleted == OBJECTS);
    assert!(deleted, "deleted, and not cleaned up yet: {refused:?}");
    running.steward.clean_up_step().await?;
    running.steward.disk_forget(lost).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_amid_forgetting_leaves_a_disk_that_is_forgotten_or_is_not() -> Result<()> {
    let (mut site, lost, stored) = bereft(43, 3).await?;
    site.disk_add();
    let running = site.start().await?;
    repaired(&running).await?;
    running.stop().await;
    let mut seen = [false; 2];
    for operation in 0..40 {
        let cut = site.after_power_cut(None);
        let running = cut.start().await?;
        cut.cut_before(cut.operations() + operation);
        let done = running.steward.disk_forget(lost).await.is_ok();
        drop(running);
        let again = cut.after_power_cut(Some(operation));
        let running = again.start().await?;
        let forgotten = running.consensus.view().disks_forgotten()?;
        let is_forgotten = forgotten.iter().any(|one| one.disk == lost);
        assert!(is_forgotten || !done, "what was answered is durable");
        seen[usize::from(is_forgotten)] = true;
        running.steward.disk_forget(lost).await?;
        all_read(&running, &stored).await?;
        running.stop().await;
        if done {
            break;
        }
    }
    assert_eq!(seen, [true, true], "before and after");
    Ok(())
}
