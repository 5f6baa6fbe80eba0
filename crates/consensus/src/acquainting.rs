//! Learns whom to know from another node, when nothing is heard of whoever leads.
//!
//! A node lets in whom its own catalog knows. One that was away while others joined does
//! not know them, and if one of these leads it can never be told: it asks those that it
//! does know whom they know, and lets these in until its own catalog is as new.
//! It asks who leads, too: whoever leads may dial it in vain, at an address where it is not
//! any more, and hears the new one only from a command that finds its way there.
//!
//! ```text
//!  away:   knows 1 2 3            asks 2 ──► knows 2 3 6 7, on a newer map
//!          lets 1 2 3 6 7 in      6, who leads, brings it up to date
//! ```
//! **Invariants**
//! - Only nodes that may vote are believed: they are trusted for the catalog already.
//! - What was told adds nodes and never takes one away; a key that the own catalog says
//!   stays what it says.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{Node, NodeRole, SiteMap, View};
use futures::future::join_all;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use units::{Epoch, NodeId, NodePublicKey};
use wire::{Peer, Roster, Transport};

use crate::forward::Hint;
use crate::limits;
use crate::message::{self, Kind};
use crate::state_machine::StateMachine;
use crate::touch::Touch;

/// Whom another node knows, on a map that was newer than this node's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    epoch: Epoch,
    peers: BTreeMap<NodeId, Peer>,
}

impl Introduction {
    /// Adds to a roster that follows the map of this epoch whom the map does not know yet;
    /// nothing once the map is as new.
    pub fn complete(&self, roster: &mut Roster, epoch: Epoch) {
        if epoch >= self.epoch {
            return;
        }
        for (node, told) in &self.peers {
            let known = roster.nodes.entry(*node).or_insert_with(|| told.clone());
            // It may have moved since; its key is for the map to say.
            if known.key == told.key {
                known.addresses.clone_from(&told.addresses);
            }
        }
    }
}

/// A node, as it is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acquaintance {
    node: NodeId,
    key: NodePublicKey,
    addresses: Vec<String>,
}

/// Whom a node knows by its own catalog, and the map's epoch there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    epoch: Epoch,
    nodes: Vec<Acquaintance>,
}

impl Known {
    /// What a map says.
    pub(crate) fn by(map: SiteMap) -> Self {
        let addresses = |node: &Node| node.addresses.iter().map(ToString::to_string).collect();
        let of =
            |node: Node| Acquaintance { node: node.id, key: node.key, addresses: addresses(&node) };
        Self { epoch: map.epoch, nodes: map.nodes.into_iter().map(of).collect() }
    }

    /// As what this node is told; none if it is not among those known there any more.
    fn told_to(self, me: NodeId) -> Option<Introduction> {
        let peer = |one: Acquaintance| (one.node, Peer { key: one.key, addresses: one.addresses });
        let peers: BTreeMap<NodeId, Peer> = self.nodes.into_iter().map(peer).collect();
        peers.contains_key(&me).then_some(Introduction { epoch: self.epoch, peers })
    }
}

/// Whom most name, leaving out this node: it is asking since it does not lead.
fn most_named(named: impl Iterator<Item = NodeId>, me: NodeId) -> Option<NodeId> {
    let mut counts: BTreeMap<NodeId, usize> = BTreeMap::new();
    for node in named.filter(|node| *node != me) {
        *counts.entry(node).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(node, _)| node)
}

/// Who is believed about whom to know.
fn believed(map: &SiteMap, me: NodeId) -> Vec<NodeId> {
    let may_vote = |node: &&Node| node.id != me && node.role != NodeRole::Storage;
    map.nodes.iter().filter(may_vote).map(|node| node.id).collect()
}

/// The task that asks.
pub(crate) struct Acquainting {
    pub(crate) me: NodeId,
    pub(crate) touch: Arc<Touch>,
    pub(crate) machine: StateMachine,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) told: watch::Sender<Introduction>,
    pub(crate) hint: Arc<Hint>,
}

impl Acquainting {
    /// Until it is aborted.
    pub(crate) async fn run(self) {
        loop {
            self.touch.until_cut_off().await;
            self.ask().await;
            tokio::time::sleep(limits::ACQUAINT_EVERY).await;
        }
    }

    /// Asks all at once: most of them may be away.
    async fn ask(&self) {
        let Ok(map) = View::new(self.machine.view()).site_map() else { return };
        let believed = believed(&map, self.me);
        let known = believed.iter().map(|node| self.ask_one::<Known>(*node, Kind::Known));
        let leaders =
            believed.iter().map(|node| self.ask_one::<Option<NodeId>>(*node, Kind::Leader));
        let (known, leaders) = tokio::join!(join_all(known), join_all(leaders));
        self.hint.note(most_named(leaders.into_iter().flatten().flatten(), self.me));
        let known = known.into_iter().flatten();
        let newest = known.filter_map(|known| known.told_to(self.me)).max_by_key(|told| told.epoch);
        let Some(newest) = newest.filter(|told| told.epoch > map.epoch) else { return };
        let is_new = |told: &mut Introduction| {
            let is_new = newest.epoch >= told.epoch && newest != *told;
            if is_new {
                *told = newest;
            }
            is_new
        };
        if self.told.send_if_modified(is_new) {
            tracing::info!("told by another node whom to know: others have joined meanwhile");
        }
    }

    async fn ask_one<T: DeserializeOwned>(&self, node: NodeId, kind: Kind) -> Option<T> {
        let call = message::call(kind, &()).ok()?;
        let replied = self.transport.call(node, call, limits::READ_POINT_WITHIN).await;
        message::said(replied.ok()?).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use units::{SiteId, Timestamp};

    use super::*;

    const fn id(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    fn map(epoch: u64, nodes: &[(u128, NodeRole)]) -> SiteMap {
        let node = |(number, role): &(u128, NodeRole)| Node {
            id: id(*number),
            site: SiteId::from_u128(*number),
            key: NodePublicKey([u8::try_from(*number).unwrap_or(0); 32]),
            addresses: Vec::new(),
            role: *role,
            disks: Vec::new(),
            joined: Timestamp::from_seconds(1),
        };
        SiteMap {
            epoch: Epoch::new(epoch),
            nodes: nodes.iter().map(node).collect(),
            ..SiteMap::default()
        }
    }

    fn numbers(roster: &Roster) -> Vec<NodeId> {
        roster.nodes.keys().copied().collect()
    }

    #[test]
    fn only_who_may_vote_is_believed() {
        use NodeRole::{Full, Storage, Witness};
        let map = map(4, &[(1, Full), (2, Storage), (3, Witness), (4, Full)]);
        assert_eq!(believed(&map, id(1)), [id(3), id(4)]);
    }

    #[test]
    fn who_leads_is_whom_most_name_beside_this_node() {
        let check = |named: &[u128], expected: Option<u128>| {
            let named = named.iter().map(|number| id(*number));
            assert_eq!(most_named(named, id(1)), expected.map(id));
        };
        check(&[], None);
        check(&[1, 1], None);
        check(&[2, 1, 3, 3], Some(3));
    }

    #[test]
    fn what_is_told_adds_nodes_until_the_own_map_is_as_new() {
        let newer =
            Known::by(map(9, &[(1, NodeRole::Full), (3, NodeRole::Full), (6, NodeRole::Full)]));
        let told = newer.clone().told_to(id(1)).expect("it is known there");
        assert_eq!(newer.told_to(id(2)), None, "it was removed there");
        let own = || Known::by(map(4, &[(1, NodeRole::Full), (2, NodeRole::Full)]));
        let own =
            || Roster { nodes: own().told_to(id(1)).expect("itself").peers, ..Roster::default() };
        let mut roster = own();
        told.complete(&mut roster, Epoch::new(4));
        assert_eq!(numbers(&roster), [id(1), id(2), id(3), id(6)]);
        for epoch in [9, 10] {
            let mut roster = own();
            told.complete(&mut roster, Epoch::new(epoch));
            assert_eq!(numbers(&roster), [id(1), id(2)]);
        }
    }

    #[test]
    fn a_key_of_the_own_map_stays() {
        let mut newer = Known::by(map(9, &[(1, NodeRole::Full), (2, NodeRole::Full)]));
        for node in &mut newer.nodes {
            node.addresses = vec!["elsewhere:1".to_owned()];
        }
        newer.nodes[1].key = NodePublicKey([77; 32]);
        let told = newer.told_to(id(1)).expect("itself");
        let mut roster = Roster {
            nodes: Known::by(map(4, &[(1, NodeRole::Full), (2, NodeRole::Full)]))
                .told_to(id(1))
                .expect("itself")
                .peers,
            ..Roster::default()
        };
        told.complete(&mut roster, Epoch::new(4));
        assert_eq!(roster.nodes[&id(1)].addresses, ["elsewhere:1"]);
        assert_eq!(roster.nodes[&id(2)].key, NodePublicKey([2; 32]));
        assert!(roster.nodes[&id(2)].addresses.is_empty());
    }
}
