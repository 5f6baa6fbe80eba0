//! Repairs that cannot end: what cannot be rebuilt waits and is not written anew each
//! time; a repair that was cut goes on where it ended; and copies that nobody needs go.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use catalog::PartRow;
use fragments::{Fragment, FragmentName};
use objects::ObjectName;
use simulator::{Running, Site, SiteOptions};
use steward::RepairOutcome;
use units::{ByteCount, Clock as _, DiskId, FragmentNumber, PartId, StripeNumber};

const OBJECTS: u8 = 8;

/// A site of eight disks with objects of this length, one part each.
async fn filled(seed: u64, length: usize) -> Result<(Site, Running, Vec<ObjectName>)> {
    let site = Site::new(SiteOptions { seed, disks: 8 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let mut names = Vec::new();
    for number in 0..OBJECTS {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        running.put(&name, body(number, length)).await?;
        names.push(name);
    }
    Ok((site, running, names))
}

fn body(number: u8, length: usize) -> Bytes {
    Bytes::from(vec![number; length])
}

fn parts(running: &Running) -> Result<Vec<(PartId, PartRow)>> {
    Ok(running.consensus.view().parts(None, 100)?)
}

/// The parts with a slot on this disk, and which.
fn slots_on(running: &Running, disk: DiskId) -> Result<Vec<(PartId, PartRow, u8)>> {
    let of = |(part, row): (PartId, PartRow)| {
        let found = (0_u8..).zip(&row.slots).find(|(_, on)| **on == disk);
        let slot = found.map(|(slot, _)| slot);
        slot.map(|slot| (part, row, slot))
    };
    Ok(parts(running)?.into_iter().filter_map(of).collect())
}

fn name(part: PartId, stripe: u32, slot: u8) -> FragmentName {
    let (stripe, fragment) = (StripeNumber::new(stripe), FragmentNumber::new(slot));
    FragmentName { part, stripe, fragment }
}

/// Names on a disk where the catalog does not look for them.
fn copies(running: &Running, disk: DiskId) -> Result<Vec<FragmentName>> {
    let mut names = Vec::new();
    for listed in running.fragments.list(disk, None, 10_000) {
        let row = running.consensus.view().part(listed.name.part)?.context("a known part")?;
        if row.slots[usize::from(listed.name.fragment.get())] != disk {
            names.push(listed.name);
        }
    }
    Ok(names)
}

/// Walks and repairs until there is nothing to do; what it came to.
async fn tended(running: &Running) -> Result<RepairOutcome> {
    let mut total = RepairOutcome::default();
    for _ in 0..100 {
        let walking = running.steward.damage_step().await?;
        let one = running.steward.repair_step().await?;
        total.repaired += one.repaired;
        total.lost += one.lost;
        total.homeless += one.homeless;
        total.deferred += one.deferred;
        if one == RepairOutcome::default() && !walking {
            return Ok(total);
        }
    }
    anyhow::bail!("it does not rest: {total:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_rebuilt_waits_ever_longer() -> Result<()> {
    let (mut site, running, _) = filled(31, 9 << 20).await?;
    let lost_disk = running.fragments.disks()[0];
    // The last stripe of one part has three fragments fewer, with the lost disk's.
    let (part, row, slot) = slots_on(&running, lost_disk)?.into_iter().next().context("one")?;
    let last = row.stripe_count - 1;
    assert!(last > 0, "several stripes");
    for (other, disk) in (0_u8..).zip(&row.slots).filter(|(other, _)| *other != slot).take(2) {
        running.fragments.remove(*disk, vec![name(part, last, other)]).await?;
    }
    running.stop().await;
    site.missing = Some(0);
    let running = site.start().await?;
    let outcome = tended(&running).await?;
    assert_eq!(outcome.lost, 1, "tried once: {outcome:?}");
    for disk in running.fragments.disks() {
        assert_eq!(copies(&running, disk)?, [], "nothing is written of what cannot be whole");
    }
    let census = running.steward.census().await?;
    assert_eq!(census.missing, u64::from(row.stripe_count) + 2, "the others are whole");
    // The walk comes each minute; the pauses are of one, two and four.
    let mut tried = Vec::new();
    for minute in 1..=8 {
        site.clock.advance(Duration::from_secs(61));
        if tended(&running).await?.lost > 0 {
            tried.push(minute);
        }
    }
    assert_eq!(tried, [1, 3, 7]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_was_cut_goes_on_where_it_ended() -> Result<()> {
    let (mut site, running, names) = filled(32, 9 << 20).await?;
    let lost_disk = running.fragments.disks()[0];
    let mut begun = Vec::new();
    for (part, row, slot) in slots_on(&running, lost_disk)? {
        // As if a repair had been cut after its first fragment.
        let disks = running.fragments.disks();
        let spare = disks.into_iter().rfind(|disk| !row.slots.contains(disk)).context("a spare")?;
        let Fragment { header, payload } =
            running.fragments.read_whole(lost_disk, name(part, 0, slot)).await?;
        running.fragments.append(spare, Fragment { header, payload }).await?;
        begun.push((part, slot, spare, u64::from(row.stripe_count)));
    }
    assert!(begun.len() > 3, "chance would have to be kind {} times", begun.len());
    running.stop().await;
    site.missing = Some(0);
    let running = site.start().await?;
    let outcome = tended(&running).await?;
    let all: u64 = begun.iter().map(|(.., stripes)| stripes).sum();
    assert_eq!(outcome.repaired, all - begun.len() as u64, "what is there is left as it is");
    for (part, slot, spare, _) in begun {
        let row = running.consensus.view().part(part)?.context("it is there")?;
        assert_eq!(row.slots[usize::from(slot)], spare, "not on another disk");
    }
    assert!(running.steward.census().await?.is_whole());
    for disk in running.fragments.disks() {
        assert_eq!(copies(&running, disk)?, []);
    }
    for (number, name) in (0..OBJECTS).zip(&names) {
        assert_eq!(running.get(name).await?, body(number, 9 << 20));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_on_a_disk_that_comes_back_go_unless_they_are_needed() -> Result<()> {
    let (mut site, running, _) = filled(33, 200_000).await?;
    let lost_disk = running.fragments.disks()[0];
    let moved = slots_on(&running, lost_disk)?;
    assert!(moved.len() > 1);
    running.stop().await;
    site.missing = Some(0);
    let running = site.start().await?;
    assert_eq!(tended(&running).await?.repaired, moved.len() as u64);
    running.stop().await;

    site.missing = None;
    let running = site.start().await?;
    assert_eq!(copies(&running, lost_disk)?.len(), moved.len());
    // One of them was rebuilt on a disk that has lost it since.
    let (part, _, slot) = &moved[0];
    let row = running.consensus.view().part(*part)?.context("it is there")?;
    let needed = name(*part, 0, *slot);
    running.fragments.remove(row.slots[usize::from(*slot)], vec![needed]).await?;
    running.steward.orphan_sweep().await?;
    assert_eq!(copies(&running, lost_disk)?, [needed], "the others are gone");
    assert_eq!(running.steward.status().borrow().copies_removed, moved.len() as u64 - 1);

    running.steward.scrub_round().await?;
    assert!(running.steward.census().await?.is_whole());
    running.steward.orphan_sweep().await?;
    assert_eq!(copies(&running, lost_disk)?, []);
    assert!(running.steward.census().await?.is_whole(), "what is needed is where it was");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_nowhere_to_go_is_counted_until_it_has() -> Result<()> {
    let mut site = Site::new(SiteOptions { seed: 34, disks: 3 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    for number in 0..OBJECTS {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        running.put(&name, body(number, 20_000)).await?;
    }
    running.stop().await;
    site.missing = Some(0);
    let running = site.start().await?;
    let outcome = tended_once(&running).await?;
    assert_eq!((outcome.repaired, outcome.lost), (0, 0), "it can be read: {outcome:?}");
    let waiting = |running: &Running| running.steward.status().borrow().parts_homeless;
    assert_eq!(waiting(&running), u64::from(OBJECTS), "three disks hold three fragments each");
    running.stop().await;

    site.missing = None;
    let running = site.start().await?;
    tended_once(&running).await?;
    assert_eq!(waiting(&running), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_was_full_gets_what_it_lacks_as_soon_as_it_has_room() -> Result<()> {
    let site = Site::new(SiteOptions { seed: 36, disks: 3 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let object = ObjectName::new(bucket.as_str(), "acte")?;
    running.put(&object, body(1, 20_000)).await?;
    tended_once(&running).await?;
    let disk = running.fragments.disks()[0];
    for (part, _, slot) in slots_on(&running, disk)? {
        running.fragments.remove(disk, vec![name(part, 0, slot)]).await?;
    }
    let is_full =
        || running.fragments.space(disk).is_some_and(|space| space.available == ByteCount::ZERO);
    let mut full = None;
    for hardware in &site.data {
        hardware.set_capacity(Some(ByteCount::new(64 * 1024)));
        site.clock.advance(Duration::from_secs(2));
        if is_full() {
            full = Some(hardware);
            break;
        }
        hardware.set_capacity(None);
    }
    let hardware = full.expect("one of them is the disk");
    running.steward.scrub_round().await?;
    let scrub = running.steward.status().borrow().scrub.clone();
    assert_eq!((scrub.bad, scrub.homeless), (1, 1), "three disks are needed: {scrub:?}");
    let waiting = || running.steward.status().borrow().parts_homeless;
    assert_eq!(waiting(), 1);
    let outcome = tended_once(&running).await?;
    assert_eq!(outcome, RepairOutcome::default(), "it is paused");
    hardware.set_capacity(None);
    site.clock.advance(Duration::from_secs(2));
    // Nobody waits for the pause of a repair that was in vain, nor for the next walk.
    let outcome = tended_once(&running).await?;
    assert_eq!((outcome.repaired, waiting()), (1, 0), "{outcome:?}");
    assert!(running.steward.census().await?.is_whole());
    running.stop().await;
    Ok(())
}

/// One walk, and the repairs it leads to.
async fn tended_once(running: &Running) -> Result<RepairOutcome> {
    while running.steward.damage_step().await? {}
    Ok(running.steward.repair_step().await?)
}

/// Reads everything once; what is bad waits for repair.
async fn scrubbed(running: &Running) -> Result<()> {
    while running.steward.scrub_step().await?.is_some() {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_whose_copies_are_cleared_away_is_repaired_later() -> Result<()> {
    let (mut site, running, _) = filled(35, 200_000).await?;
    let lost_disk = running.fragments.disks()[0];
    let moved = slots_on(&running, lost_disk)?;
    assert!(moved.len() > 1);
    running.stop().await;
    site.missing = Some(0);
    let running = site.start().await?;
    assert_eq!(tended(&running).await?.repaired, moved.len() as u64);
    running.stop().await;

    site.missing = None;
    // Hours for each.
    site.settings.scrub_bytes_per_second = ByteCount::new(1);
    let running = site.start().await?;
    let mut status = running.steward.status();
    let steward = running.steward.clone();
    let sweep = tokio::spawn(async move { steward.orphan_sweep().await });
    status.wait_for(|status| status.copies_met > 0).await?;
    for (part, row, slot) in &moved {
        let other = u8::from(*slot == 0);
        let disk = row.slots[usize::from(other)];
        running.fragments.remove(disk, vec![name(*part, 0, other)]).await?;
    }
    scrubbed(&running).await?;
    let all = moved.len() as u64;
    for repaired in [all - 1, 0] {
        let outcome = running.steward.repair_step().await?;
        assert_eq!(outcome, RepairOutcome { repaired, deferred: 1, ..<_>::default() });
        assert_eq!(status.borrow().scrub.waiting, 1);
    }
    sweep.abort();
    assert!(sweep.await.is_err(), "it was under way");
    assert_eq!(tended(&running).await?, RepairOutcome { repaired: 1, ..<_>::default() });
    let scrub = status.borrow().scrub.clone();
    assert_eq!((scrub.waiting, scrub.repaired, scrub.lost), (0, all, 0));
    assert!(running.steward.census().await?.is_whole());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_down_keeps_no_other_repair_from_ending() -> Result<()> {
    let (site, running, _) = filled(36, 20_000).await?;
    for (number, (part, row)) in parts(&running)?.into_iter().enumerate() {
        // One part has lost one fragment more than it survives.
        let lost = if number == 3 { 3 } else { 1 };
        for (slot, disk) in (0_u8..).zip(&row.slots).take(lost) {
            running.fragments.remove(*disk, vec![name(part, 0, slot)]).await?;
        }
    }
    scrubbed(&running).await?;
    // The catalog takes no command now.
    site.clock.jump_to(site.clock.now().after(Duration::from_hours(400 * 24)));
    let outcome = running.steward.repair_step().await?;
    let repaired = u64::from(OBJECTS) - 1;
    assert_eq!(outcome, RepairOutcome { repaired, lost: 3, ..<_>::default() });
    assert_eq!(running.steward.unreadable()?.parts, []);

    running.consensus.clock_confirm(site.clock.now())?;
    assert_eq!(running.steward.repair_step().await?, RepairOutcome::default());
    let listed = running.steward.unreadable()?.parts;
    assert_eq!(listed.iter().map(|part| part.fragments).collect::<Vec<_>>(), [3]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_panics_makes_nothing_lost() -> Result<()> {
    let (mut site, running, _) = filled(33, 60_000).await?;
    running.stop().await;
    site.missing = Some(0);
    let running = site.start().await?;
    while running.steward.scrub_step().await?.is_some() {}
    while running.steward.damage_step().await? {}
    let bad = running.steward.status().borrow().scrub.bad;
    assert!(bad > 2, "several parts are to be repaired: {bad}");
    site.panic_at_next_draw();
    let steward = running.steward.clone();
    let ended = tokio::spawn(async move { steward.repair_step().await }).await;
    assert!(ended.is_err_and(|error| error.is_panic()), "whoever keeps the duty is told");
    tended(&running).await?;
    let scrub = || running.steward.status().borrow().scrub.clone();
    let found = (scrub().repaired, scrub().deferred, scrub().waiting, scrub().lost);
    assert_eq!(found, (bad - 1, 1, 0, 0), "the others are whole, one is put off");
    site.clock.advance(steward::limits::DUTY_HEALED_AFTER);
    tended(&running).await?;
    assert_eq!(scrub().deferred, 1, "it might have the duty panic again");
    site.clock.advance(steward::limits::REPAIR_PANIC_PAUSE);
    tended(&running).await?;
    assert_eq!((scrub().repaired, scrub().deferred, scrub().lost), (bad, 0, 0));
    assert!(running.steward.census().await?.is_whole());
    Ok(())
}
