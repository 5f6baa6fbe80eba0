//! The catalog's disk is full, those of the fragments are not: what is refused for that
//! says so, as it does when the fragments have no room, and reads and deletes go on.

use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use disk::Disk as _;
use objects::{ObjectError, ObjectName};
use simulator::{Site, SiteOptions};
use units::ByteCount;

const DISK_BYTES: u64 = 64 * 1024 * 1024;
/// Less than an eighth, which ordinary commands leave free; more than the 32nd that
/// deletes do.
const LEFT_BYTES: u64 = 4 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_catalog_has_no_room_for_is_told_as_full() -> Result<()> {
    let site = Site::new(SiteOptions { seed: 46, disks: 2 });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let name = ObjectName::new(bucket.as_str(), "acte")?;
    running.put(&name, Bytes::from_static(b"before")).await?;

    site.system.set_capacity(Some(ByteCount::new(DISK_BYTES)));
    let ballast = site.system.create("ballast")?;
    let fill = site.system.space()?.free.get() - LEFT_BYTES;
    ballast.write_all_at(&vec![1; usize::try_from(fill)?], 0)?;
    site.clock.advance(Duration::from_secs(2));
    // Within the catalog, and in fragments.
    for bytes in [6, 100_000] {
        let refused = running.put(&name, Bytes::from(vec![7; bytes])).await;
        ensure!(matches!(refused, Err(ObjectError::Full)), "{bytes} bytes: {refused:?}");
    }
    ensure!(running.get(&name).await? == b"before"[..], "reads go on");

    drop(ballast);
    site.system.remove("ballast")?;
    site.clock.advance(Duration::from_secs(2));
    running.put(&name, Bytes::from_static(b"after")).await?;
    ensure!(running.get(&name).await? == b"after"[..], "written once there is room");
    running.stop().await;
    Ok(())
}
