//! What is lost is told, by the name of the object, and for as long as it is lost.

use anyhow::Result;
use bytes::Bytes;
use objects::ObjectName;
use simulator::{Running, Site, SiteOptions};

async fn tended(running: &Running) -> Result<Vec<(String, String)>> {
    running.steward.scrub_round().await?;
    running.steward.unreadable_step().await?;
    while running.steward.unreadable_names_step().await? {}
    let listed = running.steward.unreadable()?;
    assert_eq!(running.steward.status().borrow().parts_unreadable, listed.parts.len() as u64);
    Ok(listed.parts.into_iter().filter_map(|part| part.object).collect())
}

/// One bit of the only copy decays; the object is known, also after a restart, until
/// somebody puts it once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_rebuilt_is_listed_until_it_can() -> Result<()> {
    let site = Site::new(SiteOptions { seed: 16, disks: 1 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let mut names = Vec::new();
    for number in 0..3_u8 {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        running.put(&name, Bytes::from(vec![number; 100_000])).await?;
        names.push(name);
    }
    assert_eq!(tended(&running).await?, []);
    let disk = &site.data[0];
    for (path, length) in disk.files() {
        if length.get() > 100_000 {
            disk.flip_bit(&path, 50_000 * 8);
        }
    }
    let lost = tended(&running).await?;
    let [(lost_in, lost_key)] = lost.as_slice() else { panic!("one bit, one object: {lost:?}") };
    assert_eq!(lost_in, "actes");
    running.stop().await;

    let running = site.start().await?;
    assert_eq!(tended(&running).await?, lost, "a restart forgets nothing");
    let name = names.iter().find(|name| name.key.as_str() == lost_key).expect("one of them");
    assert!(running.get(name).await.is_err());
    running.put(name, Bytes::from_static(b"written again")).await?;
    assert_eq!(tended(&running).await?, [], "nobody wants the lost part any more");
    Ok(())
}

/// One copy decays and the disk of the other is missing: lost until that is back. A part
/// that is met while the search for names goes on is named too, and a bucket that goes
/// away amid the search takes nothing with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_comes_back_brings_what_was_lost() -> Result<()> {
    let mut site = Site::new(SiteOptions { seed: 17, disks: 2 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let mut names = Vec::new();
    for bucket in ["actes", "plans"] {
        let bucket = running.bucket(&tenant, bucket, false).await?;
        for number in 0..2_u8 {
            let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
            running.put(&name, Bytes::from(vec![number; 100_000])).await?;
            names.push(name);
        }
    }
    let here = running.fragments.disks()[1];
    let listed = running.fragments.list(here, None, 100);
    assert_eq!(listed.len(), names.len(), "each disk has a copy of each");
    for copy in &listed {
        running.fragments.remove(here, vec![copy.name]).await?;
    }
    running.stop().await;
    site.missing = Some(0);
    let running = site.start().await?;
    let steward = &running.steward;
    // The search begins before all are known.
    steward.damage_step().await?;
    steward.repair_step().await?;
    assert!(steward.unreadable_names_step().await?);
    let lost = tended(&running).await?;
    assert_eq!(lost.len(), names.len(), "{lost:?}");
    assert_eq!(steward.unreadable_step().await?, 0, "they stay lost");
    running.stop().await;

    site.missing = None;
    let running = site.start().await?;
    let steward = &running.steward;
    assert_eq!(steward.unreadable_step().await?, names.len() as u64, "one copy is enough");
    assert_eq!(tended(&running).await?, []);
    assert!(steward.census().await?.is_whole(), "and the scrub makes the other anew");
    Ok(())
}
