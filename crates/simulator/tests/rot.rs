//! Bit rot: b bits flipped on one disk, b found, b repaired; counted by a census
//! of fragments and not by whether a read happens to succeed.

use std::collections::BTreeSet;

use bytes::Bytes;
use objects::ObjectName;
use simulator::{Running, Site, SiteOptions};

async fn filled(site: &Site) -> anyhow::Result<(Running, Vec<(ObjectName, Bytes)>)> {
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let mut stored = Vec::new();
    for number in 0..20_u8 {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        let body = Bytes::from(vec![number; 20_000 + usize::from(number) * 30_000]);
        running.put(&name, body.clone()).await?;
        stored.push((name, body));
    }
    Ok((running, stored))
}

/// Flips one bit in the middle of each of `count` equal stretches of the segments.
fn rot(site: &Site, count: u64) -> u64 {
    let disk = &site.data[0];
    let mut flipped = 0;
    for (path, length) in disk.files() {
        let stretch = length.get() / (count + 1);
        if stretch < 4_096 {
            continue;
        }
        for step in 1..=count {
            flipped += u64::from(disk.flip_bit(&path, step * stretch * 8 + 3));
        }
    }
    flipped
}

async fn check(disks: usize) -> anyhow::Result<()> {
    let site = Site::new(SiteOptions { seed: 5, disks });
    let (running, stored) = filled(&site).await?;
    let steward = &running.steward;
    assert!(steward.census().await?.is_whole());
    let flipped = rot(&site, 9);
    let before = steward.census().await?;
    let wrong = before.bad + before.missing;
    assert!(wrong > 0 && wrong <= flipped, "{wrong} fragments wrong by {flipped} bits");
    steward.scrub_round().await?;
    let status = steward.status().borrow().clone();
    assert_eq!(status.scrub.bad, wrong, "detected");
    let after = steward.census().await?;
    if disks > 1 {
        assert!(after.is_whole(), "repaired: {after:?}");
        assert_eq!(status.fragments_repaired, wrong);
        for (name, body) in &stored {
            assert_eq!(running.get(name).await?, *body);
        }
    } else {
        assert_eq!(after.bad + after.missing, wrong, "one disk: found, not mended");
    }
    println!("{disks} disks: {flipped} bits flipped, {wrong} fragments wrong, all found");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rotten_fragment_is_found_and_repaired() -> anyhow::Result<()> {
    for disks in [2, 3, 4, 6] {
        check(disks).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_disk_every_rotten_fragment_is_found() -> anyhow::Result<()> {
    check(1).await
}

/// A reader meets rot before the scrub does: it gets its bytes, and the steward
/// hears of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reader_meets_is_repaired() -> anyhow::Result<()> {
    let site = Site::new(SiteOptions { seed: 6, disks: 3 });
    let (running, stored) = filled(&site).await?;
    rot(&site, 9);
    for (name, body) in &stored {
        assert_eq!(running.get(name).await?, *body);
    }
    running.steward.damage_step().await?;
    assert!(running.steward.repair_step().await?.repaired > 0);
    let disks: BTreeSet<_> = running.fragments.disks().into_iter().collect();
    assert_eq!(disks.len(), 3);
    Ok(())
}
