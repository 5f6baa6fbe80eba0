//! Invitation: lets one node join, once, until it expires.
//!
//! ```text
//! 1 | id 16 | key 32 | role | made | expires | made by | used? (node 16, at)
//! ```
//! Only a public key is kept. The token that the operator hands over is the private
//! half: whoever reads the catalog cannot join with what is in it.
//!
//! A used or expired invitation stays a while, so that a node that asks again is told
//! what became of it; see `apply::invite`.

use serde::{Deserialize, Serialize};
use units::{InviteId, NodeId, NodePublicKey, Timestamp};

use super::NodeRole;

/// Who used an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteUse {
    /// The node that joined.
    pub node: NodeId,
    /// When.
    pub at: Timestamp,
}

/// An invitation's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Which.
    pub id: InviteId,
    /// The public half of the token.
    pub key: NodePublicKey,
    /// What the invited node is to do.
    pub role: NodeRole,
    /// When it was made.
    pub made: Timestamp,
    /// From this instant on it opens nothing.
    pub expires: Timestamp,
    /// Who made it, in the operator's words.
    pub made_by: String,
    /// Who used it, if somebody did.
    pub used: Option<InviteUse>,
}

impl Invite {
    /// Whether a node can join by it at this instant.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.used.is_none() && at < self.expires
    }

    /// Since when it opens nothing, at the latest.
    pub(crate) fn closed(&self) -> Timestamp {
        self.used.map_or(self.expires, |used| used.at)
    }
}
