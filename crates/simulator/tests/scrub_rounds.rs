//! A node that is started again and again before a scrub period has passed: the
//! scrub begins in time nevertheless, and goes on where it was.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use objects::ObjectName;
use simulator::{Site, SiteOptions};
use steward::Settings;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_do_not_put_the_scrub_off() -> Result<()> {
    let site = Site::new(SiteOptions { seed: 15, disks: 3 });
    let period = Settings::default().scrub_period;
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    for number in 0..6_u8 {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        running.put(&name, Bytes::from(vec![number; 100_000])).await?;
    }
    assert_eq!(running.steward.scrub_wait().await?, period, "a whole one after the first start");
    running.stop().await;
    for days in 1..10_u32 {
        site.clock.advance(period / 10);
        let running = site.start().await?;
        assert_eq!(running.steward.scrub_wait().await?, period / 10 * (10 - days));
        running.stop().await;
    }
    site.clock.advance(period / 10);
    let running = site.start().await?;
    assert_eq!(running.steward.scrub_wait().await?, Duration::ZERO);
    // It is stopped in the middle, after the first of its disks.
    let mut fragments = 0;
    while fragments == 0 {
        running.steward.scrub_step().await?;
        fragments = running.steward.status().borrow().scrub.fragments;
    }
    running.stop().await;
    let running = site.start().await?;
    assert_eq!(running.steward.scrub_wait().await?, Duration::ZERO, "it goes on at once");
    while running.steward.scrub_step().await?.is_some() {}
    let scrub = running.steward.status().borrow().scrub.clone();
    let census = running.steward.census().await?;
    assert_eq!(scrub.fragments + fragments, census.good, "each fragment once");
    assert_eq!(running.steward.scrub_wait().await?, period);
    running.stop().await;
    let running = site.start().await?;
    assert_eq!(running.steward.scrub_wait().await?, period);
    assert_eq!(running.steward.status().borrow().scrub.finished_micros, scrub.finished_micros);
    Ok(())
}
