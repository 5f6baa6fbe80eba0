//! Emptying a site, spreading what was written before others came, and a site in the place
//! of another.

use core::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use catalog::{Command, Job, VersionAsk};
use disk::SimDisk;
use objects::{DeleteObject, ObjectName};
use simulator::simulator;
use steward::{Moves, MovesPhase, Replacement};
use units::ByteCount;

use super::cluster::{Cluster, site};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_is_emptied_ends_up_empty_and_leaves() -> Result<()> {
    let mut cluster = Cluster::of(81, 4).await?;
    let stored = cluster.put("actes", 8).await?;
    cluster.join(5, 1).await?;
    let before = cluster.lies()?;
    let there = before.iter().filter(|sites| sites.contains(&2)).count() as u64;
    ensure!(there == 8, "2+2 on four sites: {before:?}");
    cluster.drain(2, true).await?;
    ensure!(cluster.remove(2, false).await.is_err(), "it is not empty");

    // Counted first: this much is to leave, and nothing has moved.
    ensure!(cluster.running.steward.moves_step().await?, "there is something to do");
    let said = Moves::of(&cluster.running.consensus.view())?.context("every node knows it")?;
    let here = said.sites.get(&site(2)).copied().unwrap_or_default();
    ensure!(said.counted && said.phase == MovesPhase::Moving, "{said:?}");
    ensure!((here.leaves.slots, here.left.slots) == (there, 0), "{said:?}");

    let said = cluster.moved().await?;
    let lies = cluster.lies()?;
    ensure!(lies.iter().all(|sites| !sites.contains(&2) && sites.contains(&5)), "{lies:?}");
    let (left, came) = (said.sites[&site(2)], said.sites[&site(5)]);
    ensure!((left.leaves.slots, left.stays.slots, left.left.slots) == (0, 0, there), "{said:?}");
    ensure!(came.came.slots == there && said.phase == MovesPhase::Resting, "{said:?}");
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    let disk = cluster.disks_of(2)[0];
    ensure!(cluster.held(2, disk).is_empty(), "nothing is left behind");
    cluster.remove(2, false).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_site_is_not_said_to_be_empty_while_it_has_deleted_data() -> Result<()> {
    let mut cluster = Cluster::of(94, 4).await?;
    let stored = cluster.put("actes", 4).await?;
    cluster.join(5, 1).await?;
    let (first, others) = stored.split_first().context("an object")?;
    let ask = DeleteObject::plain(first.0.key.clone(), VersionAsk::Current);
    cluster.running.objects.object_delete(&simulator(), &first.0.bucket, ask, false).await?;
    cluster.drain(2, true).await?;

    let said = cluster.moved().await?;
    let here = said.sites[&site(2)];
    let slots = (here.leaves.slots, here.stays.slots, here.clearing.slots, here.left.slots);
    ensure!(slots == (0, 0, 1, 3), "{said:?}");
    ensure!(cluster.remove(2, false).await.is_err(), "it has a fragment of what was deleted");

    ensure!(cluster.running.steward.clean_up_step().await? == 1, "it is cleared");
    cluster.site.clock.advance(Duration::from_secs(10));
    let said = cluster.moved().await?;
    ensure!(said.sites[&site(2)].clearing.slots == 0, "{said:?}");
    cluster.remove(2, false).await?;
    cluster.all_read(others).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_alone_is_spread_when_others_come() -> Result<()> {
    // 2+1 on three disks of one site.
    let mut cluster = Cluster::alone(82, 3).await?;
    cluster.tenant_and_bucket().await?;
    let stored = cluster.put("actes", 5).await?;
    cluster.join(2, 1).await?;
    // With two sites one of them would hold two fragments of three: all are cut anew.
    let said = cluster.moved().await?;
    ensure!((said.stuck, said.at_risk) == (0, 0), "{said:?}");
    for mut sites in cluster.lies()? {
        sites.sort_unstable();
        ensure!(sites == [1, 2], "{sites:?}");
    }
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    // Any one of them may burn.
    cluster.lose(2).await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_for_a_repair_is_not_said_to_wait_once_it_is_done() -> Result<()> {
    let mut cluster = Cluster::of(89, 5).await?;
    let stored = cluster.put("actes", 6).await?;
    cluster.buckets_noted().await?;
    cluster.lose(5).await?;
    cluster.join(6, 1).await?;
    let said = cluster.moved().await?;
    ensure!(said.waiting == 6, "each had a fragment there: {said:?}");
    ensure!(cluster.repaired().await? >= 6, "all of them are rebuilt");
    let said = cluster.moved().await?;
    ensure!((said.waiting, said.stuck) == (0, 0), "{said:?}");
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_whole_gets_the_copies_that_a_rule_asks_for() -> Result<()> {
    let mut cluster = Cluster::of(88, 2).await?;
    let stored = cluster.put("actes", 4).await?;
    cluster.buckets_noted().await?;
    cluster.join(3, 1).await?;
    let said = cluster.moved().await?;
    ensure!(said.to_move().slots == 0 && said.stuck == 0, "one loss is survived: {said:?}");
    cluster.policy(None, "[spread]\nsurvive = 2").await?;
    let said = cluster.moved().await?;
    ensure!((said.stuck, said.copies.slots) == (0, 0), "{said:?}");
    ensure!(said.sites[&site(3)].came.slots == 4, "{said:?}");
    for mut sites in cluster.lies()? {
        sites.sort_unstable();
        ensure!(sites == [1, 2, 3], "{sites:?}");
    }
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_of_another_size_that_joins_takes_its_share() -> Result<()> {
    let mebibytes = |count: u64| SimDisk::with_capacity(ByteCount::new(count << 20));
    let mut cluster = Cluster::alone(95, 1).await?;
    cluster.site.data[0].set_capacity(Some(ByteCount::new(64 << 20)));
    for number in 2..=4 {
        cluster.join_with(number, vec![mebibytes(64)]).await?;
    }
    cluster.tenant_and_bucket().await?;
    let mut stored = Vec::new();
    for number in 0..40_u8 {
        let name = ObjectName::new("actes", &format!("plan-{number}"))?;
        let body = Bytes::from(vec![number; 1_500_000]);
        cluster.running.put(&name, body.clone()).await?;
        stored.push((name, body));
    }
    cluster.buckets_noted().await?;
    cluster.reports_are_new().await;
    let said = cluster.moved().await?;
    ensure!(said.balance.slots == 0 && said.sites.values().all(|site| site.came.slots == 0));

    // A third of their size: 24 MiB of which 4 are kept free, beside sites that are half full.
    cluster.join_with(5, vec![mebibytes(24)]).await?;
    let mut came = 0;
    for _ in 0..10 {
        let said = cluster.moved().await?;
        let all: u64 = said.sites.values().map(|site| site.came.slots).sum();
        ensure!(all == said.sites.get(&site(5)).map_or(0, |site| site.came.slots), "{said:?}");
        if all == came && came > 0 {
            break;
        }
        came = all;
        cluster.reports_are_new().await;
        cluster.site.clock.advance(Duration::from_mins(20));
    }
    // A fragment is 0.75 MiB: eight bring it to ten hundredths below the others.
    ensure!((6..=12).contains(&came), "{came} fragments came");
    for mut sites in cluster.lies()? {
        sites.sort_unstable();
        sites.dedup();
        ensure!(sites.len() == 4, "no two fragments at one site: {sites:?}");
    }
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_the_map_overtakes_is_not_carried_out() -> Result<()> {
    move_overtaken().await
}

pub async fn move_overtaken() -> Result<()> {
    let mut cluster = Cluster::of(83, 3).await?;
    let stored = cluster.put("actes", 1).await?;
    cluster.join(4, 1).await?;
    cluster.buckets_noted().await?;
    cluster.drain(3, true).await?;
    let (part, before) = cluster.parts()?.pop().context("a part")?;
    cluster.network.delay_set_all(Duration::from_millis(100), Duration::ZERO);
    let step = cluster.running.steward.part_move_once(part);
    let forbid = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cluster.policy(None, &super::campaign::only(&[1, 2])).await
    };
    let (moved, forbidden) = tokio::join!(step, forbid);
    forbidden?;
    ensure!(!moved?, "the fourth is not permitted any more");
    let (_, after) = cluster.parts()?.pop().context("a part")?;
    ensure!(before.slots == after.slots, "{after:?}");
    cluster.network.delay_set_all(Duration::ZERO, Duration::ZERO);
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_whose_goal_goes_away_leaves_all_as_it_was() -> Result<()> {
    goal_gone().await
}

pub async fn goal_gone() -> Result<()> {
    let mut cluster = Cluster::of(84, 3).await?;
    let stored = cluster.put("actes", 1).await?;
    cluster.join(4, 1).await?;
    cluster.drain(3, true).await?;
    let (part, before) = cluster.parts()?.pop().context("a part")?;
    cluster.cut(4);
    let moved = cluster.running.steward.part_move_once(part).await;
    ensure!(!matches!(moved, Ok(true)), "{moved:?}");
    let (_, after) = cluster.parts()?.pop().context("a part")?;
    ensure!(before.slots == after.slots, "{after:?}");
    cluster.whole().await?;
    cluster.network.heal();
    cluster.until(4, true).await?;
    ensure!(cluster.running.steward.part_move_once(part).await?, "now it goes");
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_takes_the_place_of_another_that_lives_or_is_lost() -> Result<()> {
    let mut cluster = Cluster::of(85, 3).await?;
    let stored = cluster.put("actes", 4).await?;
    cluster.join(4, 1).await?;
    cluster.join(5, 1).await?;
    let replace = |old, new| {
        let state = Some(Replacement { old: site(old), new: site(new) }.encode());
        Command::JobSet { name: Job::site_replacement(), state }
    };
    let under_way = |cluster: &Cluster| Replacement::of(&cluster.running.consensus.view());

    // Living: emptied to the new one, and off the map by itself.
    cluster.propose(replace(2, 5)).await?;
    for _ in 0..10 {
        cluster.moved().await?;
        cluster.site.clock.advance(Duration::from_mins(1));
    }
    ensure!(under_way(&cluster)?.is_none(), "it is over");
    ensure!(cluster.running.consensus.view().site(site(2))?.is_none(), "it has left");
    for mut sites in cluster.lies()? {
        sites.sort_unstable();
        ensure!(sites == [1, 3, 5], "the fourth was not asked for: {sites:?}");
    }
    cluster.whole().await?;

    // Lost: given up, and rebuilt at the new one.
    cluster.join(6, 1).await?;
    cluster.propose(replace(3, 6)).await?;
    cluster.lose(3).await?;
    for _ in 0..10 {
        cluster.repaired().await?;
        cluster.moved().await?;
        cluster.site.clock.advance(Duration::from_mins(1));
    }
    ensure!(under_way(&cluster)?.is_none(), "it is over");
    for mut sites in cluster.lies()? {
        sites.sort_unstable();
        ensure!(sites == [1, 5, 6], "{sites:?}");
    }
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_moves_before_it_is_known_whose_it_is() -> Result<()> {
    let cluster = Cluster::of(86, 3).await?;
    let stored = cluster.put("actes", 3).await?;
    cluster.policy(Some("actes"), &super::campaign::only(&[1, 2])).await?;
    let said = cluster.moved().await?;
    ensure!(said.waiting == 3, "{said:?}");
    cluster.buckets_noted().await?;
    cluster.site.clock.advance(Duration::from_hours(1));
    let said = cluster.moved().await?;
    // 1+2 at two sites that may have it: the third copy has no place.
    ensure!((said.waiting, said.stuck, said.at_risk) == (0, 0, 0), "{said:?}");
    for mut sites in cluster.lies()? {
        sites.sort_unstable();
        ensure!(sites == [1, 2], "{sites:?}");
    }
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}
