//! Several sites' catalogs: what was acknowledged anywhere is read everywhere, whoever
//! dies, is cut off, or comes back.

mod harness;

use std::sync::Arc;
use std::time::Duration;

use catalog::NodeRole;
use harness::registers::{Registers, read_until, write_until};
use harness::scenarios::{self, Writing};
use harness::sim_cluster::{Cluster, node_id, read, read_stale, rows, write};
use tokio::time::Instant;
use units::Clock as _;

#[tokio::test]
async fn three_sites_vote_and_each_takes_commands_and_reads() {
    let mut cluster = Cluster::start(1, 3).await;
    for number in 0..3 {
        write(&cluster.consensus(number), number, 7).await.expect("written");
        for other in 0..3 {
            assert_eq!(read(&cluster.consensus(other), number).await, Some(7), "{number} {other}");
        }
    }
    // Whoever was answered finds it at once, also without asking anybody.
    let follower = (cluster.leader().await + 1) % 3;
    for value in 8..40 {
        let consensus = cluster.consensus(follower);
        write(&consensus, 9, value).await.expect("written");
        assert_eq!(read_stale(&consensus.view(), 9), value);
    }
    let expected = rows(&cluster.consensus(follower));
    for number in 0..3 {
        read(&cluster.consensus(number), 0).await.expect("read");
        assert_eq!(rows(&cluster.consensus(number)), expected);
    }
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_nothing_is_sent_twice() {
    scenarios::a_lost_answer_is_unknown_and_nothing_is_sent_twice().await;
}

#[tokio::test]
async fn what_was_answered_is_there_at_once() {
    scenarios::what_was_answered_is_there_at_once().await;
}

#[tokio::test]
async fn a_leader_that_began_again_shows_what_it_acknowledged() {
    scenarios::a_leader_that_began_again_shows_what_it_acknowledged().await;
}

#[tokio::test]
async fn a_command_whose_entry_was_cut_off_is_not_proposed_again() {
    scenarios::a_command_whose_entry_was_cut_off_is_not_proposed_again().await;
}

/// In simulated time: how soon who stands for election decides what it meets.
#[tokio::test(start_paused = true)]
async fn a_leader_whose_entry_a_snapshot_covers_leads_again() {
    let _spot = host::on_the_spot();
    scenarios::a_leader_whose_entry_a_snapshot_covers_leads_again().await;
}

#[tokio::test]
async fn a_command_that_was_given_up_is_not_carried_out_later() {
    scenarios::a_command_that_was_given_up_is_not_carried_out_later().await;
}

/// In simulated time: what is counted is how often a write has to travel.
#[tokio::test(start_paused = true)]
async fn a_write_travels_no_more_often_than_it_must() {
    let _spot = host::on_the_spot();
    let cases = [
        (1, Writing::AtLeader, 1.2),
        (16, Writing::AtLeader, 1.5),
        (1, Writing::Elsewhere, 3.2),
        (16, Writing::Elsewhere, 4.2),
        (1, Writing::ElsewhereAsOf, 2.2),
        (16, Writing::ElsewhereAsOf, 2.2),
    ];
    for (clients, writing, most) in cases {
        let ways = scenarios::ways_of_a_write(clients, writing).await;
        println!("{clients} clients, {writing:?}: {ways:.2} times there and back");
        assert!(ways < most, "{clients} clients, {writing:?}: {ways} times there and back");
    }
}

#[tokio::test]
async fn what_was_decided_by_old_rules_is_refused() {
    scenarios::what_was_decided_by_old_rules_is_refused().await;
}

#[tokio::test]
async fn what_one_reader_saw_every_later_one_sees() {
    scenarios::what_one_reader_saw_every_later_one_sees().await;
}

#[tokio::test]
async fn the_death_of_a_leader_loses_nothing_and_is_short() {
    let mut cluster = Cluster::start(2, 5).await;
    for (life, value) in (1_u64..).zip([100_u64, 200]) {
        let leader = cluster.leader().await;
        let survivor = (leader + 1) % 5;
        write(&cluster.consensus(leader), 1, value).await.expect("written");
        cluster.kill(leader, Some(life)).await;
        let began = Instant::now();
        let survivor_consensus = cluster.consensus(survivor);
        assert_eq!(read(&survivor_consensus, 1).await, Some(value));
        let reads = began.elapsed();
        write(&survivor_consensus, 1, value + 1).await.expect("written by those who are left");
        let writes = began.elapsed();
        assert!(reads < Duration::from_secs(5) && writes < Duration::from_secs(5), "{reads:?}");
        cluster.up(leader).await;
        assert_eq!(read(&cluster.consensus(leader), 1).await, Some(value + 1));
    }
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_minority_neither_writes_nor_reads() {
    scenarios::a_minority_neither_writes_nor_reads().await;
}

#[tokio::test]
async fn one_node_of_a_site_votes() {
    scenarios::one_node_of_a_site_votes().await;
}

#[tokio::test]
async fn what_is_acknowledged_is_read_everywhere() {
    scenarios::what_is_acknowledged_is_read_everywhere().await;
}

#[tokio::test]
async fn whoever_was_away_for_long_gets_a_snapshot_while_others_write() {
    let mut cluster = Cluster::start(4, 3).await;
    let leader = cluster.leader().await;
    let away = (leader + 1) % 3;
    cluster.kill(away, None).await;
    let writer = cluster.consensus(leader);
    for value in 1..=200 {
        write(&writer, usize::try_from(value % 50).expect("small"), value).await.expect("written");
    }
    writer.checkpoint().await.expect("a checkpoint");
    assert!(writer.status().purged.get() > 150, "{:?}", writer.status());
    cluster.up(away).await;
    let back = cluster.consensus(away);
    let writing = async {
        for value in 201..=260 {
            write(&writer, 3, value).await.expect("writes go on");
        }
    };
    tokio::join!(writing, async { assert!(read(&back, 0).await.is_some()) });
    assert_eq!(read(&back, 3).await, Some(260));
    assert_eq!(rows(&back), rows(&writer));
    // It starts again from what it installed.
    cluster.kill(away, Some(5)).await;
    cluster.up(away).await;
    assert_eq!(read(&cluster.consensus(away), 3).await, Some(260));
    cluster.shutdown().await;
}

/// The installation of a snapshot, cut by a power failure before each operation.
#[tokio::test]
async fn an_installation_that_is_cut_is_done_again() {
    let mut cluster = Cluster::start(5, 3).await;
    let leader = cluster.leader().await;
    let away = (leader + 1) % 3;
    cluster.kill(away, None).await;
    let writer = cluster.consensus(leader);
    for value in 1..=120 {
        write(&writer, usize::try_from(value % 40).expect("small"), value).await.expect("written");
    }
    writer.checkpoint().await.expect("a checkpoint");
    let mut cuts = 0;
    for operations in (1..60).step_by(3) {
        let disk = Arc::clone(&cluster.machines[away].disk);
        let (kept, engine) = (disk.after_power_cut(disk::Survival::KeepAll), {
            Arc::new(cluster.machines[away].engine.after_power_cut(None))
        });
        // The engine and the disk fail one after the other, never at once.
        if operations % 2 == 0 {
            disk.cut_before(disk.operations() + operations);
        } else {
            cluster.machines[away].engine.cut_after(operations);
        }
        cluster.up_if_it_opens(away).await;
        tokio::time::sleep(Duration::from_millis(120)).await;
        cluster.kill(away, Some(operations)).await;
        cuts += 1;
        cluster.up(away).await;
        assert_eq!(read(&cluster.consensus(away), 0).await, Some(120), "cut after {operations}");
        assert_eq!(rows(&cluster.consensus(away)), rows(&writer), "cut after {operations}");
        cluster.kill(away, None).await;
        cluster.machines[away].disk = kept;
        cluster.machines[away].engine = engine;
    }
    assert!(cuts > 10);
    cluster.shutdown().await;
}

/// A leader and one that hears it, without a majority: neither learns what the others do,
/// both say since when, and nobody waits for them.
#[tokio::test]
async fn who_is_cut_off_says_so_and_reads_what_was_known() {
    let mut cluster = Cluster::start(11, 5).await;
    let leader = cluster.leader().await;
    let follower = (leader + 1) % 5;
    write(&cluster.consensus(leader), 0, 1).await.expect("written");
    for number in 0..5 {
        assert_eq!(read(&cluster.consensus(number), 0).await, Some(1));
        assert_eq!(cluster.consensus(number).cut_off(), None);
    }
    let pair = [node_id(leader), node_id(follower)];
    let rest: Vec<_> = (0..5).map(node_id).filter(|node| !pair.contains(node)).collect();
    let before = cluster.clock.now();
    cluster.network.partition(&[&pair, &rest]);
    let other = cluster.consensus((leader + 2) % 5);
    let begun = Instant::now();
    while write(&other, 0, 2).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the others elect somebody");
    }
    for number in [leader, follower] {
        let consensus = cluster.consensus(number);
        // A read that is under way when it is cut off ends then.
        assert_eq!(read(&consensus, 0).await, None);
        while consensus.cut_off().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{number} is cut off");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let cut_off = consensus.cut_off().expect("just now");
        let apart = cut_off.since.since(before).max(before.since(cut_off.since));
        assert!(apart < Duration::from_secs(3), "{apart:?} from the partition");
        let asked = Instant::now();
        assert_eq!(read(&consensus, 0).await, None);
        assert!(asked.elapsed() < Duration::from_millis(500), "nobody waits");
        assert_eq!(read_stale(&consensus.view(), 0), 1);
    }
    assert_eq!(other.cut_off(), None);
    cluster.network.heal();
    let healed = Instant::now();
    for number in 0..5 {
        while read(&cluster.consensus(number), 0).await != Some(2) {
            assert!(healed.elapsed() < Duration::from_secs(20), "{number} is in touch again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(cluster.consensus(number).cut_off(), None);
    }
    cluster.shutdown().await;
}

/// A node that stops is asked by those whom it still serves: it does not take what it has
/// for the newest.
#[tokio::test]
async fn a_node_that_has_stopped_does_not_say_that_it_knows_the_newest() {
    let mut cluster = Cluster::start(12, 3).await;
    let follower = (cluster.leader().await + 1) % 3;
    let stopping = cluster.consensus(follower);
    assert!(stopping.read().await.is_ok());
    stopping.clone().shutdown().await;
    let leader = cluster.leader().await;
    write(&cluster.consensus(leader), 0, 1).await.expect("written by the others");
    assert!(stopping.read().await.is_err());
    drop(stopping);
    cluster.shutdown().await;
}

/// Registers that only grow, written and read everywhere while the network misbehaves:
/// a read never shows less than what was acknowledged before it began, nor more than
/// was ever begun.
#[tokio::test]
async fn reads_are_linearizable_while_the_network_misbehaves() {
    let mut cluster = Cluster::start(6, 5).await;
    cluster.network.delay_set_all(Duration::from_millis(1), Duration::from_millis(4));
    let registers: Arc<Registers> = Arc::default();
    let until = Instant::now() + Duration::from_secs(8);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..5 {
        let consensus = cluster.consensus(number);
        tasks.spawn(write_until(until, consensus.clone(), Arc::clone(&registers), number));
        for register in 0..5 {
            let registers = Arc::clone(&registers);
            tasks.spawn(read_until(until, consensus.clone(), registers, register));
        }
    }
    let mut step = 0;
    while Instant::now() < until {
        let lone = node_id(step % 5);
        let pair = [lone, node_id((step + 2) % 5)];
        let rest: Vec<_> = (0..5).map(node_id).filter(|node| !pair.contains(node)).collect();
        match step % 4 {
            0 => cluster.network.partition(&[&pair, &rest]),
            1 => {
                for other in &rest {
                    cluster.network.cut(lone, *other);
                }
            }
            2 => cluster.network.loss_set_all(50),
            _ => {
                let bridge = [lone, rest[0], rest[1]];
                let others = [lone, pair[1], rest[2]];
                cluster.network.partition(&[&bridge, &others]);
            }
        }
        tokio::time::sleep(Duration::from_millis(900)).await;
        cluster.network.heal();
        tokio::time::sleep(Duration::from_millis(500)).await;
        step += 1;
    }
    let mut done = 0;
    while let Some(count) = tasks.join_next().await {
        done += count.expect("no reader saw a fault");
    }
    assert!(done > 500, "only {done} operations succeeded");
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_fifth_site_joins_and_a_witness_completes_two() {
    let mut cluster = Cluster::founded(7, 3).await;
    cluster.join(1, NodeRole::Full).await;
    cluster.until("both vote", |status| status.voters.len() == 2).await;
    cluster.join(2, NodeRole::Witness).await;
    cluster.until("three vote", |status| status.voters.len() == 3).await;
    let leader = cluster.leader().await;
    cluster.kill(leader, None).await;
    let left = cluster.consensus((leader + 1) % 3);
    while write(&left, 1, 1).await.is_err() {}
    cluster.shutdown().await;
}
