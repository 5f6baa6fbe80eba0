//! Upload: a multipart upload in progress.
//!
//! ```text
//! 1 | created | initiator? | owner? | storage class? | checksum? | parts | bytes | detail
//! ```
//! Its parts are manifest rows under the upload's id; completing it keeps the
//! rows that were named and writes the manifest's head row.

use serde::{Deserialize, Serialize};
use units::{ByteCount, TenantId, Timestamp, UserId};

use super::{ChecksumAlgorithm, ChecksumKind, VersionDetail};

/// An upload's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// When it was begun.
    pub created: Timestamp,
    /// The user who began it, if not the tenant itself.
    pub initiator: Option<UserId>,
    /// The tenant that will own the object, if not the bucket's owner.
    pub owner: Option<TenantId>,
    /// The storage class the client named.
    pub storage_class: Option<String>,
    /// The checksum the client announced.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// Parts uploaded so far.
    pub parts: u32,
    /// Bytes uploaded so far; counted against the quotas.
    pub bytes: ByteCount,
    /// What the object will have besides; its reference is the upload's id.
    pub detail: VersionDetail,
}
