//! What must hold in a cluster whoever fails; each panics if it does not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use consensus::{Fate, ProposeError, Unavailable};

use super::sim_cluster::{Cluster, node_id, read, read_stale, write};
use super::tampering::Answers;

fn is_unknown(error: &ProposeError) -> bool {
    matches!(error, ProposeError::Unavailable(Unavailable { fate: Fate::Unknown, .. }))
}

/// A command whose answer was lost may have been carried out: it is not sent again, and
/// its proposer is told so.
pub async fn a_lost_answer_is_unknown_and_nothing_is_sent_twice() {
    let mut cluster = Cluster::start(21, 3).await;
    let follower = (cluster.leader().await + 1) % 3;
    let consensus = cluster.consensus(follower);
    for (value, answers) in (1_u64..).zip([Answers::Late, Answers::BreakOff]) {
        let before = cluster.tampering.proposals.load(Ordering::SeqCst);
        *cluster.tampering.answers.lock() = answers;
        let error = write(&consensus, 1, value).await.expect_err("the answer was lost");
        *cluster.tampering.answers.lock() = Answers::Arrive;
        assert!(is_unknown(&error), "{answers:?}: {error}");
        let sent = cluster.tampering.proposals.load(Ordering::SeqCst) - before;
        assert_eq!(sent, 1, "{answers:?}: sent so often");
        assert_eq!(read(&consensus, 1).await, Some(value), "it was carried out");
    }
    cluster.shutdown().await;
}

/// Whoever was answered finds it on the node that was asked, without asking anybody.
pub async fn what_was_answered_is_there_at_once() {
    let mut cluster = Cluster::start(22, 3).await;
    let leader = cluster.leader().await;
    let follower = (leader + 1) % 3;
    // The leader hears of the other one sooner, so this one is told last.
    let slow = Duration::from_millis(8);
    cluster.network.delay_set(node_id(leader), node_id(follower), slow, Duration::ZERO);
    let consensus = cluster.consensus(follower);
    for value in 1..30 {
        write(&consensus, 9, value).await.expect("written");
        assert_eq!(read_stale(&consensus.view(), 9), value);
    }
    cluster.shutdown().await;
}

/// A leader that lost power leads again in the same term: what it acknowledged last is
/// synced in its log only, and must be in its rows before it is read.
pub async fn a_leader_that_began_again_shows_what_it_acknowledged() {
    let mut cluster = Cluster::start(23, 2).await;
    // A log so long that the follower is found to have it in several steps.
    cluster.checkpoint.entries = 100_000;
    cluster.checkpoint.bytes = units::ByteCount::new(64 * 1024 * 1024);
    for number in 0..2 {
        cluster.kill(number, None).await;
    }
    for number in 0..2 {
        cluster.up(number).await;
    }
    let leader = cluster.leader().await;
    let consensus = cluster.consensus(leader);
    for value in 1..=1_500 {
        while write(&consensus, 1, value).await.is_err() {}
    }
    drop(consensus);
    cluster.kill_losing_all(leader, 1).await;
    let slow = Duration::from_millis(20);
    cluster.network.delay_set_all(slow, Duration::ZERO);
    cluster.up(leader).await;
    let back = cluster.consensus(leader);
    let mut found = None;
    while found.is_none() {
        found = read(&back, 1).await;
    }
    assert_eq!(found, Some(1_500), "it showed less than it had acknowledged");
    drop(back);
    cluster.shutdown().await;
}
