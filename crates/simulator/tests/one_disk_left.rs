//! Several disks, and only one that takes writes: nothing is written in a single copy
//! that its client takes for safe.

use bytes::Bytes;
use objects::{ObjectError, ObjectName};
use simulator::{Site, SiteOptions};

/// Too long to lie in the catalog.
fn body(fill: u8) -> Bytes {
    Bytes::from(vec![fill; 100_000])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_of_two_takes_no_write_on_one() -> anyhow::Result<()> {
    let mut site = Site::new(SiteOptions { seed: 5, disks: 2 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let name = |name: &str| ObjectName::new(bucket.as_str(), name);
    running.put(&name("before")?, body(1)).await?;
    running.stop().await;

    site.missing = Some(0);
    let running = site.start().await?;
    assert_eq!(running.get(&name("before")?).await?, body(1), "what was stored is served");
    let refused = running.put(&name("alone")?, body(2)).await;
    assert!(matches!(refused, Err(ObjectError::OneDiskLeft { expected: 2 })), "{refused:?}");
    running.stop().await;

    site.missing = None;
    let running = site.start().await?;
    running.put(&name("after")?, body(3)).await?;
    running.stop().await;

    // Whichever disk is lost, everything that was acknowledged is there.
    for lost in [0, 1] {
        site.missing = Some(lost);
        let running = site.start().await?;
        assert_eq!(running.get(&name("before")?).await?, body(1));
        assert_eq!(running.get(&name("after")?).await?, body(3));
        running.stop().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_of_three_writes_on_two_what_survives_one_more() -> anyhow::Result<()> {
    let mut site = Site::new(SiteOptions { seed: 6, disks: 3 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let name = ObjectName::new(bucket.as_str(), "amid")?;
    running.stop().await;

    site.missing = Some(2);
    let running = site.start().await?;
    running.put(&name, body(4)).await?;
    running.stop().await;
    for lost in [0, 1, 2] {
        site.missing = Some(lost);
        let running = site.start().await?;
        assert_eq!(running.get(&name).await?, body(4), "without disk {lost}");
        running.stop().await;
    }
    Ok(())
}
