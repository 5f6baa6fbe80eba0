//! A catalog that was put back from a backup does not know what was written since:
//! that is not taken for rubbish before an operator says so.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use objects::ObjectName;
use simulator::{Running, Site, SiteOptions};

async fn stored(running: &Running) -> u64 {
    let disks = running.fragments.disks().into_iter();
    disks.map(|disk| running.fragments.list(disk, None, 10_000).len() as u64).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_after_the_backup_stays_until_confirmed() -> Result<()> {
    let mut site = Site::new(SiteOptions { seed: 17, disks: 1 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let (old, new) =
        (ObjectName::new(bucket.as_str(), "old")?, ObjectName::new(bucket.as_str(), "new")?);
    running.put(&old, Bytes::from(vec![1; 50_000])).await?;
    let mut backup = Vec::new();
    running.consensus.snapshot_write(&mut backup)?;
    let taken = site.clock_now();
    running.put(&new, Bytes::from(vec![2; 50_000])).await?;
    running.stop().await;

    site.catalog_restore(&backup)?;
    let running = site.start().await?;
    assert!(running.get(&new).await.is_err(), "the backup does not know it");
    let before = stored(&running).await;
    for _ in 0..3 {
        assert_eq!(running.steward.orphan_sweep().await?, 0);
        site.clock.advance(Duration::from_hours(2));
    }
    running.steward.clean_up_step().await?;
    assert_eq!(stored(&running).await, before, "it is held");
    assert_eq!(running.steward.restored_from()?, Some(taken));
    assert_eq!(running.get(&old).await?.len(), 50_000);

    running.steward.restore_confirm().await?;
    assert_eq!(running.steward.restored_from()?, None);
    assert_eq!(running.steward.orphan_sweep().await?, 0, "seen for the first time");
    site.clock.advance(Duration::from_hours(2));
    assert_eq!(running.steward.orphan_sweep().await?, 1);
    running.steward.clean_up_step().await?;
    assert!(stored(&running).await < before);
    assert_eq!(running.get(&old).await?.len(), 50_000);
    Ok(())
}
