//! The catalog's disk is full, those of the fragments are not: what is refused for that
//! says so, as it does when the fragments have no room, and reads and deletes go on; so
//! do repairs, as far down as deletes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use catalog::{Content, PartRow, VersionAsk};
use disk::{Disk as _, DiskFile};
use fragments::FragmentName;
use objects::{DeleteObject, GetObject, ObjectError, ObjectName};
use simulator::{Running, Site, SiteOptions, simulator};
use steward::RepairOutcome;
use steward::limits::REPAIR_PUT_OFF;
use units::{ByteCount, FragmentNumber, PartId, StripeNumber};

const DISK_BYTES: u64 = 64 * 1024 * 1024;
/// Less than an eighth, which ordinary commands leave free; more than the 32nd that
/// deletes do.
const LEFT_BYTES: u64 = 4 * 1024 * 1024;

/// Less than that 32nd: not even a slot is moved.
const BELOW_THE_FLOOR_BYTES: u64 = 1024 * 1024;

/// Leaves so much room on the disk of the catalog.
fn fill(site: &Site, left: u64) -> Result<Arc<dyn DiskFile>> {
    site.system.set_capacity(Some(ByteCount::new(DISK_BYTES)));
    let ballast = site.system.create("ballast")?;
    let fill = site.system.space()?.free.get() - left;
    ballast.write_all_at(&vec![1; usize::try_from(fill)?], 0)?;
    site.clock.advance(Duration::from_secs(2));
    Ok(ballast)
}

fn empty(site: &Site, ballast: Arc<dyn DiskFile>) -> Result<()> {
    drop(ballast);
    site.system.remove("ballast")?;
    site.clock.advance(Duration::from_secs(2));
    Ok(())
}

/// Fragments on all disks, whoever knows of them.
fn stored(running: &Running) -> usize {
    let disks = running.fragments.disks().into_iter();
    disks.map(|disk| running.fragments.list(disk, None, 10_000).len()).sum()
}

async fn tended(running: &Running) -> Result<RepairOutcome> {
    let mut total = RepairOutcome::default();
    loop {
        let walking = running.steward.damage_step().await?;
        let one = running.steward.repair_step().await?;
        total.repaired += one.repaired;
        total.homeless += one.homeless;
        total.deferred += one.deferred;
        if one == RepairOutcome::default() && !walking {
            return Ok(total);
        }
    }
}

/// A site of eight disks with some objects, one part each.
async fn filled(seed: u64) -> Result<(Site, Running, Vec<ObjectName>)> {
    let site = Site::new(SiteOptions { seed, disks: 8 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let mut names = Vec::new();
    for number in 0..8_u8 {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        running.put(&name, Bytes::from(vec![number; 60_000])).await?;
        names.push(name);
    }
    Ok((site, running, names))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_catalog_has_no_room_for_is_told_as_full() -> Result<()> {
    let site = Site::new(SiteOptions { seed: 46, disks: 2 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let name = ObjectName::new(bucket.as_str(), "acte")?;
    running.put(&name, Bytes::from_static(b"before")).await?;

    let before = stored(&running);
    let ballast = fill(&site, LEFT_BYTES)?;
    // Within the catalog, and in fragments.
    for bytes in [6, 100_000] {
        let refused = running.put(&name, Bytes::from(vec![7; bytes])).await;
        ensure!(matches!(refused, Err(ObjectError::CatalogFull(_))), "{bytes} bytes: {refused:?}");
        let words = refused.err().map(|error| error.to_string()).unwrap_or_default();
        ensure!(words.contains("4 MiB free, 8 MiB needed"), "{words}");
    }
    ensure!(stored(&running) == before, "fragments were written in vain");
    ensure!(running.get(&name).await? == b"before"[..], "reads go on");

    empty(&site, ballast)?;
    running.put(&name, Bytes::from_static(b"after")).await?;
    ensure!(running.get(&name).await? == b"after"[..], "written once there is room");
    running.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_disk_is_rebuilt_although_writes_are_refused() -> Result<()> {
    let (mut site, running, _) = filled(47).await?;
    running.stop().await;
    site.missing = Some(0);
    let running = site.start().await?;
    let before = stored(&running);
    // Nothing is written that the catalog cannot be told.
    let ballast = fill(&site, BELOW_THE_FLOOR_BYTES)?;
    let outcome = tended(&running).await?;
    let deferred = outcome.deferred;
    ensure!(deferred > 0 && outcome == RepairOutcome { deferred, ..<_>::default() }, "{outcome:?}");
    ensure!(stored(&running) == before, "copied in vain");
    empty(&site, ballast)?;
    // It can be, though no write is taken.
    let ballast = fill(&site, LEFT_BYTES)?;
    site.clock.advance(REPAIR_PUT_OFF);
    let outcome = tended(&running).await?;
    ensure!(outcome == RepairOutcome { repaired: deferred, ..<_>::default() }, "{outcome:?}");
    ensure!(running.steward.census().await?.is_whole());
    empty(&site, ballast)?;
    running.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_fragment_on_a_full_disk_is_not_forgotten() -> Result<()> {
    let (site, running, names) = filled(48).await?;
    // Two fragments of two objects are gone from a disk that has no room for them.
    let parts = running.consensus.view().parts(None, 100)?;
    let disk = running.fragments.disks()[0];
    let of = |(part, row): &(PartId, PartRow)| {
        let slot = row.slots.iter().position(|slot| *slot == disk)?;
        Some((*part, FragmentNumber::new(u8::try_from(slot).ok()?)))
    };
    let there: Vec<_> = parts.iter().filter_map(of).take(2).collect();
    ensure!(there.len() == 2, "chance put nothing on it");
    for (part, fragment) in &there {
        let name = FragmentName { part: *part, stripe: StripeNumber::new(0), fragment: *fragment };
        running.fragments.remove(disk, vec![name]).await?;
    }
    for hardware in &site.data {
        hardware.set_capacity(Some(ByteCount::new(64 * 1024)));
        if running.fragments.space(disk).is_some_and(|space| space.available == ByteCount::ZERO) {
            break;
        }
        hardware.set_capacity(None);
    }
    let ballast = fill(&site, BELOW_THE_FLOOR_BYTES)?;
    running.steward.scrub_round().await?;
    let found = || {
        let scrub = running.steward.status().borrow().scrub.clone();
        (scrub.bad, scrub.deferred, scrub.repaired, scrub.waiting, scrub.lost)
    };
    ensure!(found() == (2, 2, 0, 0, 0), "{:?}", found());
    empty(&site, ballast)?;
    ensure!(tended(&running).await? == RepairOutcome::default(), "after a pause only");
    // One of the objects goes meanwhile; no walk and no scrub comes by.
    for name in &names {
        let by = simulator();
        let head = running.objects.object_head(&by, GetObject::whole(name.clone())).await?;
        let gone =
            there.iter().take(1).any(|(part, _)| lies_in(&head.version.detail.content, *part));
        if gone {
            let delete = DeleteObject::plain(name.key.clone(), VersionAsk::Current);
            running.objects.object_delete(&by, &name.bucket, delete, false).await?;
        }
    }
    site.clock.advance(REPAIR_PUT_OFF);
    let outcome = running.steward.repair_step().await?;
    ensure!(outcome == RepairOutcome { repaired: 1, moved: 1, ..<_>::default() }, "{outcome:?}");
    ensure!(found() == (2, 0, 2, 0, 0), "nothing waits any more: {:?}", found());
    ensure!(running.steward.census().await?.is_whole());
    running.stop().await;
    Ok(())
}

fn lies_in(content: &Content, part: PartId) -> bool {
    matches!(content, Content::Part(reference) if reference.part == part)
}
