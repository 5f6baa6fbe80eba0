//! Custody: what a node has answered when it was asked for ranges of what it keeps.
//!
//! ```text
//! 1 | node 16 | site 16 | since | held | failed | silent | last? | failures
//! proof       statement | signature 64 | key 32 | asked by 16 | asked | due 32? | verdict
//! ```
//! What the node signs, numbers big-endian:
//! ```text
//! "essaim custody 1" ‖ 0 ‖ cluster 16 ‖ site 16 ‖ node 16 ‖ disk 16 ‖ part 16 ‖ stripe 4
//!   ‖ fragment 1 ‖ start 4 ‖ end 4 ‖ nonce 32 ‖ epoch 8 ‖ at 8 ‖ answer
//! answer      0 ‖ hash 32  |  1: it is not there  |  2: its checksums do not hold
//! ```
//! The hash is BLAKE3 over the bytes of the range, keyed by the nonce. A proof holds all
//! that it takes to check the signature: whoever has the node's key from elsewhere needs
//! nobody's word. Whether the hash is the right one is the word of who asked, as long as
//! nobody computes it anew from the other fragments.

use serde::{Deserialize, Serialize};
use units::{
    ClusterId, DiskId, Epoch, FragmentNumber, NodeId, NodePublicKey, PartId, Signature, SiteId,
    StripeNumber, Timestamp,
};

const CONTEXT: &[u8] = b"essaim custody 1\0";

/// What a node says of a range of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustodyAnswer {
    /// It has it: BLAKE3 over the bytes, keyed by the nonce.
    Held([u8; 32]),
    /// It is not there.
    Missing,
    /// Its checksums do not hold.
    Damaged,
}

/// One answer to one question, as the node signs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyStatement {
    /// In which cluster.
    pub cluster: ClusterId,
    /// The site that answers.
    pub site: SiteId,
    /// Its node.
    pub node: NodeId,
    /// The disk that the fragment has its place on.
    pub disk: DiskId,
    /// The part.
    pub part: PartId,
    /// The stripe of the part.
    pub stripe: StripeNumber,
    /// The fragment of the stripe.
    pub fragment: FragmentNumber,
    /// The first byte of the range, from the beginning of the fragment.
    pub start: u32,
    /// The byte behind its last.
    pub end: u32,
    /// Drawn for this question.
    pub nonce: [u8; 32],
    /// The version of the site map by which it was asked.
    pub epoch: Epoch,
    /// When, by the clock of the node.
    pub at: Timestamp,
    /// What it says.
    pub answer: CustodyAnswer,
}

impl CustodyStatement {
    /// The bytes that are signed.
    pub fn message(&self) -> Vec<u8> {
        let mut message = CONTEXT.to_vec();
        message.extend_from_slice(&self.cluster.to_bytes());
        message.extend_from_slice(&self.site.to_bytes());
        message.extend_from_slice(&self.node.to_bytes());
        message.extend_from_slice(&self.disk.to_bytes());
        message.extend_from_slice(&self.part.to_bytes());
        message.extend_from_slice(&self.stripe.get().to_be_bytes());
        message.push(self.fragment.get());
        message.extend_from_slice(&self.start.to_be_bytes());
        message.extend_from_slice(&self.end.to_be_bytes());
        message.extend_from_slice(&self.nonce);
        message.extend_from_slice(&self.epoch.get().to_be_bytes());
        message.extend_from_slice(&self.at.micros().to_be_bytes());
        match &self.answer {
            CustodyAnswer::Held(hash) => {
                message.push(0);
                message.extend_from_slice(hash);
            }
            CustodyAnswer::Missing => message.push(1),
            CustodyAnswer::Damaged => message.push(2),
        }
        message
    }
}

/// What whoever asked found of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustodyVerdict {
    /// It is what the other fragments say it must be.
    Held,
    /// The node says itself that the fragment is not there.
    Missing,
    /// The node says itself that the fragment is damaged.
    Damaged,
    /// It is the hash of other bytes, or of another question.
    Wrong,
    /// The node's key has not signed it.
    Forged,
}

/// A signed answer, and what was found of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyProof {
    /// What was signed, or should have been.
    pub statement: CustodyStatement,
    /// The signature that came with it.
    pub signature: Signature,
    /// The key of the node on the map at that time.
    pub key: NodePublicKey,
    /// Who asked.
    pub asked_by: NodeId,
    /// When, by the clock of who asked.
    pub asked: Timestamp,
    /// The hash that it should have been, where it was computed.
    pub due: Option<[u8; 32]>,
    /// What was found.
    pub verdict: CustodyVerdict,
}

/// The row of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custody {
    /// The node.
    pub node: NodeId,
    /// The site it was at when it was asked last.
    pub site: SiteId,
    /// Since when it is counted.
    pub since: Timestamp,
    /// Answers that held.
    pub held: u64,
    /// Answers that did not.
    pub failed: u64,
    /// Questions since its last answer that it left unanswered although it was there.
    pub silent: u64,
    /// Its last answer that held.
    pub last: Option<CustodyProof>,
    /// Its last answers that did not, the oldest first.
    pub failures: Vec<CustodyProof>,
}
