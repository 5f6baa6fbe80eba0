//! Messages without entries to one node: that its leader lives, and how far the log is
//! committed.
//!
//! ```text
//!  leader    entries ───┐        ┌─ commit ─ word ─┐ entries: not after the word's answer
//!  follower             └─ has ──┘                 └─ applies
//! ```
//!
//! openraft learns from the answer to a word only that the node still has what was in
//! front of it. Whoever accepted that from a leader keeps it as long as that leader leads,
//! so the answer is known before it comes. Words may overtake entries and each other: what
//! is committed only grows, and nothing is cut off by a message that names what is there.
//!
//! **Invariants**
//! - An answer is known only of what the node accepted, in the same vote, in a message of
//!   at most [`limits::ANSWER_KNOWN_FOR`] ago: a node that fell silent is waited for, and
//!   openraft told.
//! - An answer that refuses ends what is known, so that openraft hears the next one.
//! - There is a bound to the words under way.

use std::time::Duration;

use openraft::raft::AppendEntriesResponse;
use tokio::task::JoinSet;

use crate::limits;
use crate::log::record::{Ballot, EntryId};
use crate::network::Appended;

/// What one node said to one leader.
#[derive(Default)]
pub(crate) struct Words {
    known: Option<Known>,
    under_way: JoinSet<Told>,
}

/// What the node surely has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    vote: Ballot,
    /// The last entry accepted.
    last: Option<EntryId>,
    /// When the message was sent that it accepted, by the stop-watch.
    sent: Duration,
}

/// A word that was answered, or came to nothing.
struct Told {
    said: Known,
    is_accepted: bool,
}

impl Words {
    /// The node accepted a message sent at that time, up to this entry.
    pub(crate) fn accepted(&mut self, vote: Ballot, last: Option<EntryId>, sent: Duration) {
        let is_older = |known: &Known| known.vote == vote && known.last > last;
        if !self.known.as_ref().is_some_and(is_older) {
            self.known = Some(Known { vote, last, sent });
        }
    }

    /// The node refused, or did not answer.
    pub(crate) fn forget(&mut self) {
        self.known = None;
    }

    /// Whether a word that ends at this entry may be sent without waiting for its answer.
    pub(crate) fn is_known(&mut self, vote: Ballot, last: Option<EntryId>, now: Duration) -> bool {
        while let Some(told) = self.under_way.try_join_next() {
            match told {
                Ok(Told { said, is_accepted: true }) => {
                    if let Some(known) = &mut self.known
                        && known.vote == said.vote
                    {
                        known.sent = known.sent.max(said.sent);
                    }
                }
                Ok(_) | Err(_) => self.forget(),
            }
        }
        let is_known = |known: &Known| {
            known.vote == vote
                && known.last == last
                && last.is_some()
                && now.saturating_sub(known.sent) <= limits::ANSWER_KNOWN_FOR
        };
        self.under_way.len() < limits::WORDS_IN_FLIGHT_MAX
            && self.known.as_ref().is_some_and(is_known)
    }

    /// Sends a word and listens for its answer.
    pub(crate) fn send(
        &mut self,
        vote: Ballot,
        last: Option<EntryId>,
        sent: Duration,
        asked: impl Future<Output = Appended> + Send + 'static,
    ) {
        let said = Known { vote, last, sent };
        self.under_way.spawn(async move {
            let answer = asked.await;
            Told { said, is_accepted: matches!(answer, Ok(AppendEntriesResponse::Success)) }
        });
    }
}

#[cfg(test)]
mod tests {
    use openraft::{CommittedLeaderId, LogId};
    use wire::CallError;

    use super::*;
    use crate::member::Member;

    fn vote(term: u64) -> Ballot {
        Ballot::new_committed(term, Member::from(1))
    }

    fn id(index: u64) -> Option<EntryId> {
        Some(LogId::new(CommittedLeaderId::new(3, Member::from(1)), index))
    }

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    async fn send(words: &mut Words, sent: Duration, answer: Appended) {
        words.send(vote(3), id(7), sent, async move { answer });
        while !words.under_way.is_empty() && words.is_known(vote(3), id(7), sent) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn only_what_was_accepted_lately_from_the_same_leader_is_known() {
        let mut words = Words::default();
        assert!(!words.is_known(vote(3), id(7), at(0)));
        words.accepted(vote(3), id(7), at(1000));
        assert!(words.is_known(vote(3), id(7), at(1400)));
        assert!(!words.is_known(vote(3), id(8), at(1400)), "more than was accepted");
        assert!(!words.is_known(vote(4), id(7), at(1400)), "another leader");
        assert!(!words.is_known(vote(3), id(7), at(1401)), "silent for too long");
        words.accepted(vote(3), None, at(1400));
        assert!(words.is_known(vote(3), id(7), at(1400)), "it has not lost what it had");
        words.accepted(vote(4), None, at(1400));
        assert!(!words.is_known(vote(4), None, at(1400)), "nothing is no entry");
    }

    #[tokio::test]
    async fn an_answer_prolongs_what_is_known_and_a_refusal_ends_it() {
        let mut words = Words::default();
        words.accepted(vote(3), id(7), at(1000));
        send(&mut words, at(1300), Ok(AppendEntriesResponse::Success)).await;
        assert!(words.is_known(vote(3), id(7), at(1700)));
        send(&mut words, at(1500), Ok(AppendEntriesResponse::HigherVote(vote(4)))).await;
        assert!(!words.is_known(vote(3), id(7), at(1500)));
        words.accepted(vote(3), id(7), at(1600));
        let node = units::NodeId::from_u128(2);
        let broken = Err(CallError::Broken { node, reason: String::new() });
        send(&mut words, at(1600), broken).await;
        assert!(!words.is_known(vote(3), id(7), at(1600)));
    }

    #[tokio::test]
    async fn words_under_way_are_bounded() {
        let mut words = Words::default();
        words.accepted(vote(3), id(7), at(1000));
        for _ in 0..limits::WORDS_IN_FLIGHT_MAX {
            assert!(words.is_known(vote(3), id(7), at(1000)));
            words.send(vote(3), id(7), at(1000), core::future::pending());
        }
        assert!(!words.is_known(vote(3), id(7), at(1000)));
    }
}
