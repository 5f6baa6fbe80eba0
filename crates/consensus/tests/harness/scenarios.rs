//! What must hold in a cluster whoever fails; each panics if it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use consensus::{Consensus, Fate, ProposeError, Unavailable};
use disk::Disk as _;
use tokio::task::JoinSet;
use tokio::time::Instant;
use units::ByteCount;

use super::sim_cluster::{Cluster, node_id, read, read_stale, write, write_as_of};
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

/// The entry of a leader that was cut off with a minority is cut off its log. Somebody
/// who has it may yet be elected: the command is not proposed again.
pub async fn a_command_whose_entry_was_cut_off_is_not_proposed_again() {
    let mut cluster = Cluster::start(24, 5).await;
    let leader = cluster.leader().await;
    let with = (leader + 1) % 5;
    let minority = [node_id(leader), node_id(with)];
    let majority: Vec<_> = (2..5).map(|step| node_id((leader + step) % 5)).collect();
    let (cut, whole) = (cluster.consensus(leader), cluster.consensus((leader + 2) % 5));
    cluster.network.partition(&[&minority, &majority]);
    let healing = async {
        while write(&whole, 1, 2).await.is_err() {}
        cluster.network.heal();
    };
    let (written, ()) = tokio::join!(write(&cut, 2, 9), healing);
    let error = written.expect_err("its entry was cut off");
    assert!(is_unknown(&error) && error.to_string().contains("cut the entry off"), "{error}");
    drop((cut, whole));
    cluster.shutdown().await;
}

/// A leader loses its lead with an entry under way that a snapshot of the next leader
/// covers: nobody ever answers for the entry. Once it leads again it takes commands.
pub async fn a_leader_whose_entry_a_snapshot_covers_leads_again() {
    let mut cluster = Cluster::start(25, 3).await;
    // The first of the voters stands for election first.
    let first = 0;
    while cluster.leader().await != first {
        let other = cluster.leader().await;
        cluster.kill(other, None).await;
        while cluster.leader().await == other {}
        cluster.up(other).await;
    }
    let (cut, whole) = (cluster.consensus(first), cluster.consensus(1));
    cluster.network.partition(&[&[node_id(first)], &[node_id(1), node_id(2)]]);
    let healing = async {
        for value in 1..=900 {
            while write(&whole, 1, value).await.is_err() {}
        }
        for other in [1, 2] {
            cluster.consensus(other).checkpoint().await.expect("a checkpoint");
        }
        // Whatever was on its way before is given up.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        cluster.network.heal();
        // Who was cut off knows a moment later that it is not.
        let healed = Instant::now();
        let mut found = read(&cut, 1).await;
        while found.is_none() && healed.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            found = read(&cut, 1).await;
        }
        assert_eq!(found, Some(900));
    };
    let (written, ()) = tokio::join!(write(&cut, 2, 9), healing);
    let error = written.expect_err("nobody answers for its entry");
    assert!(error.to_string().contains("no answer"), "it was cut off instead: {error}");
    drop((cut, whole));
    // The others go, one after the other, until it leads.
    for _ in 0..10 {
        let leader = cluster.leader().await;
        if leader == first {
            break;
        }
        cluster.kill(leader, None).await;
        cluster.leader().await;
        cluster.up(leader).await;
    }
    assert_eq!(cluster.leader().await, first, "it never led again");
    write(&cluster.consensus(first), 1, 901).await.expect("it leads and takes commands");
    cluster.shutdown().await;
}

/// Whoever gives a command up that nobody has taken yet is not surprised by it later.
pub async fn a_command_that_was_given_up_is_not_carried_out_later() {
    let mut cluster = Cluster::start(26, 3).await;
    let leader = cluster.leader().await;
    let alone = (leader + 1) % 3;
    let others: Vec<_> = (0..3).filter(|one| *one != alone).map(node_id).collect();
    cluster.network.partition(&[&[node_id(alone)], &others]);
    let consensus = cluster.consensus(alone);
    // Until it knows that the leader cannot be reached.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let given_up = tokio::time::timeout(Duration::from_millis(300), write(&consensus, 1, 7)).await;
    given_up.expect_err("nobody is there to take it");
    cluster.network.heal();
    while write(&consensus, 2, 1).await.is_err() {}
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(read(&consensus, 1).await, Some(0), "it was carried out after all");
    drop(consensus);
    cluster.shutdown().await;
}

/// Two of five that are cut off, the leader among them.
pub async fn a_minority_neither_writes_nor_reads() {
    let mut cluster = Cluster::start(3, 5).await;
    let leader = cluster.leader().await;
    write(&cluster.consensus(leader), 1, 1).await.expect("written");
    // The leader and one more are cut off from the other three.
    let with = (leader + 1) % 5;
    let minority = [node_id(leader), node_id(with)];
    let majority: Vec<_> = (2..5).map(|step| node_id((leader + step) % 5)).collect();
    cluster.network.partition(&[&minority, &majority]);
    let (cut, whole) = (cluster.consensus(leader), cluster.consensus((leader + 2) % 5));
    let ((), refused) = tokio::join!(
        async {
            // Whether the first is taken depends on when the new leader is there.
            while write(&whole, 1, 2).await.is_err() {}
        },
        write(&cut, 2, 9),
    );
    assert!(refused.is_err(), "two of five acknowledged a write");
    assert_eq!(read(&whole, 1).await, Some(2));
    for number in [leader, with] {
        assert_eq!(read(&cluster.consensus(number), 1).await, None, "an old value was read");
    }
    cluster.network.heal();
    for number in 0..5 {
        let consensus = cluster.consensus(number);
        let healed = tokio::time::Instant::now();
        let mut found = read(&consensus, 1).await;
        // Who was cut off knows a moment later that it is not.
        while found.is_none() && healed.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            found = read(&consensus, 1).await;
        }
        assert_eq!(found, Some(2));
    }
    // What was never acknowledged is there for all or for none.
    let found: Vec<_> = futures::future::join_all((0..5).map(|number| {
        let consensus = cluster.consensus(number);
        async move { read(&consensus, 2).await }
    }))
    .await;
    assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
    cluster.shutdown().await;
}

/// The second node of a site does not vote while another site could.
pub async fn one_node_of_a_site_votes() {
    let mut cluster = Cluster::founded(27, 3).await;
    cluster.join_beside(1, 0).await;
    cluster.join(2, catalog::NodeRole::Full).await;
    cluster.until("two vote", |status| status.voters.len() == 2).await;
    let voters = cluster.consensus(0).status().voters;
    assert!(voters.contains(&node_id(2)), "both voters are at one site: {voters:?}");
    cluster.shutdown().await;
}

/// A read begun anywhere after an answer shows what was answered.
pub async fn what_is_acknowledged_is_read_everywhere() {
    let mut cluster = Cluster::start(28, 3).await;
    cluster.network.delay_set_all(Duration::from_millis(3), Duration::ZERO);
    for value in 1..20 {
        let number = usize::try_from(value % 3).expect("small");
        write(&cluster.consensus(number), 1, value).await.expect("written");
        for other in 0..3 {
            assert_eq!(read(&cluster.consensus(other), 1).await, Some(value), "{number} {other}");
        }
    }
    cluster.shutdown().await;
}

/// Writes one value after the other until the end or, at a site that stops, until it does;
/// the longest wait for one that was written.
async fn longest_write(consensus: Consensus, register: usize, end: Arc<AtomicBool>) -> Duration {
    let (mut longest, mut value) = (Duration::ZERO, 0);
    while !end.load(Ordering::SeqCst) {
        value += 1;
        let begun = Instant::now();
        match write(&consensus, register, value).await {
            Ok(()) => longest = longest.max(begun.elapsed()),
            Err(error) if error.to_string().contains("stopping") => break,
            Err(error) => panic!("register {register}, value {value}: {error}"),
        }
    }
    longest
}

/// A leader that is stopped while all write hands the lead over first: when it has ended
/// another leads by the one election that it asked for, and no writer was told anything but
/// that its command was done. What was acknowledged where it stopped is read elsewhere. The
/// longest wait for a write, of those that were answered.
pub async fn a_leader_that_is_stopped_hands_the_lead_over_first(count: usize) -> Duration {
    let mut cluster = Cluster::start(41, count).await;
    cluster.network.delay_set_all(Duration::from_millis(5), Duration::ZERO);
    let mut longest = Duration::ZERO;
    for life in 0..3_u64 {
        let leader = cluster.leader().await;
        let term = cluster.consensus(leader).status().term;
        let end: Arc<AtomicBool> = Arc::default();
        let mut writers = JoinSet::new();
        // One of two that is left alone writes nothing.
        for number in (0..count).filter(|_| count > 2) {
            for more in 0..3 {
                let (consensus, end) = (cluster.consensus(number), Arc::clone(&end));
                writers.spawn(longest_write(consensus, 10 * number + more, end));
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        write(&cluster.consensus(leader), 100, life).await.expect("written");
        cluster.stop(leader).await;
        // At once: nobody has stood for election since.
        let next = (0..count)
            .find(|number| *number != leader && cluster.consensus(*number).status().is_leader);
        let next = next.expect("another leads already");
        assert_eq!(cluster.consensus(next).status().term, term + 1, "it was elected at once");
        if count > 2 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert_eq!(read(&cluster.consensus(next), 100).await, Some(life));
            assert_eq!(cluster.consensus(next).status().term, term + 1, "it stays");
        }
        cluster.up(leader).await;
        end.store(true, Ordering::SeqCst);
        while let Some(waited) = writers.join_next().await {
            longest = longest.max(waited.expect("no writer is told that it failed"));
        }
        while read(&cluster.consensus(leader), 100).await != Some(life) {}
    }
    cluster.shutdown().await;
    longest
}

/// Where clients write, and how it is made sure that they were judged by the rules of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    AtLeader,
    /// At a node that does not lead, caught up first.
    Elsewhere,
    /// There, by what the node knows; the leader judges whether that is still so.
    ElsewhereAsOf,
}

/// Clients that write one command after the other; says how long the median takes, in ways
/// there and back.
pub async fn ways_of_a_write(clients: usize, writing: Writing) -> f64 {
    let mut cluster = Cluster::start(29, 3).await;
    let there_and_back = Duration::from_millis(10);
    cluster.network.delay_set_all(there_and_back / 2, Duration::ZERO);
    let leader = cluster.leader().await;
    let at_leader = writing == Writing::AtLeader;
    let consensus = cluster.consensus(if at_leader { leader } else { (leader + 1) % 3 });
    let mut writers = JoinSet::new();
    for client in 0..clients {
        let consensus = consensus.clone();
        writers.spawn(async move {
            // Not all at the same moment.
            tokio::time::sleep(Duration::from_micros(700 * client as u64)).await;
            let mut took = Vec::new();
            for value in 1..=50 {
                let begun = Instant::now();
                if writing == Writing::ElsewhereAsOf {
                    let as_of = consensus.as_of().expect("another leads");
                    write_as_of(&consensus, client, value, as_of).await.expect("written");
                } else {
                    consensus.catch_up().await.expect("caught up");
                    write(&consensus, client, value).await.expect("written");
                }
                took.push(begun.elapsed());
                // The answer goes to whoever asked, who asks again.
                tokio::time::sleep(Duration::from_micros(400 + 60 * client as u64)).await;
            }
            took
        });
    }
    let mut took = Vec::new();
    while let Some(more) = writers.join_next().await {
        took.extend(more.expect("they write"));
    }
    took.sort();
    drop(consensus);
    cluster.shutdown().await;
    took[took.len() / 2].as_secs_f64() / there_and_back.as_secs_f64()
}

/// Another applies an entry on the word of a leader whose engine has no room for it yet: what
/// is read there is not read older at the leader afterwards.
pub async fn what_one_reader_saw_every_later_one_sees() {
    let mut cluster = Cluster::start(37, 3).await;
    let leader = cluster.leader().await;
    let other = cluster.consensus((leader + 1) % 3);
    write(&other, 1, 1).await.expect("written");
    assert_eq!(read(&cluster.consensus(leader), 1).await, Some(1));
    let engine = Arc::clone(&cluster.machines[leader].engine);
    engine.full_after(0, u64::MAX);
    let writer = other.clone();
    // Nobody is told how it ends before there is room.
    let writing = tokio::spawn(async move { write(&writer, 1, 2).await });
    let begun = Instant::now();
    while read_stale(&other.view(), 1) != 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the others apply it");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Whoever asks the leader for leave to read, and whoever reads there: what is not known
    // to be the newest is not shown.
    for number in [(leader + 1) % 3, leader, (leader + 2) % 3] {
        let seen = read(&cluster.consensus(number), 1).await;
        assert!(seen.is_none_or(|seen| seen == 2), "{number}: {seen:?} after 2 was seen");
    }
    engine.full_after(u64::MAX, 0);
    let begun = Instant::now();
    for number in [(leader + 1) % 3, leader, (leader + 2) % 3] {
        while read(&cluster.consensus(number), 1).await != Some(2) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{number} shows it in the end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let _ = writing.await.expect("the writer ends");
    cluster.shutdown().await;
}

/// A command that was decided by rules that have changed since is not carried out, wherever
/// it is proposed; one that was decided by those of now is.
pub async fn what_was_decided_by_old_rules_is_refused() {
    let mut cluster = Cluster::start(31, 3).await;
    let leader = cluster.leader().await;
    for number in [(leader + 1) % 3, (leader + 2) % 3, leader] {
        let consensus = cluster.consensus(number);
        assert_eq!(consensus.as_of().is_some(), number != leader, "who leads need not ask");
        read(&consensus, 1).await.expect("read");
        let as_of = *consensus.applied().borrow();
        // Not of the directory: nobody cares.
        write(&cluster.consensus(leader), 2, 1).await.expect("written");
        let written = write_as_of(&consensus, 1, 1, as_of).await;
        written.expect("no rule has changed");
        cluster.rules_change(number).await;
        let refused = write_as_of(&consensus, 1, 2, as_of).await;
        assert!(matches!(refused, Err(ProposeError::DirectoryChanged)), "{refused:?}");
        assert_eq!(read(&consensus, 1).await, Some(1));
        let as_of = *consensus.applied().borrow();
        let written = write_as_of(&consensus, 1, 1, as_of).await;
        written.expect("decided by the rules of now");
    }
    // Whoever leads next knows of a change that it did not answer for, also at once.
    let before = *cluster.consensus(leader).applied().borrow();
    cluster.rules_change(3).await;
    cluster.kill(leader, None).await;
    for number in [(leader + 1) % 3, (leader + 2) % 3] {
        let refused = loop {
            match write_as_of(&cluster.consensus(number), 1, 9, before).await {
                Err(ProposeError::Unavailable(_)) => {}
                other => break other,
            }
        };
        assert!(matches!(refused, Err(ProposeError::DirectoryChanged)), "{refused:?}");
    }
    cluster.shutdown().await;
}

/// A voter whose disk is full leaves alone what it has no room for, stays a voter, and is
/// not counted for what it left; with room it goes on by itself, and nothing is lost.
pub async fn a_voter_without_room_takes_no_more_and_goes_on_with_room() {
    let mut cluster = Cluster::start(41, 3).await;
    let leader = cluster.leader().await;
    let (full, other) = ((leader + 1) % 3, (leader + 2) % 3);
    let disk = Arc::clone(&cluster.machines[full].disk);
    disk.set_capacity(Some(ByteCount::new(8 << 20)));
    // Less than half of the floor, which is a thirty-second.
    let kept = 100 * 1024;
    let ballast = disk.create("ballast").expect("a file");
    let length = disk.space().expect("a size").free.get() - kept;
    ballast
        .write_all_at(&vec![1; usize::try_from(length).expect("a small disk")], 0)
        .expect("written");
    // What was believed of its room before.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (at_leader, at_full) = (cluster.consensus(leader), cluster.consensus(full));
    let term = at_full.status().term;
    let last = at_full.status().last;
    for value in 1..=200 {
        write(&at_leader, 1, value).await.expect("a majority has room");
    }
    let free = disk.space().expect("a size").free.get();
    assert!(free >= kept / 2, "{free} of {kept} bytes are left");
    assert_eq!(at_full.status().last, last, "nothing more was taken");
    // Longer than a voter waits that hears nobody.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(at_leader.status().term, term, "it went on hearing its leader");
    cluster.kill(other, None).await;
    let alone = write(&at_leader, 2, 9).await;
    assert!(alone.is_err(), "one of three acknowledged a write");
    drop(ballast);
    disk.remove("ballast").expect("removed");
    let since = Instant::now();
    while write(&at_leader, 3, 7).await.is_err() {}
    assert!(since.elapsed() < Duration::from_secs(3), "it took {:?}", since.elapsed());
    assert_eq!(read(&at_full, 1).await, Some(200));
    assert_eq!(read(&at_full, 3).await, Some(7));
    cluster.up(other).await;
    drop((at_leader, at_full));
    cluster.kill_losing_all(full, 1).await;
    cluster.up(full).await;
    let back = cluster.consensus(full);
    let mut found = None;
    while found.is_none() {
        found = read(&back, 1).await;
    }
    assert_eq!(found, Some(200));
    drop(back);
    cluster.shutdown().await;
}
