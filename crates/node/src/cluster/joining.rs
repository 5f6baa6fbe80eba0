//! A new machine joins: it says who it is, and is told whom to know.
//!
//! **Invariants**
//! - It says the same each time: a join that was cut is done again by the same command.
//! - Nothing of the cluster is on its disks before it was let in.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{NodeAddress, NodeRole, SignedStatement};
use serde::{Deserialize, Serialize};
use units::{NodeId, NodePublicKey, Signature, SiteId};
use vault::NodeIdentity;
use wire::{Body, Call, Guest, Peer, Roster, Service};

use super::token::Token;
use crate::trouble::Trouble;

/// How long a machine that joins waits for one answer.
const JOIN_WITHIN: Duration = Duration::from_secs(20);
/// Most bytes of a question or an answer about joining.
pub(super) const JOIN_BYTES_MAX: usize = 1024 * 1024;
/// First byte of both.
pub(super) const VERSION: u8 = 1;
/// In front of what a new node signs: who it is, and that it wants in.
const CONTEXT: &[u8] = b"essaim join 1\0";

/// Who wants in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct JoinAsk {
    pub(super) node: NodeId,
    pub(super) site: SiteId,
    pub(super) name: String,
    pub(super) key: NodePublicKey,
    pub(super) role: NodeRole,
    pub(super) addresses: Vec<String>,
    pub(super) statement: Option<SignedStatement>,
    /// The node has the private half of its key.
    pub(super) proof: Signature,
}

/// What a node is told that was let in.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct JoinReply {
    pub(super) roster: Vec<(NodeId, NodePublicKey, Vec<String>)>,
    /// The root key, if the node may open what is stored.
    pub(super) root: Option<Vec<u8>>,
}

/// What came of joining.
pub(crate) struct Joined {
    pub(crate) roster: Roster,
    pub(crate) root: Option<zeroize::Zeroizing<Vec<u8>>>,
}

/// Who the machine is that joins.
pub(crate) struct Candidate<'a> {
    pub(crate) node: NodeId,
    pub(crate) site: SiteId,
    pub(crate) name: String,
    pub(crate) identity: &'a NodeIdentity,
    pub(crate) addresses: &'a [NodeAddress],
    pub(crate) statement: Option<SignedStatement>,
}

/// The bytes that prove that the new node has its key.
pub(super) fn proof_of(token_invite: units::InviteId, node: NodeId, site: SiteId) -> Vec<u8> {
    let mut message = CONTEXT.to_vec();
    message.extend_from_slice(&token_invite.to_bytes());
    message.extend_from_slice(&node.to_bytes());
    message.extend_from_slice(&site.to_bytes());
    message
}

/// Asks to be let in.
pub(crate) async fn join(token: &Token, candidate: Candidate<'_>) -> Result<Joined, Trouble> {
    let shown = token.addresses.join(", ");
    let unreachable = |error: &dyn core::fmt::Display| {
        Trouble::new(
            format!("the site that invites cannot be reached at {shown}: {error}"),
            "see that it runs, that its --cluster-listen port is open to this machine, and that \
             the token has not expired; then start again with the same token",
        )
    };
    let invitation = token.identity().map_err(|error| unreachable(&error))?;
    let inviting = Peer { key: token.inviting, addresses: token.addresses.clone() };
    let guest = Guest::dial(&inviting, Arc::new(invitation), JOIN_WITHIN).await;
    let guest = guest.map_err(|error| unreachable(&error))?;
    let proof = proof_of(token.invite, candidate.node, candidate.site);
    let ask = JoinAsk {
        node: candidate.node,
        site: candidate.site,
        name: candidate.name,
        key: candidate.identity.public(),
        role: token.role(),
        addresses: candidate.addresses.iter().map(ToString::to_string).collect(),
        statement: candidate.statement,
        proof: candidate.identity.sign(&proof),
    };
    let body = postcard::to_stdvec(&ask).map_err(|error| unreachable(&error))?;
    let head = Bytes::from_static(&[VERSION]);
    let call = Call { service: Service::Join, head, body: Body::whole(body.into()) };
    let reply = guest.call(call, JOIN_WITHIN).await.map_err(|error| unreachable(&error))?;
    let bytes = reply.body.collect(JOIN_BYTES_MAX).await.map_err(|error| unreachable(&error))?;
    let said: Result<JoinReply, String> =
        postcard::from_bytes(&bytes).map_err(|error| unreachable(&error))?;
    let reply = said.map_err(|reason| {
        Trouble::new(
            format!("the cluster does not let this machine in: {reason}"),
            "ask for a fresh token (essaim invite) or mend what it says; nothing was changed",
        )
    })?;
    let nodes = reply.roster.into_iter();
    let nodes = nodes.map(|(node, key, addresses)| (node, Peer { key, addresses })).collect();
    let root = reply.root.map(zeroize::Zeroizing::new);
    Ok(Joined { roster: Roster { nodes, ..Roster::default() }, root })
}
