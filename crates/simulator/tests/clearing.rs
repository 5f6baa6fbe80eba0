//! What a tenant left whose key is destroyed goes from the disks, whatever locks it and
//! wherever the power is cut; what others have stays.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use catalog::{BucketName, Retention, RetentionMode, Tenant, TenantState, VersionAsk};
use objects::{
    BucketCreate, CreateUpload, DeleteObject, ObjectName, PutObject, PutPart, UploadName, body_of,
};
use simulator::{Running, Site, SiteOptions, simulator};
use steward::{RotationOf, RotationStartError};
use units::{Clock as _, PartId, PartNumber, Timestamp};

/// Far later than any test ends.
const UNTIL: Timestamp = Timestamp::from_seconds(3_000_000_000);

const LONG: usize = 50_000;

/// A name in a bucket.
fn name(bucket: &BucketName, key: &str) -> Result<ObjectName> {
    Ok(ObjectName::new(bucket.as_str(), key)?)
}

/// A bucket with versions, markers, a short object, and an unfinished upload.
async fn fill(running: &Running, tenant: &Tenant, byte: u8) -> Result<BucketName> {
    let bucket = running.bucket(tenant, &format!("{}-actes", tenant.name), true).await?;
    for key in ["a", "b", "c"] {
        running.put(&name(&bucket, key)?, Bytes::from(vec![byte; LONG])).await?;
        running.put(&name(&bucket, key)?, Bytes::from(vec![byte; LONG + 1])).await?;
    }
    running.put(&name(&bucket, "short")?, Bytes::from(vec![byte; 100])).await?;
    let marker = DeleteObject::plain(name(&bucket, "b")?.key, VersionAsk::Current);
    running.objects.object_delete(&simulator(), &bucket, marker, false).await?;
    let upload = name(&bucket, "upload")?;
    let ask = CreateUpload::plain(upload.clone());
    let begun = running.objects.upload_create(&simulator(), ask).await?;
    let upload = UploadName { name: upload, upload: begun.upload };
    let part = PutPart::plain(upload, PartNumber::new(1));
    let body = body_of(Bytes::from(vec![byte; LONG]));
    running.objects.upload_part_put(&simulator(), part, body).await?;
    Ok(bucket)
}

/// A bucket with object lock and a version that must stay, under compliance and held.
async fn fill_locked(running: &Running, tenant: &Tenant) -> Result<()> {
    let bucket = BucketName::new(format!("{}-coffre", tenant.name))?;
    let ask = BucketCreate {
        bucket: bucket.clone(),
        tenant: Some(tenant.id),
        object_lock: true,
        ownership: None,
        acl: None,
    };
    running.objects.bucket_create(&simulator(), ask).await?;
    let mut put = PutObject::plain(name(&bucket, "registre")?);
    put.retention = Some(Retention { mode: RetentionMode::Compliance, until: UNTIL });
    put.legal_hold = Some(true);
    let body = body_of(Bytes::from(vec![9; LONG]));
    running.objects.object_put(&simulator(), put, body).await?;
    Ok(())
}

/// The parts that the catalog refers to.
fn parts(running: &Running) -> Result<BTreeSet<PartId>> {
    let all = running.consensus.view().parts(None, 10_000)?;
    Ok(all.into_iter().filter(|(_, row)| row.references > 0).map(|(part, _)| part).collect())
}

/// The parts of which a fragment lies on some disk.
fn on_disks(running: &Running) -> BTreeSet<PartId> {
    let disks = running.fragments.disks().into_iter();
    let listed = disks.flat_map(|disk| running.fragments.list(disk, None, 10_000));
    listed.map(|listed| listed.name.part).collect()
}

/// Clears, cleans up and gives room back until there is nothing to do.
async fn cleared(running: &Running) -> Result<()> {
    running.steward.clearing_pass().await?;
    while running.steward.abandoned_step().await? + running.steward.clean_up_step().await? > 0 {}
    while running.steward.compaction_step().await? {}
    Ok(())
}

/// Three tenants: one that is to go, one that is served and one that is suspended.
struct Town {
    site: Site,
    gone: Tenant,
    kept: BucketName,
    paused: Tenant,
    /// What the others have.
    others: BTreeSet<PartId>,
}

impl Town {
    async fn found(seed: u64) -> Result<(Self, Running)> {
        let site = Site::new(SiteOptions { seed, disks: 3 });
        let running = site.start().await?;
        let (kept, paused) = (running.tenant("kept").await?, running.tenant("paused").await?);
        let bucket = fill(&running, &kept, 1).await?;
        fill_locked(&running, &kept).await?;
        fill(&running, &paused, 2).await?;
        fill_locked(&running, &paused).await?;
        running.objects.tenant_suspend(&simulator(), paused.id).await?;
        let others = parts(&running)?;
        let gone = running.tenant("gone").await?;
        fill(&running, &gone, 3).await?;
        Ok((Self { site, gone, kept: bucket, paused, others }, running))
    }

    /// Nothing is left of the one, and everything of the others.
    async fn check(&self, running: &Running) -> Result<()> {
        ensure!(parts(running)? == self.others, "the catalog knows other parts");
        ensure!(on_disks(running) == self.others, "the disks hold other parts");
        let census = running.steward.census().await?;
        ensure!(census.is_whole(), "the others are not whole: {census:?}");
        let view = running.consensus.view();
        let tenant = view.tenant(self.gone.id)?.context("the tenant's row stays")?;
        ensure!(tenant.state == TenantState::Erased, "{tenant:?}");
        ensure!(view.tenant_buckets(tenant.id, None, 10)?.is_empty(), "its buckets are gone");
        ensure!(view.tenant_usage(tenant.id)?.is_nothing(), "and it takes no room");
        ensure!(view.tenant_buckets(self.paused.id, None, 10)?.len() == 2, "who is suspended");
        let whole = running.get(&name(&self.kept, "a")?).await?;
        ensure!(whole == vec![1; LONG + 1], "another tenant's object");
        running.objects.tenant_delete(&simulator(), self.gone.id).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_tenant_leaves_nothing_on_the_disks() -> Result<()> {
    let (town, running) = Town::found(21).await?;
    cleared(&running).await?;
    assert!(on_disks(&running).len() > town.others.len(), "nobody is erased yet");
    running.objects.tenant_erase(&simulator(), town.gone.id).await?;
    let early = running.objects.tenant_delete(&simulator(), town.gone.id).await;
    assert!(early.is_err(), "its buckets are still there");
    cleared(&running).await?;
    town.check(&running).await?;
    running.stop().await;
    Ok(())
}

/// Only a key that is destroyed already gets round a lock: here in another way than by the
/// command that refuses to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_do_not_hold_what_nothing_opens() -> Result<()> {
    let (town, running) = Town::found(22).await?;
    fill_locked(&running, &town.gone).await?;
    let erased = running.objects.tenant_erase(&simulator(), town.gone.id).await;
    assert!(erased.is_err(), "an operator does not get round a lock");
    running.objects.parts().vault.tenant_shred(town.gone.id)?;
    cleared(&running).await?;
    town.check(&running).await?;
    running.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clearing_goes_on_after_a_power_cut() -> Result<()> {
    let mut amid = 0;
    for cut in (0..48_u64).step_by(3) {
        let (mut town, running) = Town::found(23 + cut).await?;
        running.objects.tenant_erase(&simulator(), town.gone.id).await?;
        town.site.cut_before(town.site.operations() + cut);
        let whole = cleared(&running).await.is_ok();
        drop(running);
        town.site.power_cut(cut);
        let running = town.site.start().await?;
        let left = !running.consensus.view().tenant_usage(town.gone.id)?.is_nothing();
        let unclean = on_disks(&running) != town.others;
        amid += u64::from(!whole && (left || unclean));
        cleared(&running).await?;
        // What the cut may have left without a row goes with the sweep, as ever.
        running.steward.orphan_sweep().await?;
        town.site.clock.advance(Duration::from_hours(2));
        running.steward.orphan_sweep().await?;
        cleared(&running).await?;
        town.check(&running).await.with_context(|| format!("cut before operation {cut}"))?;
        running.stop().await;
    }
    assert!(amid >= 8, "{amid} cuts came while something was left");
    Ok(())
}

/// A backup from before knows the tenant as living, with all that it had; its key is
/// destroyed all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_of_before_is_cleared_once_it_is_confirmed() -> Result<()> {
    let (mut town, running) = Town::found(80).await?;
    fill_locked(&running, &town.gone).await?;
    let mut backup = Vec::new();
    running.consensus.snapshot_write(&mut backup)?;
    running.objects.parts().vault.tenant_shred(town.gone.id)?;
    running.stop().await;

    town.site.catalog_restore(&backup)?;
    let running = town.site.start().await?;
    let before = on_disks(&running);
    cleared(&running).await?;
    let row = running.consensus.view().tenant(town.gone.id)?.context("there")?;
    assert_eq!(row.state, TenantState::Active, "a newer backup may still be put back");
    assert_eq!(on_disks(&running), before, "it is held");
    running.steward.restore_confirm().await?;
    cleared(&running).await?;
    assert!(town.site.clock.now() < UNTIL);
    town.check(&running).await?;
    running.stop().await;
    Ok(())
}

/// All rotations that can go on, to their ends.
async fn rotated(running: &Running) -> Result<()> {
    for _ in 0..200 {
        if !running.steward.rotation_step().await? {
            return Ok(());
        }
    }
    anyhow::bail!("a rotation does not end")
}

/// While it is held, nobody's rotation waits for one of the tenant whose key is destroyed,
/// and the root key, with which the list of such keys goes, waits for the word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_in_a_catalog_of_before_end_and_lose_no_erasure() -> Result<()> {
    let (mut town, running) = Town::found(90).await?;
    let root_before = running.objects.parts().vault.root_generation();
    let of_gone = RotationOf::Tenant { id: town.gone.id };
    running.steward.rotation_start(of_gone.clone()).await?;
    running.steward.rotation_start(RotationOf::Root).await?;
    let mut backup = Vec::new();
    running.consensus.snapshot_write(&mut backup)?;
    running.objects.parts().vault.tenant_shred(town.gone.id)?;
    running.stop().await;

    town.site.catalog_restore(&backup)?;
    let running = town.site.start().await?;
    let of_kept = RotationOf::Tenant { id: town.paused.id };
    running.steward.rotation_start(of_kept.clone()).await?;
    rotated(&running).await?;
    for of in [&of_gone, &of_kept] {
        let rotation = running.steward.rotation(of)?.context("it was begun")?;
        ensure!(!rotation.is_running(), "{rotation:?}");
    }
    let root = running.steward.rotation(&RotationOf::Root)?.context("it was begun")?;
    ensure!(root.is_running(), "it waits: {root:?}");
    ensure!(running.objects.parts().vault.root_generation() == root_before);

    running.steward.restore_confirm().await?;
    rotated(&running).await?;
    ensure!(running.objects.parts().vault.root_generation() > root_before);
    let row = running.consensus.view().tenant(town.gone.id)?.context("there")?;
    ensure!(row.state == TenantState::Erased, "told before the list went: {row:?}");
    cleared(&running).await?;
    town.check(&running).await?;
    running.stop().await;
    Ok(())
}

/// A new one is refused meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_root_key_of_a_held_catalog_is_not_rotated() -> Result<()> {
    let (mut town, running) = Town::found(91).await?;
    let mut backup = Vec::new();
    running.consensus.snapshot_write(&mut backup)?;
    running.stop().await;
    town.site.catalog_restore(&backup)?;
    let running = town.site.start().await?;
    let refused = running.steward.rotation_start(RotationOf::Root).await;
    assert!(matches!(refused, Err(RotationStartError::Held)), "{refused:?}");
    running.steward.restore_confirm().await?;
    running.steward.rotation_start(RotationOf::Root).await?;
    rotated(&running).await?;
    running.stop().await;
    Ok(())
}

/// The catalog is told of destroyed keys before the list of them goes with the root key,
/// so that the power may go in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_amid_a_rotation_of_the_root_key_loses_no_erasure() -> Result<()> {
    let mut site = Site::new(SiteOptions { seed: 92, disks: 1 });
    let running = site.start().await?;
    let gone = running.tenant("gone").await?;
    let mut backup = Vec::new();
    running.consensus.snapshot_write(&mut backup)?;
    running.objects.parts().vault.tenant_shred(gone.id)?;
    running.stop().await;
    site.catalog_restore(&backup)?;
    let running = site.start().await?;
    running.steward.restore_confirm().await?;
    running.steward.rotation_start(RotationOf::Root).await?;
    running.stop().await;

    let state = |running: &Running| -> Result<(bool, u32)> {
        let row = running.consensus.view().tenant(gone.id)?.context("there")?;
        let generation = running.objects.parts().vault.root_generation().get();
        Ok((row.state == TenantState::Erased, generation))
    };
    let mut between = 0;
    for operation in 0..100 {
        let cut = site.after_power_cut(None);
        let running = cut.start().await?;
        let before = state(&running)?.1;
        cut.cut_before(cut.operations() + operation);
        let is_whole = running.steward.rotation_step().await.is_ok();
        drop(running);
        let again = cut.after_power_cut(Some(operation));
        let running = again.start().await?;
        let (is_told, generation) = state(&running)?;
        ensure!(is_told || generation == before, "operation {operation}: the list went untold");
        between += u64::from(is_told && generation == before);
        rotated(&running).await?;
        ensure!(state(&running)? == (true, before + 1), "operation {operation}");
        running.stop().await;
        if is_whole {
            ensure!(between > 0, "no cut came between the two");
            return Ok(());
        }
    }
    anyhow::bail!("the step does not end")
}
