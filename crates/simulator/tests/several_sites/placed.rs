//! What is written while the site map changes, and where what is lost is rebuilt.

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures::StreamExt as _;
use objects::{BodyStream, ObjectError, ObjectName, PutObject};
use simulator::simulator;

use super::cluster::Cluster;

/// A body of two pieces; the second comes when it is let.
fn halted(piece: Bytes) -> (BodyStream, tokio::sync::oneshot::Sender<()>) {
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let last = piece.clone();
    let first = futures::stream::once(async move { Ok(piece) });
    let second = futures::stream::once(async move {
        let _ = gone.await;
        Ok(last)
    });
    (first.chain(second).boxed(), go)
}

/// Puts an object during which something is done.
async fn put_while<F>(cluster: &Cluster, key: &str, done: F) -> Result<Result<(), ObjectError>>
where
    F: Future<Output = Result<()>>,
{
    let name = ObjectName::new("actes", key)?;
    let (body, go) = halted(Bytes::from(vec![7; 5 << 20]));
    let (objects, auth) = (cluster.running.objects.clone(), simulator());
    let put = async { objects.object_put(&auth, PutObject::plain(name), body).await };
    let change = async {
        // The first stripe is on the disks by then, and its placement was decided.
        for _ in 0..2_000 {
            let local = &cluster.running.fragments;
            if local.disks().iter().any(|disk| !local.list(*disk, None, 1).is_empty()) {
                break;
            }
            tokio::time::sleep(core::time::Duration::from_millis(5)).await;
        }
        let done = done.await;
        let _ = go.send(());
        done
    };
    let (put, change) = tokio::join!(put, change);
    change?;
    Ok(put.map(|_| ()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_the_map_overtakes_is_looked_at_once_more() -> Result<()> {
    overtaken().await
}

pub async fn overtaken() -> Result<()> {
    let mut cluster = Cluster::of(71, 3).await?;
    // The change does not matter to it: it is told of at the new epoch.
    let epoch = cluster.running.consensus.view().map_epoch()?;
    let put = put_while(&cluster, "kept", cluster.policy(None, "[spread]\nsurvive = 2")).await?;
    ensure!(put.is_ok(), "{put:?}");
    ensure!(cluster.running.consensus.view().map_epoch()? > epoch, "the map was another");

    // A rule that it does not keep any more.
    let only = r#"cedar = '''
        @id("two") @fr("deux") @en("two")
        permit (principal, action == Action::"store", resource)
        when { resource.name != "site-3" };
        '''"#;
    let put = put_while(&cluster, "refused", cluster.policy(None, only)).await?;
    ensure!(matches!(put, Err(ObjectError::NotPlaced { .. })), "{put:?}");
    let name = ObjectName::new("actes", "refused")?;
    ensure!(cluster.running.get(&name).await.is_err(), "nothing of it appears");
    // What was written of it goes.
    ensure!(cluster.running.steward.abandoned_step().await? == 1, "its part is condemned");

    // Said again, it lies where it may.
    let put = put_while(&cluster, "refused", async { Ok(()) }).await?;
    ensure!(put.is_ok(), "{put:?}");
    let lies = cluster.lies()?;
    ensure!(lies.iter().filter(|sites| sites.contains(&3)).count() == 1, "{lies:?}");

    // One that is emptied meanwhile takes no part of it.
    cluster.join(4, 1).await?;
    let put = put_while(&cluster, "emptied", cluster.drain(1, true)).await?;
    let may = matches!(put, Err(ObjectError::NotPlaced { .. }));
    ensure!(may || cluster.lies()?.last().is_some_and(|sites| !sites.contains(&1)), "{put:?}");
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_is_rebuilt_where_the_policy_permits() -> Result<()> {
    let mut cluster = Cluster::of(72, 5).await?;
    let four = r#"cedar = '''
        @id("four") @fr("pas le cinquième") @en("not the fifth")
        permit (principal, action == Action::"store", resource)
        when { resource.name != "site-5" };
        '''"#;
    cluster.policy(Some("actes"), four).await?;
    let stored = cluster.put("actes", 6).await?;
    ensure!(cluster.lies()?.iter().all(|sites| !sites.contains(&5) && sites.len() == 4));
    cluster.buckets_noted().await?;

    // There is a site with room, and none that may: it is not rebuilt at any price.
    cluster.lose(4).await?;
    cluster.repaired().await?;
    cluster.all_read(&stored).await?;
    let lies = cluster.lies()?;
    ensure!(lies.iter().all(|sites| !sites.contains(&5)), "{lies:?}");
    ensure!(lies.iter().all(|sites| sites.contains(&0)), "three sites, four slots: {lies:?}");

    // One that may comes.
    cluster.join(6, 1).await?;
    cluster.site.clock.advance(core::time::Duration::from_mins(2));
    ensure!(cluster.repaired().await? > 0, "it is rebuilt there");
    for sites in cluster.lies()? {
        let mut sites = sites.clone();
        sites.sort_unstable();
        ensure!(sites == [1, 2, 3, 6], "{sites:?}");
    }
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}
