//! The lead follows the load: nothing is lost, nothing waits long, nothing old is read.
//!
//! On a runtime whose clock jumps ahead when all wait, so that a pause is that of the
//! simulated lines, whatever else the machine does.

mod harness;

use std::sync::Arc;
use std::time::Duration;

use catalog::NodeRole;
use consensus::LeadRule;
use harness::Choices;
use harness::registers::{Registers, read_until, write_until};
use harness::scenarios;
use harness::sim_cluster::{Cluster, node_id, read, write};
use tokio::time::{Instant, sleep};

/// How long one writer, or reader, may wait for a hand-over, with 10 ms there and back.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Soon, for a test.
const SOON: LeadRule = LeadRule { stays: Duration::from_secs(2), slice: Duration::from_secs(10) };

#[tokio::test(start_paused = true)]
async fn the_lead_goes_where_commands_come_in_and_nobody_waits_long() {
    let _spot = host::on_the_spot();
    for count in [2, 3, 5] {
        let mut cluster = Cluster::start_with(31, count, SOON).await;
        let line = Duration::from_millis(5);
        cluster.network.delay_set_all(line, Duration::ZERO);
        let leader = cluster.leader().await;
        let busy = (leader + 1) % count;
        let (writer, other) = (cluster.consensus(busy), cluster.consensus(leader));
        let begun = Instant::now();
        let (mut value, mut after, mut longest) = (0, 0, Duration::ZERO);
        while after < 100 {
            value += 1;
            let began = Instant::now();
            write(&writer, 1, value).await.expect("acknowledged");
            // A few come in elsewhere.
            if value % 8 == 0 {
                write(&other, 2, value).await.expect("acknowledged");
            }
            longest = longest.max(began.elapsed());
            let began = Instant::now();
            assert_eq!(read(&other, 1).await, Some(value), "{count}");
            longest = longest.max(began.elapsed());
            after += u32::from(writer.status().is_leader);
            assert!(begun.elapsed() < Duration::from_mins(1), "{count}: it stays at {leader}");
        }
        println!("{count} sites: longest pause {longest:?}");
        assert!(longest < PAUSE_MAX, "{count}: {longest:?}");
        // Nobody sends more than two thirds: it stays.
        let term = writer.status().term;
        for value in 0..600 {
            write(&writer, 3, value).await.expect("acknowledged");
            write(&other, 4, value).await.expect("acknowledged");
        }
        assert_eq!(writer.status().term, term, "{count}: it swings");
        cluster.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_is_not_asked_for_stays() {
    let _spot = host::on_the_spot();
    let mut cluster = Cluster::start(32, 3).await;
    let leader = cluster.leader().await;
    let term = cluster.consensus(leader).status().term;
    let writer = cluster.consensus((leader + 1) % 3);
    let begun = Instant::now();
    let mut value = 0;
    // Not before five minutes.
    while begun.elapsed() < Duration::from_secs(290) {
        value += 1;
        write(&writer, 1, value).await.expect("acknowledged");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(writer.status().term, term);
    cluster.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_witness_hands_the_lead_on() {
    let _spot = host::on_the_spot();
    let mut cluster = Cluster::founded(33, 3).await;
    cluster.join(1, NodeRole::Full).await;
    cluster.join(2, NodeRole::Witness).await;
    cluster.until("three vote", |status| status.voters.len() == 3).await;
    for life in 0..6 {
        let leader = cluster.leader().await;
        assert_ne!(leader, 2, "{life}");
        // The other full site falls behind, so that only the witness can be elected.
        let other = 1 - leader;
        cluster.network.cut(node_id(leader), node_id(other));
        let writer = cluster.consensus(leader);
        for value in 0..20 {
            write(&writer, 1, value).await.expect("acknowledged");
        }
        cluster.kill(leader, None).await;
        cluster.network.heal();
        let witness = cluster.consensus(2);
        let begun = Instant::now();
        while !cluster.consensus(other).status().is_leader {
            sleep(Duration::from_millis(20)).await;
            assert!(begun.elapsed() < Duration::from_secs(20), "{life}: {:?}", witness.status());
        }
        assert_eq!(read(&witness, 1).await, Some(19));
        cluster.up(leader).await;
        let value = 1_000 + life;
        while write(&cluster.consensus(leader), 2, value).await.is_err() {}
    }
    cluster.shutdown().await;
}

/// Nobody waits for an election: its shortest wait is 700 ms.
#[tokio::test(start_paused = true)]
async fn a_leader_that_is_stopped_hands_the_lead_over_first() {
    let _spot = host::on_the_spot();
    for count in [3, 5] {
        let longest = scenarios::a_leader_that_is_stopped_hands_the_lead_over_first(count).await;
        println!("{count} sites: longest wait for a write {longest:?}");
        assert!(longest < Duration::from_millis(500), "{count}: {longest:?}");
    }
    // Two sites write together only; who was stopped finds the other leading.
    scenarios::a_leader_that_is_stopped_hands_the_lead_over_first(2).await;
}

/// A site that led, was away, and cannot be dialled at its old address any more: it dials
/// the others, asks them who leads, and its commands arrive there.
#[tokio::test(start_paused = true)]
async fn who_led_and_cannot_be_dialled_any_more_is_told_who_leads() {
    let _spot = host::on_the_spot();
    let mut cluster = Cluster::start(34, 3).await;
    let leader = cluster.leader().await;
    cluster.kill(leader, None).await;
    let next = cluster.leader().await;
    *cluster.tampering.moved.lock() = Some(node_id(leader));
    cluster.up(leader).await;
    let back = cluster.consensus(leader);
    let begun = Instant::now();
    // It stands for election in vain until it is cut off.
    while back.cut_off().is_none() {
        sleep(Duration::from_millis(100)).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", back.status());
    }
    let announcing = back.clone();
    let announced = tokio::spawn(async move { write(&announcing, 1, 7).await });
    while read(&cluster.consensus(next), 1).await != Some(7) {
        sleep(Duration::from_millis(100)).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "it never arrives: {:?}", back.status());
    }
    announced.abort();
    cluster.shutdown().await;
}

/// Registers written through one site after the other, which the lead follows, while lines
/// are cut at any moment: also in the midst of a hand-over.
#[tokio::test(start_paused = true)]
async fn nothing_old_is_read_while_the_lead_is_handed_over_and_lines_are_cut() {
    let _spot = host::on_the_spot();
    let mut handed = 0;
    for seed in 0..harness::seeds(4) {
        let choices = Choices::seeded(seed);
        let rule =
            LeadRule { stays: Duration::from_millis(600), slice: Duration::from_millis(150) };
        let mut cluster = Cluster::start_with(seed, 3 + 2 * choices.below(2), rule).await;
        let count = cluster.machines.len();
        cluster.network.delay_set_all(Duration::from_millis(2), Duration::from_millis(4));
        let registers: Arc<Registers> = Arc::default();
        for _ in 0..6 {
            let busy = choices.below(count);
            let until = Instant::now() + Duration::from_secs(8);
            let mut tasks = tokio::task::JoinSet::new();
            let consensus = cluster.consensus(busy);
            for register in 0..5 {
                let (consensus, registers) = (consensus.clone(), Arc::clone(&registers));
                tasks.spawn(write_until(until, consensus, registers, register));
            }
            for number in 0..count {
                let (consensus, registers) = (cluster.consensus(number), Arc::clone(&registers));
                tasks.spawn(read_until(until, consensus, registers, number));
            }
            let led = consensus.status().is_leader;
            while Instant::now() < until {
                let wait = 700 + choices.below(1_900) as u64;
                sleep(Duration::from_millis(wait)).await;
                let (one, other) = (choices.below(count), choices.below(count));
                cluster.network.cut(node_id(one), node_id(other));
                sleep(Duration::from_millis(choices.below(120) as u64)).await;
                cluster.network.heal();
            }
            handed += u32::from(!led && consensus.status().is_leader);
            while let Some(done) = tasks.join_next().await {
                assert!(done.expect("no reader saw a fault") > 0, "seed {seed}: nothing was done");
            }
        }
        cluster.shutdown().await;
    }
    println!("the lead was elsewhere before {handed} times");
    assert!(handed > 6, "handed over {handed} times");
}
