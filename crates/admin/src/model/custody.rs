//! What sites have proven to keep, and what they failed to prove.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was found of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
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

/// What a node says of a range of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustodyAnswer {
    /// It has it; the hash proves it.
    Held,
    /// It is not there.
    Missing,
    /// Its checksums do not hold.
    Damaged,
}

/// A signed answer: all that it takes to check the signature. Bytes are hexadecimal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CustodyProof {
    /// The cluster.
    pub cluster: String,
    /// The site.
    pub site: String,
    /// Its node.
    pub node: String,
    /// The disk.
    pub disk: String,
    /// The part.
    pub part: String,
    /// The stripe of the part.
    pub stripe: u32,
    /// The fragment of the stripe, from 0.
    pub fragment: u8,
    /// The first byte of the range.
    pub start: u32,
    /// The byte behind its last.
    pub end: u32,
    /// Drawn for this question; 32 bytes.
    pub nonce: String,
    /// The version of the site map by which it was asked.
    pub epoch: u64,
    /// When, by the clock of the node, in microseconds since 1970.
    pub at_micros: i64,
    /// What it says.
    pub answer: CustodyAnswer,
    /// BLAKE3 over the range, keyed by the nonce, as the node says it; 32 bytes.
    pub hash: Option<String>,
    /// Ed25519 over the bytes that `crates/catalog/src/record/custody.rs` draws; 64 bytes.
    pub signature: String,
    /// The key of the node on the map at that time; 32 bytes.
    pub key: String,
    /// The node that asked.
    pub asked_by: String,
    /// When, by the clock of who asked.
    pub asked: String,
    /// The hash that it should have been, where it was computed.
    pub due: Option<String>,
    /// What was found.
    pub verdict: CustodyVerdict,
}

/// What is kept of the answers of a node.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NodeEvidence {
    /// The node.
    pub node: String,
    /// Since when it is counted.
    pub since: String,
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

/// What is kept of the answers of a site.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteEvidence {
    /// The site, by its id.
    pub site: String,
    /// Its name, if it is on the map.
    pub name: Option<String>,
    /// By node.
    pub nodes: Vec<NodeEvidence>,
}

/// What is kept of a site, in a few words.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SiteCustody {
    /// Answers that held.
    pub held: u64,
    /// Answers that did not.
    pub failed: u64,
    /// Of those that are kept, answers that were wrong or not signed by the node.
    pub accused: u64,
    /// Questions since the last answer that were left unanswered although the node was there.
    pub silent: u64,
    /// When its last proof was asked for that held.
    pub last_held: Option<String>,
    /// When the last one was asked for that did not.
    pub last_failed: Option<String>,
}
