//! What is answered for survives the loss of any one site at that instant.

use anyhow::{Result, ensure};
use bytes::Bytes;
use objects::ObjectName;

use super::cluster::Cluster;

/// Puts an object while the lines to these sites are cut, unnoticed so far.
async fn put_without(cluster: &Cluster, away: &[u8], key: &str) -> Result<bool> {
    for number in away {
        cluster.until(*number, true).await?;
    }
    for number in away {
        cluster.cut(*number);
    }
    let name = ObjectName::new("actes", key)?;
    let put = cluster.running.put(&name, Bytes::from(vec![5; 300_000])).await;
    cluster.network.heal();
    Ok(put.is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_is_answered_for_that_one_site_could_take_away() -> Result<()> {
    enough().await
}

pub async fn enough() -> Result<()> {
    let cluster = Cluster::of(91, 4).await?;
    ensure!(put_without(&cluster, &[4], "one").await?, "three of 2+2 are enough");
    ensure!(!put_without(&cluster, &[3, 4], "two").await?, "two of 2+2 are too few");
    cluster.stop().await;
    Ok(())
}
