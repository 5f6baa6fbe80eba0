//! Invitations: each lets one machine join the cluster.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an invitation is to be like.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteNew {
    /// Seconds until it opens nothing any more; at most 30 days.
    pub expires_in_seconds: u64,
    /// Whether the machine is to be a witness: it votes, keeps no fragment and gets no key.
    #[serde(default)]
    pub witness: bool,
}

/// Whether a machine can join by an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InviteState {
    /// One can.
    Open,
    /// One has.
    Used,
    /// Its time is over.
    Expired,
}

/// An invitation, without its token.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Invite {
    /// Its id.
    pub id: String,
    /// Whether a machine can join by it.
    pub state: InviteState,
    /// When it was made.
    pub made: String,
    /// Who made it.
    pub made_by: String,
    /// What the machine is to do: `full`, `storage` or `witness`.
    pub role: String,
    /// From when on it opens nothing.
    pub expires: String,
    /// The node that joined by it, if one did.
    pub used_by: Option<String>,
    /// When that was.
    pub used: Option<String>,
}

/// An invitation with its token, which is shown this once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InviteMade {
    /// The invitation.
    pub invite: Invite,
    /// The word to hand over.
    pub token: String,
    /// Where the new machine looks for this node.
    pub addresses: Vec<String>,
    /// Whether these are good on this machine only.
    pub only_this_machine: bool,
}
