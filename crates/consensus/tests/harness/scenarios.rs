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
