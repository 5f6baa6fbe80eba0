//! A clock that jumps ahead and is not believed: writes are refused before anything of
//! them is read, what was given up meanwhile is not forgotten, and once the clock is
//! right or confirmed everything goes on with not a fragment too many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use catalog::VersionAsk;
use futures::StreamExt as _;
use objects::{
    BodyStream, CopyObject, CopyPart, CopySource, CreateUpload, DeleteObject, ObjectError,
    ObjectName, PutObject, PutPart, ReadConditions, UploadName, body_of,
};
use simulator::{Running, Site, SiteOptions, simulator};
use units::{Clock as _, PartNumber, Timestamp};

const DAY: Duration = Duration::from_hours(24);
/// Further than what is believed within a process, and than what is at a start.
const JUMP: Duration = Duration::from_hours(400 * 24);

/// Fragments on all disks, whoever knows of them.
fn stored(running: &Running) -> usize {
    let disks = running.fragments.disks().into_iter();
    disks.map(|disk| running.fragments.list(disk, None, 10_000).len()).sum()
}

fn jump(site: &Site) {
    site.clock.jump_to(site.clock.now().after(JUMP));
}

/// A body in pieces; this is done before its last one.
fn body_with_an_end(bytes: &Bytes, at_the_end: impl Fn() + Send + 'static) -> BodyStream {
    let pieces: Vec<Bytes> = bytes.chunks(10_000).map(Bytes::copy_from_slice).collect();
    let last = pieces.len() - 1;
    let pieces = futures::stream::iter(pieces.into_iter().enumerate());
    Box::pin(pieces.map(move |(at, piece)| {
        if at == last {
            at_the_end();
        }
        Ok(piece)
    }))
}

/// A body that counts how often somebody wants a piece of it.
fn counted(reads: &Arc<AtomicU64>) -> BodyStream {
    let reads = Arc::clone(reads);
    let pieces = futures::stream::repeat_with(move || {
        reads.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from(vec![7; 10_000]))
    });
    Box::pin(pieces.take(20))
}

fn refused<T: core::fmt::Debug>(what: &str, outcome: Result<T, ObjectError>) -> Result<()> {
    ensure!(matches!(outcome, Err(ObjectError::Clock(_))), "{what}: {outcome:?}");
    Ok(())
}

/// Every kind of write that has a body or a source, and some that have none.
async fn every_write_is_refused(
    running: &Running,
    old: &ObjectName,
    open: &UploadName,
) -> Result<()> {
    let (objects, by) = (&running.objects, simulator());
    let reads = Arc::new(AtomicU64::new(0));
    let new = ObjectName::new(old.bucket.as_str(), "new")?;
    let put = PutObject::plain(new.clone());
    refused("a put", objects.object_put(&by, put, counted(&reads)).await)?;
    let part = PutPart::plain(open.clone(), PartNumber::new(2));
    refused("a part", objects.upload_part_put(&by, part, counted(&reads)).await)?;
    let source = || CopySource {
        name: old.clone(),
        version: VersionAsk::Current,
        conditions: ReadConditions::default(),
        customer_key: None,
    };
    let copy = CopyObject::plain(source(), new.clone());
    refused("a copy", objects.object_copy(&by, &by, copy).await)?;
    let part = CopyPart {
        source: source(),
        upload: open.clone(),
        part: PartNumber::new(3),
        range: None,
        customer_key: None,
    };
    refused("a copy of a part", objects.upload_part_copy(&by, &by, part).await)?;
    refused("an upload", objects.upload_create(&by, CreateUpload::plain(new.clone())).await)?;
    let delete = DeleteObject::plain(old.key.clone(), VersionAsk::Current);
    refused("a delete", objects.object_delete(&by, &old.bucket, delete, false).await)?;
    let read = reads.load(Ordering::SeqCst);
    ensure!(read == 0, "{read} pieces of bodies were read in vain");
    Ok(())
}

/// How the trouble ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    SetRight,
    Confirmed,
    /// A new process, which has forgotten what was given up; then confirmed.
    Restarted,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_wait_for_the_clock_and_nothing_is_left_behind() -> Result<()> {
    for end in [End::SetRight, End::Confirmed, End::Restarted] {
        let site = Site::new(SiteOptions { seed: 23, disks: 2 });
        let mut running = site.start().await?;
        let tenant = running.tenant("commune").await?;
        let bucket = running.bucket(&tenant, "actes", false).await?;
        let name = |key: &str| ObjectName::new(bucket.as_str(), key);
        let (old, torn) = (name("old")?, name("torn")?);
        let body = Bytes::from(vec![1; 120_000]);
        running.put(&old, body.clone()).await?;
        let by = simulator();
        let created =
            running.objects.upload_create(&by, CreateUpload::plain(name("open")?)).await?;
        let open = UploadName { name: name("open")?, upload: created.upload };
        let part = PutPart::plain(open.clone(), PartNumber::new(1));
        running.objects.upload_part_put(&by, part, body_of(body.clone())).await?;
        let before = stored(&running);

        // The clock jumps while bodies come in: they are on the disks and nobody knows it.
        let right = site.clock.now();
        for number in 0..3 {
            let clock = Arc::clone(&site.clock);
            let late = body_with_an_end(&body, move || clock.jump_to(right.after(JUMP)));
            let ask = PutObject::plain(name(&format!("torn-{number}"))?);
            refused("a put under way", running.objects.object_put(&by, ask, late).await)?;
            site.clock.jump_to(right);
        }
        jump(&site);
        let littered = stored(&running);
        ensure!(littered > before, "the jump came too early to leave anything behind");

        let trouble = running.consensus.clock_trouble();
        ensure!(trouble.is_some_and(|ahead| ahead.hours == 400 * 24), "{trouble:?}");
        every_write_is_refused(&running, &old, &open).await?;
        ensure!(running.get(&old).await? == body, "reads go on");
        for _ in 0..3 {
            ensure!(running.steward.abandoned_step().await.is_err(), "condemned in no time");
            running.steward.clean_up_step().await?;
        }
        ensure!(stored(&running) == littered, "nothing came and nothing went");

        match end {
            End::SetRight => site.clock.jump_to(right),
            End::Confirmed => confirm(&site, &running)?,
            End::Restarted => {
                running.stop().await;
                running = site.start().await?;
                every_write_is_refused(&running, &old, &open).await?;
                confirm(&site, &running)?;
            }
        }
        ensure!(running.consensus.clock_trouble().is_none());
        if end == End::Restarted {
            ensure!(running.steward.abandoned_step().await? == 0, "it was forgotten");
            ensure!(running.steward.orphan_sweep().await? == 0, "met for the first time");
            site.clock.advance(Duration::from_hours(2));
            ensure!(running.steward.orphan_sweep().await? == 3, "the sweep meets them");
        } else {
            ensure!(running.steward.abandoned_step().await? == 3, "{end:?}: they were forgotten");
        }
        running.steward.clean_up_step().await?;
        let after = stored(&running);
        ensure!(after == before, "{end:?}: {after} fragments of {before}");

        // Everything goes on, and what was there is there.
        running.put(&torn, body.clone()).await?;
        let part = PutPart::plain(open.clone(), PartNumber::new(2));
        running.objects.upload_part_put(&by, part, body_of(body.clone())).await?;
        ensure!(running.get(&torn).await? == body && running.get(&old).await? == body);
        let written = running.objects.object_head(&by, objects::GetObject::whole(torn)).await?;
        let modified = written.version.head.modified;
        let expected = if end == End::SetRight { right } else { right.after(JUMP) };
        ensure!(modified >= expected && modified.since(expected) < DAY, "{end:?}: {modified:?}");
        ensure!(running.steward.census().await?.is_whole());
        running.stop().await;
    }
    Ok(())
}

/// As an operator would who looked at it.
fn confirm(site: &Site, running: &Running) -> Result<()> {
    let now = site.clock.now();
    for wrong in [Timestamp::EPOCH, now.after(DAY)] {
        ensure!(running.consensus.clock_confirm(wrong).is_err(), "{wrong:?} was not shown");
    }
    running.consensus.clock_confirm(now.whole_seconds())?;
    ensure!(running.consensus.clock_confirm(now).is_err(), "nothing waits any more");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_disk_is_rebuilt_elsewhere_once_the_catalog_can_be_told() -> Result<()> {
    let mut site = Site::new(SiteOptions { seed: 29, disks: 8 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    for number in 0..12_u8 {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        running.put(&name, Bytes::from(vec![number; 60_000])).await?;
    }
    running.stop().await;

    site.missing = Some(0);
    let running = site.start().await?;
    let before = (stored(&running), running.steward.census().await?);
    ensure!(before.1.missing > 0, "the lost disk held something: {:?}", before.1);
    jump(&site);
    // A scrub that is asked for meanwhile finds them, and gives none up.
    running.steward.scrub_round().await?;
    let scrub = running.steward.status().borrow().scrub.clone();
    let found = (scrub.bad, scrub.deferred, scrub.waiting, scrub.repaired, scrub.lost);
    ensure!(found == (before.1.missing, before.1.missing, 0, 0, 0), "{found:?}");
    let mut deferred = 0;
    for _ in 0..20 {
        running.steward.damage_step().await?;
        let outcome = running.steward.repair_step().await?;
        ensure!(outcome.repaired == 0, "moved where nobody looks");
        ensure!(outcome.homeless == 0, "a disk would not help");
        deferred += outcome.deferred;
        site.clock.advance(Duration::from_mins(2));
    }
    ensure!(deferred > 0, "nothing waits for the catalog");
    ensure!(running.steward.status().borrow().parts_homeless == 0, "no disk is missing");
    ensure!(stored(&running) == before.0, "fragments were written that nobody knows of");

    running.consensus.clock_confirm(site.clock.now())?;
    for _ in 0..100 {
        let walking = running.steward.damage_step().await?;
        if running.steward.repair_step().await?.repaired == 0 && !walking {
            break;
        }
    }
    let scrub = running.steward.status().borrow().scrub.clone();
    let found = (scrub.deferred, scrub.repaired, scrub.lost);
    ensure!(found == (0, before.1.missing, 0), "what was deferred is repaired: {found:?}");
    let after = running.steward.census().await?;
    ensure!(after.is_whole(), "{after:?}");
    ensure!(stored(&running) as u64 == after.good, "copies beside {after:?}");
    running.stop().await;
    Ok(())
}
