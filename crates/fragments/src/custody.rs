//! Custody: what only somebody can say who has the bytes.
//!
//! Whoever asks draws a nonce; the answer is BLAKE3, keyed by it, over the stored bytes.
//! It cannot be known beforehand, and nobody learns the bytes from it. Whoever can rebuild
//! the fragment computes the same. A node signs what it answers with its own key, which is
//! not known here: whoever composes the node hands in who signs.

use core::ops::Range;
use std::sync::Arc;

use units::{DiskId, Epoch, Random, Signature, Timestamp};

use crate::{FragmentName, FragmentStore, ReadError};

/// What makes an answer one to this question only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nonce(pub [u8; 32]);

impl Nonce {
    /// A fresh one.
    pub fn draw(random: &dyn Random) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        Self(bytes)
    }
}

/// An answer to a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CustodyProof(pub [u8; 32]);

impl CustodyProof {
    /// The answer of somebody who has these bytes.
    pub fn of(nonce: Nonce, bytes: &[u8]) -> Self {
        Self(*blake3::keyed_hash(&nonce.0, bytes).as_bytes())
    }
}

/// A question that is answered with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The disk that the fragment has its place on.
    pub disk: DiskId,
    /// Which fragment.
    pub name: FragmentName,
    /// The first byte of the range of its payload.
    pub start: u32,
    /// The byte behind its last.
    pub end: u32,
    /// Drawn for this question.
    pub nonce: Nonce,
    /// The version of the site map by which it is asked.
    pub epoch: Epoch,
}

/// What a node says of a range of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// It has it, and this is the proof.
    Held(CustodyProof),
    /// It is not there, or shorter.
    Missing,
    /// Its checksums do not hold.
    Damaged,
}

/// An answer, and the signature of the node that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedHolding {
    /// What it says.
    pub holding: Holding,
    /// When, by the clock of the node.
    pub at: Timestamp,
    /// Over question and answer; what it covers is for [`CustodySigner`] to say.
    pub signature: Signature,
}

/// Who signs what a node answers.
pub trait CustodySigner: Send + Sync {
    /// Signs an answer, with the time of the node's clock.
    fn sign(&self, challenge: &Challenge, holding: Holding) -> (Timestamp, Signature);
}

/// The signer of a node; none signs until one is set.
pub(crate) type Signer = Arc<parking_lot::RwLock<Option<Arc<dyn CustodySigner>>>>;

impl FragmentStore {
    /// From now on this signs what is answered about the disks of this node.
    pub fn signer_set(&self, signer: Arc<dyn CustodySigner>) {
        *self.signer().write() = Some(signer);
    }

    /// Answers a challenge about a disk of this node, signed; `None` if nobody signs here.
    pub async fn answer(&self, challenge: &Challenge) -> Result<Option<SignedHolding>, ReadError> {
        let Some(signer) = self.signer().read().clone() else { return Ok(None) };
        let Challenge { disk, name, start, end, nonce, .. } = *challenge;
        let range = start as usize..end as usize;
        let holding = match self.prove(disk, name, nonce, Some(range)).await {
            Ok(proof) => Holding::Held(proof),
            Err(ReadError::NotFound { .. } | ReadError::OutOfRange { .. }) => Holding::Missing,
            Err(ReadError::Damaged { .. }) => Holding::Damaged,
            Err(error) => return Err(error),
        };
        let (at, signature) = signer.sign(challenge, holding);
        Ok(Some(SignedHolding { holding, at, signature }))
    }

    /// Proves that a fragment is here, whole or a range of its payload, by reading and
    /// verifying it.
    pub async fn prove(
        &self,
        disk: DiskId,
        name: FragmentName,
        nonce: Nonce,
        range: Option<Range<usize>>,
    ) -> Result<CustodyProof, ReadError> {
        let bytes = match range {
            Some(range) => self.read(disk, name, range).await?,
            None => self.read_whole(disk, name).await?.payload,
        };
        Ok(CustodyProof::of(nonce, &bytes))
    }
}
