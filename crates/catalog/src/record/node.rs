//! Node: one running process on one machine, with an identity of its own.
//!
//! ```text
//! 1 | id 16 | site 16 | key 32 | addresses | role | disks | joined
//! ```
//! A part's slots name disks; the node that lists a disk says at which site it is.
//! `map_disk` is the same the other way round: from a disk to the node that lists it.
//!
//! **Invariants**
//! - No disk is listed by two nodes, and none that was forgotten is listed.
//! - No two nodes, and no node and an invitation, have the same key.

use serde::{Deserialize, Serialize};
use units::{DiskId, NodeId, NodePublicKey, SiteId, Timestamp};

use crate::name::NodeAddress;

/// What a node does for the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeRole {
    /// Keeps fragments and the catalog, and serves clients.
    Full,
    /// Keeps fragments only.
    Storage,
    /// Votes, and keeps no fragment: the third of two sites.
    Witness,
}

/// A node's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Which.
    pub id: NodeId,
    /// At which site it is.
    pub site: SiteId,
    /// What it proves itself by.
    pub key: NodePublicKey,
    /// Where it is reached, best first.
    pub addresses: Vec<NodeAddress>,
    /// What it does.
    pub role: NodeRole,
    /// Its disks, those among them that are missing now.
    pub disks: Vec<DiskId>,
    /// Since when it belongs to the cluster.
    pub joined: Timestamp,
}
