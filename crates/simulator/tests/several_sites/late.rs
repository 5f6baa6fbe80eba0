//! A site that is slow holds nobody up, and has its fragments all the same: later from who
//! wrote them, or else from the steward.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use objects::ObjectName;

use super::cluster::{Cluster, node};

/// There, and back as well.
const FAR: Duration = Duration::from_millis(400);

/// The way to a site is as long as this.
fn far(cluster: &Cluster, number: u8, way: Duration) {
    cluster.network.delay_set(node(1), node(number), way, Duration::ZERO);
    cluster.network.delay_set(node(number), node(1), way, Duration::ZERO);
}

/// Puts an object; how long that took.
async fn put(cluster: &Cluster, key: &str, bytes: usize) -> Result<Duration> {
    let name = ObjectName::new("actes", key)?;
    let begun = Instant::now();
    cluster.running.put(&name, Bytes::from(vec![5; bytes])).await?;
    Ok(begun.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_far_site_and_it_has_its_fragments_all_the_same() -> Result<()> {
    let cluster = Cluster::of(92, 5).await?;
    far(&cluster, 5, FAR);
    put(&cluster, "first", 300_000).await?;
    for number in 0..8 {
        let took = put(&cluster, &format!("one-{number}"), 20_000 + number * 60_000).await?;
        ensure!(took < FAR, "{number} waited for the far site: {took:?}");
    }
    cluster.running.objects.late_fragments().ended().await;
    cluster.whole().await?;
    ensure!(cluster.repaired().await? == 0, "something was written twice");
    // More than may be on its way is left to the steward.
    let took = put(&cluster, "long", 30_000_000).await?;
    ensure!(took < FAR, "it waited for the far site: {took:?}");
    cluster.running.objects.late_fragments().ended().await;
    far(&cluster, 5, Duration::ZERO);
    ensure!(cluster.repaired().await? > 0, "nobody was told of the fragments");
    cluster.whole().await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_late_and_never_comes_is_told() -> Result<()> {
    told().await
}

pub async fn told() -> Result<()> {
    let cluster = Cluster::of(93, 4).await?;
    // What is sent there does not arrive, which nobody has noticed yet.
    cluster.network.loss_set(node(1), node(4), 1_000);
    let took = put(&cluster, "one", 300_000).await?;
    ensure!(took < FAR, "it waited for what is lost: {took:?}");
    cluster.running.objects.late_fragments().ended().await;
    cluster.network.heal();
    cluster.until(4, true).await?;
    ensure!(cluster.repaired().await? == 1, "nobody was told of the fragment");
    cluster.whole().await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_that_are_thought_slow_are_not_taken_for_having_it() -> Result<()> {
    both_slow().await
}

pub async fn both_slow() -> Result<()> {
    let cluster = Cluster::of(94, 4).await?;
    for number in [4, 3] {
        far(&cluster, number, FAR);
        let took = put(&cluster, "one", 300_000).await?;
        ensure!(took < FAR, "{number} was waited for: {took:?}");
        far(&cluster, number, Duration::ZERO);
    }
    // Both are known to be late; the lines are cut, unnoticed so far.
    cluster.cut(3);
    cluster.cut(4);
    ensure!(put(&cluster, "two", 300_000).await.is_err(), "two of 2+2 are too few");
    cluster.network.heal();
    cluster.stop().await;
    Ok(())
}
