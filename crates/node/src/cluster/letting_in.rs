//! Lets a machine in that holds an invitation.
//!
//! The handshake has proven that it holds the token; the catalog decides, in the command,
//! whether the invitation is still good.
//!
//! **Invariant**: the root key goes to whom the map says is to open what is stored. What
//! a machine says of its own role counts only while the map does not know it: one that
//! has joined may ask again, and might say something else then.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use catalog::command::{NodeJoin, NodeNew, SiteJoin, SiteNew};
use catalog::{Command, NodeAddress, NodeRole, SiteMap, SiteName};
use consensus::Consensus;
use units::{ClusterId, InviteId, NodeId};
use vault::{NodeIdentity, Vault, node_verify};
use wire::{Body, Call, Caller, Handler, Refused, Reply};

use super::joining::{JOIN_BYTES_MAX, JoinAsk, JoinReply, VERSION, proof_of};
use super::statement;
use crate::trouble::chain;

/// Answers [`wire::Service::Join`].
pub(crate) struct LettingIn {
    pub(crate) consensus: Consensus,
    pub(crate) vault: Arc<Vault>,
    pub(crate) node: NodeId,
    pub(crate) identity: Arc<NodeIdentity>,
    pub(crate) cluster: ClusterId,
}

#[async_trait]
impl Handler for LettingIn {
    async fn handle(&self, caller: Caller, call: Call) -> Result<Reply, Refused> {
        let refused = |reason: String| Refused { reason };
        let Caller::Invited(invite) = caller else {
            return Err(refused("only an invitation lets a machine in".to_owned()));
        };
        if call.head.first() != Some(&VERSION) {
            return Err(refused("this version does not know how that one joins".to_owned()));
        }
        let bytes = call.body.collect(JOIN_BYTES_MAX).await;
        let bytes = bytes.map_err(|error| refused(error.to_string()))?;
        let ask: JoinAsk =
            postcard::from_bytes(&bytes).map_err(|error| refused(error.to_string()))?;
        let said = self.let_in(invite, ask).await;
        if let Err(reason) = &said {
            tracing::warn!(%invite, reason, "a machine was not let in");
        }
        let body = postcard::to_stdvec(&said).map_err(|error| refused(error.to_string()))?;
        Ok(Reply { head: Bytes::from_static(&[VERSION]), body: Body::whole(body.into()) })
    }
}

impl LettingIn {
    async fn let_in(&self, invite: InviteId, ask: JoinAsk) -> Result<JoinReply, String> {
        let proof = proof_of(invite, ask.node, ask.site);
        if !node_verify(ask.key, &proof, &ask.proof) {
            return Err("it does not have the key that it says is its own".to_owned());
        }
        if ask.role == NodeRole::Full && self.vault.is_blind() {
            return Err("the node that invites is a witness and has no root key".to_owned());
        }
        let mut signed = ask.statement;
        if let Some(signed) = &mut signed {
            if statement::verified(signed, self.cluster, ask.site, ask.key).is_none() {
                return Err("the statement of its site is not signed by it".to_owned());
            }
            let me = (self.node, &*self.identity);
            statement::countersign(signed, self.cluster, ask.site, me);
        }
        let name = SiteName::new(ask.name).map_err(|error| format!("its name: {error}"))?;
        let addresses: Result<Vec<_>, _> =
            ask.addresses.into_iter().map(NodeAddress::new).collect();
        let addresses = addresses.map_err(|error| format!("its address: {error}"))?;
        let role = ask.role;
        let join = NodeJoin {
            invite,
            site: SiteJoin::New(Box::new(SiteNew { id: ask.site, name, statement: signed })),
            node: NodeNew { id: ask.node, key: ask.key, addresses, role, disks: Vec::new() },
        };
        let joined = self.consensus.propose(Command::NodeJoin(Box::new(join))).await;
        joined.map_err(|error| chain(&error))?;
        tracing::info!(node = %ask.node, site = %ask.site, "a node has joined");
        let map = self.consensus.view().site_map().map_err(|error| chain(&error))?;
        let opens = may_open(&map, ask.node);
        let roster = map.nodes.into_iter().map(|node| {
            let addresses = node.addresses.iter().map(ToString::to_string).collect();
            (node.id, node.key, addresses)
        });
        let root = opens.then(|| self.vault.share().to_vec());
        Ok(JoinReply { roster: roster.collect(), root })
    }
}

/// Whether a node may open what is stored.
fn may_open(map: &SiteMap, node: NodeId) -> bool {
    map.node(node).is_some_and(|node| node.role == NodeRole::Full)
}

#[cfg(test)]
mod tests {
    use catalog::Node;
    use units::{NodePublicKey, SiteId, Timestamp};

    use super::*;

    #[test]
    fn only_a_node_that_the_map_says_is_full_gets_the_root_key() {
        let node = |number: u128, role| Node {
            id: NodeId::from_u128(number),
            site: SiteId::from_u128(number),
            key: NodePublicKey([7; 32]),
            addresses: Vec::new(),
            role,
            disks: Vec::new(),
            joined: Timestamp::from_seconds(1),
        };
        let roles = [NodeRole::Full, NodeRole::Storage, NodeRole::Witness];
        let nodes = (1_u128..).zip(roles).map(|(number, role)| node(number, role)).collect();
        let map = SiteMap { nodes, ..SiteMap::default() };
        let opens = |number| may_open(&map, NodeId::from_u128(number));
        assert_eq!([1, 2, 3, 4].map(opens), [true, false, false, false]);
    }
}
