//! The node's own identity: an Ed25519 key pair (RFC 8032), in `node.key`.
//!
//! ```text
//! magic "ESSAIMID" (8) ‖ version 1 (u16 LE) ‖ seed (32) ‖ public key (32)
//!   ‖ SHA-256 of everything before (32)
//! ```

use core::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use disk::{Disk, DiskError};
use units::{NodePublicKey, Random, Signature};
use zeroize::Zeroizing;

use crate::IdentityError;
use crate::key_file::replace;

const PATH: &str = "node.key";
const PATH_NEW: &str = "node.key.new";
const MAGIC: &[u8; 8] = b"ESSAIMID";
const VERSION: u16 = 1;
const FILE_BYTES: usize = 8 + 2 + 32 + 32 + 32;

/// Whether the identity with this public key signed exactly this message.
pub fn node_verify(key: NodePublicKey, message: &[u8], signature: &Signature) -> bool {
    UnparsedPublicKey::new(&ED25519, key.0).verify(message, &signature.0).is_ok()
}

/// The private half, with its public one.
pub struct NodeIdentity {
    pair: Ed25519KeyPair,
    public: NodePublicKey,
}

impl fmt::Debug for NodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeIdentity({}, key hidden)", self.public)
    }
}

impl NodeIdentity {
    /// Opens the identity file on this disk, or draws a pair and makes the file;
    /// durable on return. A damaged file is an error and is left as it is.
    pub fn open_or_create(disk: &dyn Disk, random: &dyn Random) -> Result<Self, IdentityError> {
        match Self::open(disk) {
            Err(IdentityError::Disk(DiskError::NotFound { .. })) => {
                let mut seed = Zeroizing::new([0_u8; 32]);
                random.fill(&mut *seed);
                let identity = Self::from_seed(&seed)?;
                replace(disk, PATH_NEW, PATH, &identity.encode(&seed))?;
                Ok(identity)
            }
            opened => opened,
        }
    }

    /// Opens the identity file.
    pub fn open(disk: &dyn Disk) -> Result<Self, IdentityError> {
        let file = disk.open(PATH)?;
        if file.length()?.get() != FILE_BYTES as u64 {
            return Err(IdentityError::Damaged { reason: "its length is wrong" });
        }
        let mut bytes = Zeroizing::new([0_u8; FILE_BYTES]);
        file.read_exact_at(&mut *bytes, 0)?;
        Self::decode(&bytes)
    }

    fn decode(bytes: &[u8; FILE_BYTES]) -> Result<Self, IdentityError> {
        let damaged = |reason| IdentityError::Damaged { reason };
        let (body, checksum) = bytes.split_at(FILE_BYTES - 32);
        if digest::digest(&digest::SHA256, body).as_ref() != checksum {
            return Err(damaged("its checksum does not match"));
        }
        let Some((magic, rest)) = body.split_first_chunk::<8>() else {
            return Err(damaged("it is cut short"));
        };
        let Some((version, rest)) = rest.split_first_chunk::<2>() else {
            return Err(damaged("it is cut short"));
        };
        if magic != MAGIC || u16::from_le_bytes(*version) != VERSION {
            return Err(damaged("it is of no known version"));
        }
        let Some((seed, public)) = rest.split_first_chunk::<32>() else {
            return Err(damaged("it is cut short"));
        };
        let identity = Self::from_seed(seed)?;
        if identity.public.0 != public {
            return Err(damaged("its halves do not belong together"));
        }
        Ok(identity)
    }

    /// The pair that this seed makes: always the same. Nothing is written.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, IdentityError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|_| IdentityError::Damaged { reason: "its seed makes no key" })?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| IdentityError::Damaged { reason: "its seed makes no key" })?;
        Ok(Self { pair, public: NodePublicKey(public) })
    }

    fn encode(&self, seed: &[u8; 32]) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(seed);
        bytes.extend_from_slice(&self.public.0);
        let checksum = digest::digest(&digest::SHA256, &bytes);
        bytes.extend_from_slice(checksum.as_ref());
        bytes
    }

    /// The public half.
    pub const fn public(&self) -> NodePublicKey {
        self.public
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let mut bytes = [0_u8; 64];
        let signed = self.pair.sign(message);
        bytes.copy_from_slice(signed.as_ref());
        Signature(bytes)
    }
}
