//! Keeps the seats of the consensus as the site map in the catalog wants them, while
//! this node leads; and stands for election when a leader's process has ended. While the
//! seats rest, the lead may be handed over; see `handing`.
//!
//! **Invariants**
//! - One change at a time, each by the log: a crash at any step leaves a membership that
//!   can elect, and the next leader goes on from it.
//! - Nobody votes before having nearly all of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use catalog::{SiteMap, View};
use openraft::{ChangeMembers, ServerState};
use parking_lot::Mutex;
use units::{NodeId, SiteId};
use wire::Transport;

use crate::handing::Handing;
use crate::lease::Lease;
use crate::limits;
use crate::member::{Member, Seat};
use crate::seats::{Seats, seats};
use crate::state_machine::StateMachine;
use crate::types::Raft;

type Metrics = openraft::RaftMetrics<Member, Seat>;
type Change = ChangeMembers<Member, Seat>;

/// What keeps the seats.
pub(crate) struct Seating {
    pub(crate) raft: Raft,
    pub(crate) me: Member,
    pub(crate) machine: StateMachine,
    pub(crate) lease: Arc<Lease>,
    pub(crate) handing: Handing,
}

/// What watches over the leader.
pub(crate) struct Vigil {
    pub(crate) raft: Raft,
    pub(crate) me: Member,
    pub(crate) lease: Arc<Lease>,
    pub(crate) transport: Arc<dyn Transport>,
    /// When a leader was last heard, by the stop-watch.
    pub(crate) heard: Arc<Mutex<Duration>>,
}

impl Seating {
    /// Compares and changes, until the Raft instance ends.
    pub(crate) async fn run(mut self) {
        let mut looks = tokio::time::interval(limits::SEATS_INTERVAL);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut led_since = None;
        loop {
            looks.tick().await;
            let metrics = self.raft.metrics().borrow().clone();
            if metrics.running_state.is_err() {
                return;
            }
            if metrics.state != ServerState::Leader {
                led_since = None;
                continue;
            }
            if led_since.is_none() {
                self.handing.begin();
            }
            let led_since = *led_since.get_or_insert_with(|| self.lease.now());
            let Ok(map) = View::new(self.machine.view()).site_map() else { continue };
            // A site that has not said who it is has been alone so far.
            if !map.is_founded() {
                continue;
            }
            if let Some(change) = self.next_change(&metrics, &map, led_since) {
                self.change(change).await;
            } else {
                self.handing.step(&metrics, &map).await;
            }
        }
    }

    /// The next step from the membership there is to the one there should be.
    fn next_change(&self, metrics: &Metrics, map: &SiteMap, led_since: Duration) -> Option<Change> {
        let membership = metrics.membership_config.membership();
        let voters: BTreeSet<NodeId> = membership.voter_ids().map(Member::node).collect();
        let now = self.lease.now();
        let is_away = |node: NodeId| {
            let heard = self.lease.answered(Member::new(node)).unwrap_or(led_since).max(led_since);
            node != self.me.node() && now.saturating_sub(heard) > limits::VOTER_AWAY_MAX
        };
        let wanted = seats(map, &voters, is_away);
        let seated: BTreeSet<NodeId> =
            membership.nodes().map(|(member, _)| member.node()).collect();
        if let Some(new) = wanted.members.keys().find(|node| !seated.contains(node)) {
            return Some(Change::AddNodes(BTreeMap::from([(Member::new(*new), Seat::default())])));
        }
        let is_joint = membership.get_joint_config().len() > 1;
        if is_joint || wanted.voters != voters {
            let chosen = ready(&wanted, &voters, |node| follows(metrics, self.me, node));
            if is_joint || chosen != voters {
                let chosen = chosen.into_iter().map(Member::new).collect();
                return Some(Change::ReplaceAllVoters(chosen));
            }
        }
        let is_gone = |node: &NodeId| !wanted.members.contains_key(node) && !voters.contains(node);
        let gone = seated.iter().find(|node| is_gone(node));
        gone.map(|node| Change::RemoveNodes(BTreeSet::from([Member::new(*node)])))
    }

    async fn change(&self, change: Change) {
        let said = format!("{change:?}");
        let changed = tokio::time::timeout(
            limits::PROPOSE_TIMEOUT,
            self.raft.change_membership(change, true),
        );
        match changed.await {
            Ok(Ok(_)) => tracing::info!(change = said, "the seats of the catalog have changed"),
            Ok(Err(error)) => tracing::debug!(change = said, %error, "seats stay for now"),
            Err(_) => tracing::warn!(change = said, "a change of seats takes long"),
        }
    }
}

impl Vigil {
    /// Stands for election soon after the leader's process has ended, which shows as soon
    /// as its connections do; a leader that is merely silent is given more time by openraft.
    pub(crate) async fn run(self) {
        let Self { raft, me, lease, transport, heard } = self;
        let mut looks = tokio::time::interval(limits::VIGIL_INTERVAL);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let metrics = raft.metrics().borrow().clone();
            if metrics.running_state.is_err() {
                return;
            }
            let Some(leader) = metrics.current_leader.filter(|leader| *leader != me) else {
                continue;
            };
            let voters = metrics.membership_config.voter_ids().filter(|voter| *voter != leader);
            let Some(place) = voters.collect::<BTreeSet<_>>().iter().position(|voter| *voter == me)
            else {
                continue;
            };
            if transport.contact(leader.node()).reached != Some(false) {
                continue;
            }
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            let patience = limits::ELECTION_TIMEOUT_MAX + limits::VIGIL_STAGGER * place;
            if lease.now().saturating_sub(*heard.lock()) < patience {
                continue;
            }
            tracing::info!(%leader, "the leader's process has ended: standing for election");
            // Not again before this election has had its time.
            *heard.lock() = lease.now();
            if raft.trigger().elect().await.is_err() {
                return;
            }
        }
    }
}

/// Whether a node has nearly all of the log.
fn follows(metrics: &Metrics, me: Member, node: NodeId) -> bool {
    if node == me.node() {
        return true;
    }
    let replication = metrics.replication.as_ref();
    let matched = replication.and_then(|all| all.get(&Member::new(node)).copied().flatten());
    let last = metrics.last_log_index.unwrap_or_default();
    matched.is_some_and(|id| id.index + limits::VOTER_BEHIND_MAX >= last)
}

/// The voters wanted, as far as they can vote already: instead of one that cannot yet,
/// somebody who votes now goes on, if there is one at a site that has no other voter.
fn ready(
    wanted: &Seats,
    voters: &BTreeSet<NodeId>,
    follows: impl Fn(NodeId) -> bool,
) -> BTreeSet<NodeId> {
    let is_ready = |node: &NodeId| voters.contains(node) || follows(*node);
    let mut chosen: BTreeSet<NodeId> =
        wanted.voters.iter().copied().filter(|node| is_ready(node)).collect();
    let site = |node: &NodeId| wanted.members.get(node).copied();
    let mut taken: BTreeSet<SiteId> = chosen.iter().filter_map(site).collect();
    for node in voters {
        // A node that has left the map shares its site with nobody.
        let mut is_free = |node: &NodeId| site(node).is_none_or(|site| taken.insert(site));
        if chosen.len() < wanted.voters.len() && !chosen.contains(node) && is_free(node) {
            chosen.insert(*node);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u128]) -> BTreeSet<NodeId> {
        numbers.iter().copied().map(NodeId::from_u128).collect()
    }

    /// Node 1 and node 11 are at site 1, and so on. Nodes `behind` lack the log.
    fn check(wanted: &[u128], voters: &[u128], behind: &[u128], expected: &[u128]) {
        let site = |node: u128| (NodeId::from_u128(node), SiteId::from_u128(node % 10));
        let members = wanted.iter().chain(voters).map(|node| site(*node)).collect();
        let seats = Seats { members, voters: set(wanted) };
        let behind = set(behind);
        let chosen = ready(&seats, &set(voters), |node| !behind.contains(&node));
        assert_eq!(chosen, set(expected), "{wanted:?} for {voters:?}, without {behind:?}");
    }

    #[test]
    fn nobody_votes_beside_another_of_the_same_site() {
        // Node 11 votes instead of node 1; node 4, which is to come, is not ready.
        check(&[3, 4, 11], &[1, 2, 3], &[4], &[2, 3, 11]);
        check(&[4, 11], &[1], &[4], &[11]);
        check(&[2, 11], &[1, 2], &[11], &[1, 2]);
    }

    #[test]
    fn nobody_votes_before_having_the_log() {
        check(&[1, 2, 3], &[1], &[], &[1, 2, 3]);
        check(&[1, 2, 3], &[1], &[2, 3], &[1]);
        check(&[1, 2, 3], &[1], &[3], &[1, 2]);
        check(&[1, 2, 4], &[1, 2, 3], &[4], &[1, 2, 3]);
        check(&[4, 5, 6], &[1, 2, 3], &[5], &[1, 4, 6]);
        check(&[1, 2], &[1, 2, 3], &[1, 2], &[1, 2]);
    }
}
