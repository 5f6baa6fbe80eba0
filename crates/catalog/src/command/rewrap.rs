//! Commands of key rotation: the same keys, wrapped anew, value by value.

use serde::{Deserialize, Serialize};
use units::{PartNumber, ReferenceId};

use super::BucketRef;
use crate::name::{AccessKeyId, ObjectKey, SealedBytes, VersionId};

/// One wrapped part key and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartKeyRewrap {
    /// Where.
    pub place: PartKeyPlace,
    /// The wrapped key that must still be there.
    pub old: SealedBytes,
    /// The same key, wrapped anew.
    pub new: SealedBytes,
}

/// Where a wrapped part key is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartKeyPlace {
    /// In a version's row.
    Version {
        /// The object's key.
        key: ObjectKey,
        /// Exactly this version.
        version: VersionId,
    },
    /// In a row of a manifest: of a multipart version or of an unfinished upload.
    Manifest {
        /// Whose.
        reference: ReferenceId,
        /// Which part.
        number: PartNumber,
    },
}

/// Replaces wrapped part keys of a bucket. One that is not there any more, or is
/// another by now, is left as it is: no event, no refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartKeysRewrap {
    /// Of which bucket.
    pub bucket: BucketRef,
    /// The keys, at most [`crate::limits::PART_KEYS_REWRAP_MAX`].
    pub keys: Vec<PartKeyRewrap>,
}

/// Replaces the sealed secret of an access key by the same secret sealed anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretReseal {
    /// Which access key.
    pub id: AccessKeyId,
    /// The sealed secret that must still be there.
    pub old: SealedBytes,
    /// The same secret, sealed anew.
    pub new: SealedBytes,
}
