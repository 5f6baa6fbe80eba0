//! Site: one physical place under one operator.
//!
//! ```text
//! 1 | id 16 | name | statement? | state (active, or draining since) | joined
//! statement   bytes | signed by (node 16, signature 64) | countersigned? | signed until
//! ```
//! The statement is kept as the bytes that were signed: whoever checks a signature
//! must have exactly those, and what they say is for `placement` to read. Signatures
//! were checked by the proposer; here they are evidence.

use serde::{Deserialize, Serialize};
use units::{NodeId, Signature, SiteId, Timestamp};

use crate::name::{SiteName, StatementBytes};

/// A signature, and by whose key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSignature {
    /// The node whose key it was.
    pub node: NodeId,
    /// What it signed with it.
    pub signature: Signature,
}

/// What a site says about itself, and who vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStatement {
    /// The statement, as it was signed.
    pub bytes: StatementBytes,
    /// By a node of the site.
    pub signed: NodeSignature,
    /// By a node of another site that has checked it, if one has.
    pub countersigned: Option<NodeSignature>,
    /// From this instant on it counts no more.
    pub until: Timestamp,
}

/// Whether a site takes fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SiteState {
    /// It does.
    Active,
    /// It is being emptied: nothing is moved to it.
    Draining {
        /// Since when.
        since: Timestamp,
    },
}

/// A site's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Which.
    pub id: SiteId,
    /// Its name, unique in the cluster.
    pub name: SiteName,
    /// What it says about itself, if it has said it.
    pub statement: Option<SignedStatement>,
    /// Whether it takes fragments.
    pub state: SiteState,
    /// Since when it belongs to the cluster.
    pub joined: Timestamp,
}

impl Site {
    /// Whether it is being emptied.
    pub const fn is_draining(&self) -> bool {
        matches!(self.state, SiteState::Draining { .. })
    }
}
