//! Who may call whom.

use std::collections::BTreeMap;

use units::{InviteId, NodeId, NodePublicKey};

/// A node as others know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What it proves itself by.
    pub key: NodePublicKey,
    /// Where it is reached, best first: `host:port` each.
    pub addresses: Vec<String>,
}

/// The nodes of the cluster, and the invitations that are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Every node but this one, or with it: a node never calls itself over the network.
    pub nodes: BTreeMap<NodeId, Peer>,
    /// The public keys that open invitations are recognised by.
    pub invites: BTreeMap<InviteId, NodePublicKey>,
}
