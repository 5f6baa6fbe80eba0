//! For how long a leader surely leads, without asking anybody.
//!
//! A follower that heard from a leader gives nobody else its vote for
//! [`limits::ELECTION_TIMEOUT_MAX`]. A leader that knows when it *sent* what a majority
//! answered therefore knows until when nobody else can have been elected: Raft, section
//! 6.4.1 of Ongaro's thesis. The stop-watches of two machines may run at different
//! speeds, so the leader counts on less.
//!
//! ```text
//!  leader    sent ──────────────── counted on ───────┤
//!  follower       heard ───────────── promised ──────────────┤
//! ```
//!
//! **Invariants**
//! - Only an answer to a message of the same vote counts.
//! - Time is that of a stop-watch that goes on while the machine sleeps.
//! - A leader promises itself too: while it counts on its lease it gives nobody its vote,
//!   and once it has given one away its lease is over.
//! - A node that has just started may have promised something before, so it gives
//!   nobody its vote for as long; see `answering`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use units::{Clock, planted};

use crate::limits;
use crate::log::record::Ballot;
use crate::member::Member;

/// When each node was last sent something that it answered.
pub(crate) struct Lease {
    clock: Arc<dyn Clock>,
    answered: Mutex<BTreeMap<Member, (Ballot, Duration)>>,
    votes: Mutex<Votes>,
}

/// What this node does with its own vote.
#[derive(Default)]
struct Votes {
    /// How many times it is being asked for.
    asked: u32,
    /// The highest vote it gave to another.
    given: Option<Ballot>,
}

/// This node is being asked for its vote: meanwhile it counts on no lease.
pub(crate) struct Asked<'a>(&'a Lease);

impl Asked<'_> {
    /// The vote was given.
    pub(crate) fn gave(&self, vote: Ballot) {
        let mut votes = self.0.votes.lock();
        if votes.given.is_none_or(|given| vote > given) {
            votes.given = Some(vote);
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.votes.lock().asked -= 1;
    }
}

impl Lease {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, answered: Mutex::default(), votes: Mutex::default() }
    }

    /// What the stop-watch says.
    pub(crate) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// A node accepted a message of this vote that was sent at that time.
    pub(crate) fn note(&self, from: Member, vote: Ballot, sent: Duration) {
        let mut answered = self.answered.lock();
        let noted = answered.entry(from).or_insert((vote, sent));
        if noted.0 != vote || noted.1 < sent {
            *noted = (vote, sent);
        }
    }

    /// Somebody else wants the vote of this node.
    pub(crate) fn vote_asked(&self) -> Asked<'_> {
        self.votes.lock().asked += 1;
        Asked(self)
    }

    /// Whether a leader with this vote has kept its own vote.
    fn is_kept(&self, vote: Ballot) -> bool {
        let votes = self.votes.lock();
        votes.asked == 0 && votes.given.is_none_or(|given| vote > given)
    }

    /// When a node was last sent something that it answered.
    pub(crate) fn answered(&self, by: Member) -> Option<Duration> {
        self.answered.lock().get(&by).map(|(_, sent)| *sent)
    }

    /// Whether a leader with this vote still leads now: in each of the sets of voters
    /// that may elect somebody a majority has promised it.
    pub(crate) fn holds(&self, me: Member, vote: Ballot, voters: &[BTreeSet<Member>]) -> bool {
        let now = self.now();
        let answered = self.answered.lock();
        let is_over = |sent: Duration| {
            now.saturating_sub(sent) >= limits::LEASE && !planted::is_on("consensus-lease-for-good")
        };
        let promised = |voter: &Member| {
            let heard = answered.get(voter);
            *voter == me || heard.is_some_and(|(of, sent)| *of == vote && !is_over(*sent))
        };
        let is_majority = |voters: &BTreeSet<Member>| {
            2 * voters.iter().filter(|voter| promised(voter)).count() > voters.len()
        };
        self.is_kept(vote) && !voters.is_empty() && voters.iter().all(is_majority)
    }
}

#[cfg(test)]
mod tests {
    use units::{SimClock, Timestamp};

    use super::*;

    fn set(members: &[u64]) -> BTreeSet<Member> {
        members.iter().map(|member| Member::from(*member)).collect()
    }

    #[test]
    fn a_lease_is_held_by_a_majority_of_every_set_and_ends() {
        let clock = Arc::new(SimClock::starting_at(Timestamp::from_seconds(1)));
        let lease = Lease::new(clock.clone());
        let me = Member::from(1);
        let vote = Ballot::new_committed(3, me);
        assert!(lease.holds(me, vote, &[set(&[1])]), "alone there is nobody to ask");
        let three = set(&[1, 2, 3]);
        assert!(!lease.holds(me, vote, std::slice::from_ref(&three)));
        lease.note(Member::from(2), Ballot::new_committed(2, me), lease.now());
        assert!(!lease.holds(me, vote, std::slice::from_ref(&three)), "an earlier term");
        lease.note(Member::from(2), vote, lease.now());
        assert!(lease.holds(me, vote, std::slice::from_ref(&three)));
        assert!(!lease.holds(me, vote, &[three.clone(), set(&[1, 4, 5])]), "joint consensus");
        lease.note(Member::from(4), vote, lease.now());
        assert!(lease.holds(me, vote, &[three.clone(), set(&[1, 4, 5])]));
        let before = lease.now();
        clock.advance(limits::LEASE);
        assert!(!lease.holds(me, vote, std::slice::from_ref(&three)));
        lease.note(Member::from(3), vote, before);
        assert!(!lease.holds(me, vote, std::slice::from_ref(&three)), "sent too long ago");
        lease.note(Member::from(3), vote, lease.now());
        assert!(lease.holds(me, vote, std::slice::from_ref(&three)));
        assert!(!lease.holds(Member::from(9), vote, &[set(&[1, 2, 3, 4])]));
    }

    #[test]
    fn a_leader_that_gives_its_vote_away_has_no_lease() {
        let clock = Arc::new(SimClock::starting_at(Timestamp::from_seconds(1)));
        let lease = Lease::new(clock);
        let (me, three) = (Member::from(1), [set(&[1, 2, 3])]);
        let vote = Ballot::new_committed(3, me);
        lease.note(Member::from(2), vote, lease.now());
        assert!(lease.holds(me, vote, &three));
        let other = Ballot::new(4, Member::from(3));
        {
            let _asked = lease.vote_asked();
            assert!(!lease.holds(me, vote, &three), "it may be given at any moment");
        }
        assert!(lease.holds(me, vote, &three), "it was not given");
        lease.vote_asked().gave(other);
        assert!(!lease.holds(me, vote, &three), "one and three may have another leader");
        let next = Ballot::new_committed(5, me);
        lease.note(Member::from(2), next, lease.now());
        assert!(lease.holds(me, next, &three), "it was elected again");
    }
}
