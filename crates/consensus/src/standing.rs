//! Whether a leader has applied all that was acknowledged before it led.
//!
//! A new leader has once it has applied an entry of its own term. One whose process ended
//! and began again goes on leading in the same term, with entries of that term applied
//! long ago: what it acknowledged last it may have in its log only, since how far the log
//! was committed is not synced.
//!
//! ```text
//!  log      … 7 8 9 │ synced, acknowledged by the process before
//!  rows     … 7     │ applied again so far: a read now would show the past
//! ```

use openraft::RaftMetrics;
use units::planted;

use crate::log::index::Index;
use crate::log::record::Ballot;
use crate::member::{Member, Seat};

/// What was in the log when this process began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// The vote by which this node led already, and the last entry in its log.
    led: Option<(Ballot, u64)>,
}

impl Standing {
    /// As of a log that was just opened.
    pub(crate) fn at_start(me: Member, log: &Index) -> Self {
        if planted::is_on("consensus-forgets-it-led") {
            return Self::default();
        }
        let led = log.vote.filter(|vote| {
            vote.is_committed() && vote.leader_id().voted_for().is_some_and(|leader| leader == me)
        });
        let last = log.last().map(|id| id.index);
        Self { led: led.zip(last) }
    }

    /// The entry up to which the process before may have acknowledged, if this vote was
    /// its own.
    pub(crate) fn acknowledged(&self, vote: Ballot) -> Option<u64> {
        self.led.filter(|(led, _)| *led == vote).map(|(_, last)| last)
    }

    /// Whether a leader with these metrics has applied all that was acknowledged before.
    pub(crate) fn knows_all(&self, metrics: &RaftMetrics<Member, Seat>) -> bool {
        let Some(applied) = metrics.last_applied else { return false };
        let own_term = applied.leader_id.term == metrics.current_term;
        let before = self.acknowledged(metrics.vote);
        own_term && before.is_none_or(|last| applied.index >= last)
    }
}

#[cfg(test)]
mod tests {
    use openraft::{CommittedLeaderId, LogId};

    use super::*;

    fn id(term: u64, index: u64) -> LogId<Member> {
        LogId::new(CommittedLeaderId::new(term, Member::from(1)), index)
    }

    #[test]
    fn a_leader_that_began_again_must_apply_what_its_log_has() {
        let me = Member::from(1);
        let vote = Ballot::new_committed(3, me);
        let log = Index { vote: Some(vote), purged: Some(id(3, 9)), ..Index::default() };
        let metrics = |vote: Ballot, applied| {
            let term = vote.leader_id().term;
            let mut metrics = RaftMetrics::new_initial(me);
            (metrics.vote, metrics.current_term, metrics.last_applied) = (vote, term, applied);
            metrics
        };
        let standing = Standing::at_start(me, &log);
        assert!(!standing.knows_all(&metrics(vote, None)));
        assert!(!standing.knows_all(&metrics(vote, Some(id(3, 8)))), "entry 9 is in the log");
        assert!(standing.knows_all(&metrics(vote, Some(id(3, 9)))));
        let next = Ballot::new_committed(4, me);
        assert!(!standing.knows_all(&metrics(next, Some(id(3, 9)))), "nothing of its own term");
        assert!(standing.knows_all(&metrics(next, Some(id(4, 5)))), "entry 9 was cut off");
        let other = Ballot::new_committed(3, Member::from(2));
        let followed = Standing::at_start(me, &Index { vote: Some(other), ..log });
        assert!(followed.acknowledged(other).is_none());
    }
}
