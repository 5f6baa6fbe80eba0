//! The network between simulated nodes, and what a test does to it.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use units::{InviteId, NodeId, NodePublicKey, Random, SimRandom};

use super::node::SimNode;
use super::transport::{SimGuest, SimTransport};
use super::way::{Line, Way};
use crate::{Peer, Roster, Service};

/// A network in memory. Everything drawn comes from its seed.
pub struct SimNetwork {
    random: SimRandom,
    state: Mutex<State>,
    /// Grows with every change that calls under way must notice.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<NodeId, Arc<SimNode>>,
    /// Every node that ever joined.
    known: BTreeSet<NodeId>,
    usual: Way,
    ways: BTreeMap<(NodeId, NodeId), Way>,
    counts: BTreeMap<(NodeId, NodeId, Service), CallCount>,
}

/// How often a node asked another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCount {
    /// Calls made, whatever became of them.
    pub asked: u64,
    /// Calls that reached the other node's handler.
    pub arrived: u64,
}

impl SimNetwork {
    /// An empty network without delay or loss.
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            random: SimRandom::seeded(seed),
            state: Mutex::default(),
            changes: watch::Sender::new(0),
        })
    }

    /// The key that a node of this id proves itself by.
    pub fn node_key(node: NodeId) -> NodePublicKey {
        let mut key = [0xA5; 32];
        key[..16].copy_from_slice(&node.to_bytes());
        NodePublicKey(key)
    }

    /// The key that an invitation of this id is recognised by.
    pub fn invite_key(invite: InviteId) -> NodePublicKey {
        let mut key = [0x5A; 32];
        key[..16].copy_from_slice(&invite.to_bytes());
        NodePublicKey(key)
    }

    /// A roster of these nodes, without invitations.
    pub fn roster(nodes: impl IntoIterator<Item = NodeId>) -> Roster {
        let peer = |node| Peer { key: Self::node_key(node), addresses: vec![format!("{node}:1")] };
        Roster {
            nodes: nodes.into_iter().map(|node| (node, peer(node))).collect(),
            invites: BTreeMap::new(),
        }
    }

    /// Starts a node. One that runs under this id ends, as when its process is killed.
    pub fn join(self: &Arc<Self>, me: NodeId, roster: Roster) -> Arc<SimTransport> {
        self.join_as(me, Self::node_key(me), roster)
    }

    /// The same with a key of the test's choice.
    pub fn join_as(
        self: &Arc<Self>,
        me: NodeId,
        key: NodePublicKey,
        roster: Roster,
    ) -> Arc<SimTransport> {
        let node = Arc::new(SimNode::new(me, key, roster));
        let earlier = {
            let mut state = self.state.lock();
            state.known.insert(me);
            state.running.insert(me, node.clone())
        };
        if let Some(earlier) = earlier {
            earlier.end();
        }
        self.changed();
        Arc::new(SimTransport::new(self.clone(), node))
    }

    /// A machine that holds an invitation and knows one node.
    pub fn guest(self: &Arc<Self>, invite: InviteId, server: NodeId) -> SimGuest {
        let me = NodeId::from_bytes(invite.to_bytes());
        let node = SimNode::new(me, Self::invite_key(invite), Self::roster([server]));
        SimGuest::new(Arc::new(SimTransport::new(self.clone(), Arc::new(node))), server)
    }

    /// Kills a node: its calls and those it answers break, its handlers are dropped. It
    /// comes back by [`Self::join`].
    pub fn down(&self, node: NodeId) {
        let ended = self.state.lock().running.remove(&node);
        if let Some(ended) = ended {
            ended.end();
        }
        self.changed();
    }

    /// How long messages take from now on, everywhere: between `fixed` and `fixed + jitter`.
    pub fn delay_set_all(&self, fixed: Duration, jitter: Duration) {
        self.each_way(|way| (way.delay, way.jitter) = (fixed, jitter));
    }

    /// The same for one direction.
    pub fn delay_set(&self, from: NodeId, to: NodeId, fixed: Duration, jitter: Duration) {
        self.one_way(from, to, |way| (way.delay, way.jitter) = (fixed, jitter));
    }

    /// How many of a thousand messages are lost from now on, everywhere. A question that
    /// is lost is not carried out; an answer that is lost was.
    pub fn loss_set_all(&self, per_mille: u16) {
        self.each_way(|way| way.lost_per_mille = per_mille);
    }

    /// The same for one direction.
    pub fn loss_set(&self, from: NodeId, to: NodeId, per_mille: u16) {
        self.one_way(from, to, |way| way.lost_per_mille = per_mille);
    }

    /// Nothing gets from one node to the other; back it does.
    pub fn cut(&self, from: NodeId, to: NodeId) {
        let since = Instant::now();
        self.one_way(from, to, |way| way.line = Line::Cut { since });
    }

    /// Nodes hear each other only if they share a group: two groups split the cluster, a
    /// node in both of them is a bridge, one in none is alone.
    pub fn partition(&self, groups: &[&[NodeId]]) {
        let known: Vec<NodeId> = self.state.lock().known.iter().copied().collect();
        let share = |a, b| groups.iter().any(|group| group.contains(a) && group.contains(b));
        let since = Instant::now();
        for from in &known {
            for to in known.iter().filter(|to| *to != from) {
                let together = share(from, to);
                self.one_way(*from, *to, |way| match (together, way.line) {
                    (true, _) => way.line = Line::Open,
                    (false, Line::Cut { .. }) => {}
                    (false, _) => way.line = Line::Cut { since },
                });
            }
        }
    }

    /// Cuts and opens both directions in turns, beginning with a cut.
    pub fn flap(&self, one: NodeId, other: NodeId, every: Duration) {
        let since = Instant::now();
        for (from, to) in [(one, other), (other, one)] {
            self.one_way(from, to, |way| way.line = Line::Flapping { every, since });
        }
    }

    /// Opens every way and loses nothing more. Delays stay; nodes that are down stay down.
    pub fn heal(&self) {
        self.each_way(|way| (way.line, way.lost_per_mille) = (Line::Open, 0));
    }

    /// How often one node asked another for a service.
    pub fn calls(&self, from: NodeId, to: NodeId, service: Service) -> CallCount {
        self.state.lock().counts.get(&(from, to, service)).copied().unwrap_or_default()
    }

    /// How often anybody asked anybody for a service.
    pub fn calls_of(&self, service: Service) -> CallCount {
        let state = self.state.lock();
        let of = state.counts.iter().filter(|((_, _, called), _)| *called == service);
        of.fold(CallCount::default(), |sum, (_, count)| CallCount {
            asked: sum.asked + count.asked,
            arrived: sum.arrived + count.arrived,
        })
    }

    fn each_way(&self, change: impl Fn(&mut Way)) {
        {
            let mut state = self.state.lock();
            change(&mut state.usual);
            state.ways.values_mut().for_each(&change);
        }
        self.changed();
    }

    fn one_way(&self, from: NodeId, to: NodeId, change: impl FnOnce(&mut Way)) {
        {
            let mut state = self.state.lock();
            let usual = state.usual;
            change(state.ways.entry((from, to)).or_insert(usual));
        }
        self.changed();
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn running(&self, node: NodeId) -> Option<Arc<SimNode>> {
        self.state.lock().running.get(&node).cloned()
    }

    /// Ends a node, unless another process runs under its id by now.
    pub(super) fn ended(&self, node: &Arc<SimNode>) {
        node.end();
        {
            let mut state = self.state.lock();
            if state.running.get(&node.me).is_some_and(|running| Arc::ptr_eq(running, node)) {
                state.running.remove(&node.me);
            }
        }
        self.changed();
    }

    pub(super) fn way(&self, from: NodeId, to: NodeId) -> Way {
        let state = self.state.lock();
        state.ways.get(&(from, to)).copied().unwrap_or(state.usual)
    }

    pub(super) fn counted(
        &self,
        from: NodeId,
        to: NodeId,
        service: Service,
        add: fn(&mut CallCount),
    ) {
        add(self.state.lock().counts.entry((from, to, service)).or_default());
    }

    /// How long this message takes.
    pub(super) fn delay_drawn(&self, way: &Way) -> Duration {
        way.delay + way.jitter.mul_f64(f64::from(self.drawn(1_000)) / 1_000.0)
    }

    /// Whether this message is lost.
    pub(super) fn is_lost(&self, way: &Way) -> bool {
        // Nothing is drawn where nothing can be lost: runs with and without stay alike.
        way.lost_per_mille > 0 && self.drawn(1_000) < u32::from(way.lost_per_mille)
    }

    /// A number below this.
    pub(super) fn drawn(&self, below: u32) -> u32 {
        let mut bytes = [0; 4];
        self.random.fill(&mut bytes);
        u32::from_le_bytes(bytes) % below.max(1)
    }
}
