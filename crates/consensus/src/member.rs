//! Who votes: node ids as openraft wants them, and where a node is reached.

use core::fmt;

use serde::{Deserialize, Serialize};
use units::NodeId;

/// A node in the membership. openraft needs a default; zero is no node's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member(NodeId);

impl Member {
    /// The member that this node is.
    pub const fn new(node: NodeId) -> Self {
        Self(node)
    }

    /// The node that this member is.
    pub const fn node(self) -> NodeId {
        self.0
    }
}

impl Default for Member {
    fn default() -> Self {
        Self(NodeId::from_u128(0))
    }
}

/// For openraft's own storage tests, which number their nodes.
impl From<u64> for Member {
    fn from(number: u64) -> Self {
        Self(NodeId::from_u128(u128::from(number)))
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the membership says of a node besides its id: nothing, since the site map in
/// the catalog says where it is reached. The field stays for the logs that have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Empty.
    pub address: String,
}
