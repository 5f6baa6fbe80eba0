//! What goes wrong in the vault.

use disk::DiskError;
use seal::{OpenError, SealError, WrappedKeyError};
use thiserror::Error;
use units::{BucketId, ReferenceId, TenantId};

/// The root key file could not be made, read or replaced.
#[derive(Debug, Error)]
pub enum VaultError {
    /// There is none yet.
    #[error("there is no root key file {path}; a new vault has to be created")]
    Missing {
        /// The file.
        path: String,
    },
    /// There is one already, and it is never overwritten.
    #[error("a root key file {path} exists already")]
    Exists {
        /// The file.
        path: String,
    },
    /// The file asks for a passphrase and none was given.
    #[error("the root key is protected by a passphrase and none was given")]
    PassphraseNeeded,
    /// A passphrase was given for a file that has none.
    #[error("a passphrase was given, but the root key file is not protected by one")]
    PassphraseUnexpected,
    /// The passphrase does not open the root key.
    #[error("the passphrase does not open the root key")]
    WrongPassphrase,
    /// A passphrase that is empty or too long.
    #[error("a passphrase has 1 to {max} bytes")]
    PassphraseLength {
        /// The limit.
        max: usize,
    },
    /// The file is not what was written.
    #[error("the root key file is damaged: {reason}")]
    Damaged {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A version this software does not know.
    #[error("root key file format version {version} is not known")]
    Version {
        /// The version found.
        version: u16,
    },
    /// A step that must wait for another.
    #[error("not now: {reason}")]
    NotNow {
        /// Why.
        reason: &'static str,
    },
    /// The passphrase could not be turned into a key.
    #[error("the passphrase could not be turned into a key: {reason}")]
    Derivation {
        /// What the key derivation said.
        reason: String,
    },
    /// The disk failed.
    #[error("the root key file could not be read or written")]
    Disk(#[from] DiskError),
}

/// A key that was not made, opened or wrapped again.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// The node has not the root key of its cluster.
    #[error("this node is a witness and has no root key: ask at another site")]
    NoRoot,
    /// The tenant was erased: its key is gone.
    #[error("tenant {tenant} was erased; nothing of it opens any more")]
    TenantShredded {
        /// Which.
        tenant: TenantId,
    },
    /// The bucket was erased: its key is gone.
    #[error("bucket {bucket} was erased; nothing of it opens any more")]
    BucketShredded {
        /// Which.
        bucket: BucketId,
    },
    /// The object version was erased: its key is gone.
    #[error("reference {reference} was erased and does not open any more")]
    ReferenceShredded {
        /// Which.
        reference: ReferenceId,
    },
    /// What is stored does not open with the keys at hand.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is stored is not a wrapped key.
    #[error(transparent)]
    Format(#[from] WrappedKeyError),
    /// What is to be sealed is too long.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Nothing more can be remembered as shredded before the next rotation.
    #[error("too many shredded keys are remembered; rotate the root key first")]
    TooManyShredded,
    /// The root key file could not be replaced.
    #[error("the root key file could not be replaced: {reason}")]
    Store {
        /// What failed.
        reason: String,
    },
}

/// The node's identity could not be made or read.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The file is not what was written.
    #[error("the node identity file is damaged: {reason}")]
    Damaged {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The disk failed.
    #[error("the node identity file could not be read or written")]
    Disk(#[from] DiskError),
}

/// A rotation that could not be ended.
#[derive(Debug, Error)]
pub enum RotationError {
    /// Something is still wrapped under an older generation.
    #[error("{what} is still under an older key; wrap it again first")]
    StillInUse {
        /// What.
        what: String,
    },
    /// A key that does not open.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The root key file could not be replaced.
    #[error(transparent)]
    Vault(#[from] VaultError),
}
