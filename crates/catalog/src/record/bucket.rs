//! Bucket: one row, read at every request, that says whatever a request needs
//! before it looks at an object.
//!
//! ```text
//! 1 | id 16 | name | tenant 16 | created | versioning | object lock? | ownership?
//!   | wrapped key | quota | which settings exist (bits) | settings revision
//! ```
//! The row is found by the bucket's name, which is unique in the cluster.

use serde::{Deserialize, Serialize};
use units::{BucketId, TenantId, Timestamp};

use super::{ObjectLock, Quota, SettingSet};
use crate::command::BucketRef;
use crate::name::{BucketName, SealedBytes};

/// Whether a bucket keeps old versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// Never switched on.
    #[default]
    Off,
    /// Every write makes a version.
    Enabled,
    /// Writes replace the null version; older versions stay.
    Suspended,
}

/// Who owns what others write into the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// The bucket's owner owns everything; access control lists have no effect.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's owner, if the writer says `bucket-owner-full-control`.
    BucketOwnerPreferred,
    /// The writer.
    ObjectWriter,
}

/// A bucket's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Which; its objects' rows are found by this id.
    pub id: BucketId,
    /// The name, unique in the cluster.
    pub name: BucketName,
    /// Whose it is.
    pub tenant: TenantId,
    /// When it was made.
    pub created: Timestamp,
    /// Whether old versions are kept.
    pub versioning: Versioning,
    /// Present once object lock was switched on; it cannot be switched off.
    pub object_lock: Option<ObjectLock>,
    /// Who owns what others write, if the bucket says so; see [`Bucket::ownership_rule`].
    pub ownership: Option<Ownership>,
    /// The bucket key, wrapped by the tenant key.
    pub wrapped_key: SealedBytes,
    /// Most that it may hold.
    pub quota: Quota,
    /// Which settings have a row.
    pub settings: SettingSet,
    /// Grows with every change of a setting; lets readers cache parsed settings.
    pub settings_revision: u64,
}

impl Bucket {
    /// Who owns what others write: without ownership controls, the writer.
    pub fn ownership_rule(&self) -> Ownership {
        self.ownership.unwrap_or(Ownership::ObjectWriter)
    }

    /// How commands name this bucket.
    pub fn reference(&self) -> BucketRef {
        BucketRef { name: self.name.clone(), id: self.id }
    }
}
