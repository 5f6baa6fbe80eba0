//! Hands the lead over to another voter, on purpose and without a pause that is felt.
//!
//! ```text
//!  leader                         the other voters            the next leader
//!  could it? ────────────────────────────────────────────────► it has room and a clock
//!  holds new commands back, until the next has all of the log
//!  gives up its lease
//!  releases them ────────────────► may vote for the next
//!  "lead" ───────────────────────────────────────────────────► stands for election
//!  votes for it                    vote for it               ◄─
//! ```
//! It is an election like any other: who votes keeps its vote on disk and gives it to
//! nobody with less of the log. Only the promise to wait for a leader that was heard a
//! moment ago is not kept, since that leader gave it back.
//!
//! **Invariants**
//! - A leader that has released anybody counts on no lease any more in its term, whatever
//!   comes of it.
//! - Only the leader to which a promise was made gives it back, and for one other node.
//! - Commands held back are proposed here or sent to whoever leads next; none is lost and
//!   none done twice.
//!
//! A leader that is stopped hands the lead over too, so that nobody waits for an election:
//! to whoever has the log, rather to a site where people work than to another, to a witness
//! only if nobody else can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use catalog::SiteMap;
use futures::future::join_all;
use openraft::raft::AppendEntriesRequest;
use openraft::{CommittedLeaderId, LogId, RaftMetrics, ServerState};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use units::{NodeId, planted};
use wire::Transport;

use crate::leading::{Loads, goes_to, relieved_by, successors};
use crate::lease::Lease;
use crate::limits;
use crate::log::record::{Ballot, EntryId};
use crate::member::{Member, Seat};
use crate::message::{self, Kind};
use crate::types::Raft;

type Metrics = RaftMetrics<Member, Seat>;

/// When the lead is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeadRule {
    /// How long a node leads at least before it hands the lead over.
    pub stays: Duration,
    /// How long commands are counted together; six times as long is looked at.
    pub slice: Duration,
}

impl Default for LeadRule {
    fn default() -> Self {
        Self { stays: limits::LEAD_STAYS_MIN, slice: limits::LEAD_SLICE }
    }
}

/// A leader gives back the promise that its voters made it, for one other node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Release {
    /// The vote by which it leads.
    pub(crate) by: Ballot,
    /// Who is to lead next.
    pub(crate) to: NodeId,
}

/// What a leader asks of the node that is to lead next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LeadAsk {
    /// Whether it could.
    May,
    /// Stand for election now; with this last entry in its log.
    Now { last: EntryId },
}

/// The promise that this node was released from last.
#[derive(Default)]
pub(crate) struct Released(Mutex<Option<(Release, Duration)>>);

impl Released {
    /// A leader gave its promise back.
    pub(crate) fn note(&self, release: Release, now: Duration) {
        *self.0.lock() = Some((release, now));
    }

    /// Whether a node that has this vote may give its vote to who asks so, although it heard
    /// from its leader a moment ago.
    pub(crate) fn covers(&self, mine: Ballot, asked: Ballot, now: Duration) -> bool {
        self.0.lock().is_some_and(|(release, at)| {
            now.saturating_sub(at) < limits::RELEASE_FOR
                && release.by == mine
                && asked.leader_id().term == mine.leader_id().term + 1
                && asked.leader_id().voted_for() == Some(Member::new(release.to))
        })
    }
}

/// Has the node of this vote not wait for its leader any more: its own vote becomes the one
/// that is asked for, which is on disk when this returns.
///
/// openraft refuses votes for as long as it has heard a leader, and for as long only: it
/// takes over a higher vote with any message. This one matches no log, so nothing but the
/// vote is taken from it.
pub(crate) async fn vote_taken(raft: &Raft, asked: Ballot, last: Option<EntryId>) {
    let leader = asked.leader_id();
    let beyond = last.map_or(0, |last| last.index).saturating_add(u64::from(u32::MAX));
    let by = CommittedLeaderId::new(leader.term, leader.voted_for().unwrap_or_default());
    let nothing = AppendEntriesRequest {
        vote: asked,
        prev_log_id: Some(LogId::new(by, beyond)),
        entries: Vec::new(),
        leader_commit: None,
    };
    // It says that the log does not match.
    let _ = raft.append_entries(nothing).await;
}

/// Whether new commands are held back.
#[derive(Clone, Default)]
pub(crate) struct Hold(Arc<AtomicBool>);

impl Hold {
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn begin(&self) -> Held {
        self.0.store(true, Ordering::Relaxed);
        Held(self.clone())
    }
}

/// Commands are held back until it is dropped.
struct Held(Hold);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// What a hand-over takes.
#[derive(Clone)]
pub(crate) struct Hands {
    pub(crate) raft: Raft,
    pub(crate) me: Member,
    pub(crate) lease: Arc<Lease>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) loads: Arc<Loads>,
    pub(crate) released: Arc<Released>,
    pub(crate) hold: Hold,
}

/// What hands over when it is time.
pub(crate) struct Handing {
    pub(crate) hands: Hands,
    pub(crate) rule: LeadRule,
    /// When it is looked at again, by the stop-watch.
    pub(crate) looks_at: Duration,
    /// When the lead may follow the load again.
    pub(crate) again_at: Duration,
}

impl Handing {
    /// This node has just begun to lead.
    pub(crate) fn begin(&mut self) {
        self.hands.loads.forget();
        self.again_at = self.hands.lease.now().saturating_add(self.rule.stays);
    }

    /// Hands the lead over if it is time and another voter's site has nearly all the load, or
    /// if this node is a witness.
    /// To be asked while the membership rests.
    pub(crate) async fn step(&mut self, metrics: &Metrics, map: &SiteMap) {
        let hands = &self.hands;
        let now = hands.lease.now();
        if now < self.looks_at {
            return;
        }
        self.looks_at = now.saturating_add(limits::LEAD_LOOK_EVERY);
        let (me, may) = (hands.me.node(), |node| hands.may(metrics, node));
        let near_the_load = || {
            let recent = (now >= self.again_at).then(|| hands.loads.recent(now))?;
            goes_to(map, me, &recent, may)
        };
        let Some(to) = relieved_by(map, me, may).or_else(near_the_load) else { return };
        if !hands.hand_over_to(metrics, to).await {
            let now = hands.lease.now();
            self.again_at = now.saturating_add(self.rule.stays);
            self.looks_at = now.saturating_add(limits::HAND_OVER_AGAIN_AFTER);
        }
    }
}

impl Hands {
    /// If this node leads others, which it is not to do any more since it stops: hands the
    /// lead to the best voter that takes it, and waits until somebody is elected. Ends
    /// within [`limits::HAND_OVER_AT_STOP_WITHIN`], whatever comes of it.
    /// To be asked while the membership rests.
    pub(crate) async fn before_the_stop(&self, map: &SiteMap) {
        let until = Instant::now() + limits::HAND_OVER_AT_STOP_WITHIN;
        let leads_others = |metrics: &Metrics| {
            let voters = metrics.membership_config.voter_ids();
            metrics.state == ServerState::Leader && voters.count() > 1
        };
        let metrics = self.raft.metrics().borrow().clone();
        if !leads_others(&metrics) {
            return;
        }
        let recent = self.loads.recent(self.lease.now());
        let able = successors(map, &recent, |node| self.may(&metrics, node));
        let somebody_leads = async {
            for to in able {
                let metrics = self.raft.metrics().borrow().clone();
                if !leads_others(&metrics) || self.hand_over_to(&metrics, to).await {
                    break;
                }
            }
            let mut changes = self.raft.metrics();
            let is_other = |leader: Member| leader != self.me;
            let _ = changes.wait_for(|now| now.current_leader.is_some_and(is_other)).await;
        };
        if tokio::time::timeout_at(until, somebody_leads).await.is_err() {
            tracing::warn!("this node stops while it leads: the others have to elect somebody");
        }
    }

    /// Says whether it came off.
    async fn hand_over_to(&self, metrics: &Metrics, to: NodeId) -> bool {
        let begun = self.lease.now();
        let handed = self.hand_over(metrics, to).await;
        let took_ms = self.lease.now().saturating_sub(begun).as_millis();
        match handed {
            Ok(()) => tracing::info!(%to, took_ms, "the lead of the catalog was handed over"),
            Err(reason) => {
                tracing::warn!(%to, reason, "the lead of the catalog stays where it is");
            }
        }
        handed.is_ok()
    }

    /// Whether a node votes, answers, and has nearly all of the log.
    fn may(&self, metrics: &Metrics, node: NodeId) -> bool {
        let member = Member::new(node);
        let replication = metrics.replication.as_ref();
        let matched = replication.and_then(|all| all.get(&member).copied().flatten());
        let last = metrics.last_log_index.unwrap_or_default();
        node != self.me.node()
            && metrics.membership_config.voter_ids().any(|voter| voter == member)
            && self.answers(member)
            && matched.is_some_and(|id| id.index + limits::LEAD_BEHIND_MAX >= last)
    }

    fn answers(&self, member: Member) -> bool {
        let now = self.lease.now();
        let answered = self.lease.answered(member);
        answered.is_some_and(|sent| now.saturating_sub(sent) < limits::LEASE)
    }

    async fn hand_over(&self, metrics: &Metrics, to: NodeId) -> Result<(), &'static str> {
        if !self.ask(to, Kind::Lead, &LeadAsk::May).await.unwrap_or(false) {
            return Err("the node there cannot lead now: see its status");
        }
        let _held = (!planted::is_on("consensus-hand-over-unheld")).then(|| self.hold.begin());
        let last = self.all_is_at(to).await?;
        let release = Release { by: metrics.vote, to };
        let next = Ballot::new(metrics.vote.leader_id().term + 1, Member::new(to));
        // From here on others may be elected.
        self.lease.vote_asked().gave(next);
        self.released.note(release, self.lease.now());
        let others = metrics.membership_config.voter_ids();
        let others =
            others.filter(|voter| *voter != self.me && voter.node() != to && self.answers(*voter));
        let release = &release;
        let released = others.map(|voter| self.ask::<()>(voter.node(), Kind::Release, release));
        join_all(released.collect::<Vec<_>>()).await;
        let lead = LeadAsk::Now { last };
        if !self.ask(to, Kind::Lead, &lead).await.unwrap_or(false) {
            return Err("the node there did not stand for election");
        }
        let mut changes = self.raft.metrics();
        let ended =
            changes.wait_for(|now| now.state != ServerState::Leader || now.vote != metrics.vote);
        match tokio::time::timeout(limits::HAND_OVER_WITHIN, ended).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err("the node there was not elected: until somebody is, reads ask a majority"),
        }
    }

    /// Waits until nothing is under way and a node has all of the log; its last entry.
    async fn all_is_at(&self, to: NodeId) -> Result<EntryId, &'static str> {
        let until = self.lease.now().saturating_add(limits::HAND_OVER_STEP_WITHIN);
        let mut seen = None;
        loop {
            let found = {
                let metrics = self.raft.metrics();
                let metrics = metrics.borrow();
                if metrics.state != ServerState::Leader {
                    return Err("it is led by another already");
                }
                let replication = metrics.replication.as_ref();
                let matched =
                    replication.and_then(|all| all.get(&Member::new(to)).copied().flatten());
                let applied = metrics.last_applied;
                let is_all = applied.map(|id| id.index) == metrics.last_log_index;
                applied.filter(|_| is_all && matched == applied)
            };
            // Twice the same: what was packed before commands were held back is in it.
            if found.is_some() && found == seen {
                return found.ok_or("it has no log");
            }
            seen = found;
            if self.lease.now() >= until {
                return Err("the node there does not have all of the log yet");
            }
            tokio::time::sleep(limits::HAND_OVER_LOOK).await;
        }
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        node: NodeId,
        kind: Kind,
        said: &impl Serialize,
    ) -> Option<T> {
        let call = message::call(kind, said).ok()?;
        let replied = self.transport.call(node, call, limits::HAND_OVER_STEP_WITHIN).await;
        message::said(replied.ok()?).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_given_back_for_one_vote_and_not_for_long() {
        let (leader, next) = (Member::from(1), Member::from(2));
        let mine = Ballot::new_committed(3, leader);
        let released = Released::default();
        let at = Duration::from_secs(9);
        assert!(!released.covers(mine, Ballot::new(4, next), at));
        released.note(Release { by: mine, to: next.node() }, at);
        assert!(released.covers(mine, Ballot::new(4, next), at));
        assert!(!released.covers(mine, Ballot::new(4, Member::from(3)), at), "for another");
        assert!(!released.covers(mine, Ballot::new(5, next), at), "of a later term");
        let later = Ballot::new_committed(4, Member::from(3));
        assert!(!released.covers(later, Ballot::new(5, next), at), "another leads by now");
        let end = at + limits::RELEASE_FOR;
        assert!(!released.covers(mine, Ballot::new(4, next), end));
    }
}
