//! The node's own identity: an Ed25519 key pair.

use core::fmt;
use std::sync::Arc;

use disk::Disk;
use units::Random;
use zeroize::Zeroizing;

use crate::IdentityError;

/// The public half of a node's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodePublicKey(pub [u8; 32]);

/// An Ed25519 signature (RFC 8032).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// The private half, with its public one.
pub struct NodeIdentity {
    #[expect(dead_code, reason = "filled in next")]
    seed: Zeroizing<[u8; 32]>,
    public: NodePublicKey,
}

impl fmt::Debug for NodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeIdentity({:?}, key hidden)", self.public)
    }
}

impl NodeIdentity {
    /// Opens the identity file on this disk, or makes it; durable on return.
    pub fn open_or_create(
        _disk: &Arc<dyn Disk>,
        _random: &dyn Random,
    ) -> Result<Self, IdentityError> {
        Err(IdentityError::Damaged { reason: "not served yet" })
    }

    /// The public half.
    pub const fn public(&self) -> NodePublicKey {
        self.public
    }
}
