//! What a node signs when it is asked for what it keeps, and whether it has.

use std::sync::Arc;

use catalog::{CustodyAnswer, CustodyProof, CustodyStatement};
use fragments::{Challenge, CustodySigner, Holding, SignedHolding};
use units::{Clock, ClusterId, NodeId, Signature, SiteId, Timestamp};
use vault::NodeIdentity;

/// Signs the answers of a node with its key.
pub struct CustodyIdentity {
    /// The cluster.
    pub cluster: ClusterId,
    /// The site of the node.
    pub site: SiteId,
    /// The node.
    pub node: NodeId,
    /// Its key.
    pub identity: Arc<NodeIdentity>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
}

impl CustodySigner for CustodyIdentity {
    fn sign(&self, challenge: &Challenge, holding: Holding) -> (Timestamp, Signature) {
        let at = self.clock.now();
        let signed = SignedHolding { holding, at, signature: Signature([0; 64]) };
        let who = (self.cluster, self.site, self.node);
        (at, self.identity.sign(&statement(who, challenge, &signed).message()))
    }
}

/// What an answer says.
pub(super) fn statement(
    (cluster, site, node): (ClusterId, SiteId, NodeId),
    challenge: &Challenge,
    signed: &SignedHolding,
) -> CustodyStatement {
    CustodyStatement {
        cluster,
        site,
        node,
        disk: challenge.disk,
        part: challenge.name.part,
        stripe: challenge.name.stripe,
        fragment: challenge.name.fragment,
        start: challenge.start,
        end: challenge.end,
        nonce: challenge.nonce.0,
        epoch: challenge.epoch,
        at: signed.at,
        answer: match signed.holding {
            Holding::Held(proof) => CustodyAnswer::Held(proof.0),
            Holding::Missing => CustodyAnswer::Missing,
            Holding::Damaged => CustodyAnswer::Damaged,
        },
    }
}

/// Whether the key that a proof names has signed what the proof says. Whose key that is
/// must be known from elsewhere.
pub fn custody_is_signed(proof: &CustodyProof) -> bool {
    vault::node_verify(proof.key, &proof.statement.message(), &proof.signature)
}
