//! Custody: what only somebody can say who has the bytes.
//!
//! Whoever asks draws a nonce; the answer is BLAKE3, keyed by it, over the stored bytes.
//! It cannot be known beforehand, and nobody learns the bytes from it. Whoever can rebuild
//! the fragment computes the same. Who signs it, and keeps it as evidence, is not known
//! here.

use core::ops::Range;

use units::{DiskId, Random};

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

impl FragmentStore {
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
