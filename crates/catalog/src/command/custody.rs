//! Commands about what nodes prove to keep.

use serde::{Deserialize, Serialize};
use units::NodeId;

use crate::record::CustodyProof;

/// Keeps what nodes have answered when they were asked for what they keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyNote {
    /// Each at most once; one that is not on the map is passed over.
    pub nodes: Vec<CustodyNoted>,
}

/// The answers of one node since they were noted last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyNoted {
    /// Which node.
    pub node: NodeId,
    /// How many held.
    pub held: u64,
    /// Questions left unanswered although the node was there, and no answer since.
    pub silent: u64,
    /// The last one that held.
    pub last: Option<CustodyProof>,
    /// Those that did not, the oldest first.
    pub failures: Vec<CustodyProof>,
}
