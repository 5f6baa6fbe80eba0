//! A disk that is gone for good: what was on it is rebuilt on the others without
//! waiting for a scrub, until a census finds every fragment.

use bytes::Bytes;
use objects::ObjectName;
use simulator::{Site, SiteOptions};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_disk_held_is_rebuilt_elsewhere() -> anyhow::Result<()> {
    let mut site = Site::new(SiteOptions { seed: 11, disks: 8 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let mut stored = Vec::new();
    for number in 0..12_u8 {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        let body = Bytes::from(vec![number; 30_000 + usize::from(number) * 10_000]);
        running.put(&name, body.clone()).await?;
        stored.push((name, body));
    }
    running.stop().await;

    site.missing = Some(0);
    let running = site.start().await?;
    let steward = &running.steward;
    let before = steward.census().await?;
    assert!(before.missing > 0, "the lost disk held something: {before:?}");
    for _ in 0..100 {
        let walking = steward.damage_step().await?;
        if steward.repair_step().await?.repaired == 0 && !walking {
            break;
        }
    }
    let after = steward.census().await?;
    assert!(after.is_whole(), "{after:?}");
    assert_eq!(after.good, before.good + before.missing);
    for (name, body) in &stored {
        assert_eq!(running.get(name).await?, *body);
    }
    // And it rests: another walk only when its time has come.
    assert!(!steward.damage_step().await?);
    Ok(())
}
