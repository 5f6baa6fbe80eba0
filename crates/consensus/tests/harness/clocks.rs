//! Clocks of machines that are off, and how commands are stamped; each panics if wrongly.

use std::sync::atomic::Ordering;
use std::time::Duration;

use consensus::Fate;
use consensus::{ProposeError, Unavailable};
use units::{Clock as _, Timestamp};

use super::sim_cluster::{Cluster, read, stamp_of, write};
use super::tampering::Clocks;

/// How far a stamp may be from the time of a clock that is right.
const MOST: Duration = Duration::from_mins(1);
/// Longer than until a clock is asked again.
const ASKED_AGAIN: Duration = Duration::from_secs(7);

/// Writes everywhere; each stamp is right, and none is before the one before it.
async fn stamps_are_right(cluster: &Cluster, value: u64, what: &str) {
    let mut last = Timestamp::EPOCH;
    for number in 0..cluster.machines.len() {
        let stamp = stamp_of(&cluster.consensus(number), 3, value).await;
        let now = cluster.clock.now();
        let apart = stamp.since(now).max(now.since(stamp));
        assert!(apart < MOST, "{what}: {} s from the time", apart.as_secs());
        assert!(stamp >= last, "{what}: {stamp:?} after {last:?}");
        last = stamp;
    }
}

/// A leader and others that are hours off under way, before a start, and when they come to
/// lead: who has a right clock is a majority all the while.
pub async fn no_minority_of_clocks_moves_stamps(count: usize, off: usize, hours: i64) {
    let mut cluster = Cluster::start(41, count).await;
    stamps_are_right(&cluster, 1, "all are right").await;
    let leader = cluster.leader().await;
    let wrong: Vec<usize> = (0..off).map(|step| (leader + step) % count).collect();
    for number in &wrong {
        cluster.machines[*number].clock.set(hours);
    }
    stamps_are_right(&cluster, 2, "the leader's clock was set").await;
    tokio::time::sleep(ASKED_AGAIN).await;
    stamps_are_right(&cluster, 3, "the others have heard of it").await;
    for number in 0..count {
        let told = cluster.consensus(number).clock_off();
        // Of two that differ both are told.
        let is_off = wrong.contains(&number) || count == 2;
        assert_eq!(told.is_some(), is_off, "{number}: {told:?}");
        let now = cluster.clock.now();
        let time = cluster.consensus(number).clock().now();
        assert!(time.since(now).max(now.since(time)) < MOST, "{number} has the cluster's time");
    }
    let right = (leader + off) % count;
    cluster.has_lead(right).await;
    stamps_are_right(&cluster, 4, "one leads whose clock is right").await;
    cluster.has_lead(leader).await;
    stamps_are_right(&cluster, 5, "one leads again whose clock is off").await;
    for number in 0..count {
        cluster.kill(number, None).await;
    }
    for number in 0..count {
        cluster.up(number).await;
    }
    stamps_are_right(&cluster, 6, "all have begun again").await;
    for number in wrong {
        cluster.machines[number].clock.set(0);
    }
    tokio::time::sleep(ASKED_AGAIN).await;
    stamps_are_right(&cluster, 7, "all are right again").await;
    for number in 0..count {
        assert_eq!(cluster.consensus(number).clock_off(), None, "{number}");
    }
    cluster.shutdown().await;
}

/// Of two that differ one may be behind: then stamps stand still, and are never ahead.
pub async fn of_two_clocks_that_differ_the_earlier_counts() {
    let mut cluster = Cluster::start(42, 2).await;
    let before = stamp_of(&cluster.consensus(0), 1, 1).await;
    cluster.machines[1].clock.set(-30);
    tokio::time::sleep(ASKED_AGAIN).await;
    let after = stamp_of(&cluster.consensus(0), 1, 2).await;
    assert!(after >= before && after < cluster.clock.now(), "{before:?}, {after:?}");
    for number in 0..2 {
        let told = cluster.consensus(number).clock_off().expect("both are told");
        assert_eq!(told.is_ahead(), number == 0);
    }
    cluster.machines[1].clock.set(0);
    tokio::time::sleep(ASKED_AGAIN).await;
    stamps_are_right(&cluster, 3, "it is right again").await;
    cluster.shutdown().await;
}

/// Before the clocks of most are known a leader stamps nothing: commands wait as long as
/// somebody waits for them, nobody asks without a pause, and then all goes on.
pub async fn a_leader_that_knows_too_few_clocks_waits() {
    let mut cluster = Cluster::start(43, 3).await;
    stamps_are_right(&cluster, 1, "all are right").await;
    for number in 0..3 {
        cluster.kill(number, None).await;
    }
    *cluster.tampering.clocks.lock() = Clocks::Lost;
    for number in 0..3 {
        cluster.up(number).await;
    }
    let leader = cluster.leader().await;
    // A clock that nobody else vouches for.
    cluster.machines[leader].clock.set(30);
    let sent = cluster.tampering.proposals.load(Ordering::SeqCst);
    for number in [leader, (leader + 1) % 3] {
        let begun = tokio::time::Instant::now();
        let error =
            write(&cluster.consensus(number), 3, 2).await.expect_err("it cannot be stamped");
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_secs(4), "{number} waited {waited:?}: {error}");
        let is_unavailable = matches!(
            error,
            ProposeError::Unavailable(Unavailable { fate: Fate::Unknown | Fate::NotDone, .. })
        );
        assert!(is_unavailable, "{error}");
    }
    let sent = cluster.tampering.proposals.load(Ordering::SeqCst) - sent;
    assert!(sent <= 3, "sent {sent} times to a leader that has to wait");
    assert_eq!(cluster.leader().await, leader, "nobody loses the lead for it");
    assert_eq!(read(&cluster.consensus(leader), 3).await, Some(1), "reads go on");
    *cluster.tampering.clocks.lock() = Clocks::Answered;
    stamps_are_right(&cluster, 3, "the clocks are known").await;
    assert_eq!(read(&cluster.consensus(leader), 3).await, Some(3), "what was given up stays so");
    cluster.shutdown().await;
}

/// Nodes of a build that cannot be asked agree with whoever asks: an upgrade stops nothing.
pub async fn who_cannot_be_asked_agrees() {
    let mut cluster = Cluster::start(44, 3).await;
    for number in 0..3 {
        cluster.kill(number, None).await;
    }
    *cluster.tampering.clocks.lock() = Clocks::Unknown;
    for number in 0..3 {
        cluster.up(number).await;
    }
    stamps_are_right(&cluster, 1, "nobody can be asked").await;
    let leader = cluster.leader().await;
    cluster.machines[leader].clock.set(2);
    let stamp = stamp_of(&cluster.consensus(leader), 3, 2).await;
    assert!(stamp.since(cluster.clock.now()) > MOST, "as before, the leader's alone counts");
    *cluster.tampering.clocks.lock() = Clocks::Answered;
    tokio::time::sleep(ASKED_AGAIN).await;
    let told = cluster.consensus(leader).clock_off();
    assert!(told.is_some_and(|off| off.is_ahead()), "{told:?}");
    let again = stamp_of(&cluster.consensus(leader), 3, 3).await;
    assert_eq!(again, stamp, "what was stamped stays, and stands still until that time");
    cluster.shutdown().await;
}
