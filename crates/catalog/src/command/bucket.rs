//! Commands about buckets.

use serde::{Deserialize, Serialize};
use units::{BucketId, TenantId};

use crate::name::{BucketName, ObjectKey, SealedBytes};
use crate::record::{Acl, ObjectLock, Ownership, Quota, SettingKind, Versioning};

/// A bucket as the proposer saw it. If another bucket has the name by the time
/// the command is applied, there is no such bucket: what was authorised and
/// sealed for one must not end in another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BucketRef {
    /// The name.
    pub name: BucketName,
    /// Which one of that name.
    pub id: BucketId,
}

/// Makes a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketCreate {
    /// Its id, drawn.
    pub id: BucketId,
    /// Its name, unique in the cluster.
    pub name: BucketName,
    /// Whose it is.
    pub tenant: TenantId,
    /// The bucket key, wrapped by the tenant key.
    pub wrapped_key: SealedBytes,
    /// Object lock from the start; switches versioning on as well.
    pub object_lock: bool,
    /// Who owns what others write; `None`: [`Ownership::BucketOwnerEnforced`].
    pub ownership: Option<Ownership>,
    /// Grants, if any but the owner's were asked for.
    pub acl: Option<Acl>,
}

/// Removes an empty bucket. Unfinished uploads do not keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketDelete {
    /// Which.
    pub bucket: BucketRef,
}

/// Takes a bucket of an erased tenant apart: versions and delete markers, whatever locks
/// them, some at a time, and with the last the bucket itself and its unfinished uploads.
/// Refused unless the tenant is erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketClear {
    /// Which.
    pub bucket: BucketRef,
    /// Where the command before this one ended: keys before it are passed over, since
    /// their rows are gone. The bucket goes only if it holds nothing at all.
    pub from: Option<ObjectKey>,
    /// Most versions to take out.
    pub versions: u32,
}

/// Switches versioning on or suspends it; [`Versioning::Off`] is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketVersioningSet {
    /// Which.
    pub bucket: BucketRef,
    /// Enabled or suspended.
    pub versioning: Versioning,
}

/// Switches object lock on, or sets its default retention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketLockSet {
    /// Which.
    pub bucket: BucketRef,
    /// The configuration.
    pub lock: ObjectLock,
}

/// Sets who owns what others write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketOwnershipSet {
    /// Which.
    pub bucket: BucketRef,
    /// The rule; `None` removes the ownership controls.
    pub ownership: Option<Ownership>,
}

/// Stores or removes a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSettingSet {
    /// Which.
    pub bucket: BucketRef,
    /// Which setting.
    pub kind: SettingKind,
    /// The document, checked by the proposer; `None` removes it.
    pub bytes: Option<SealedBytes>,
}

/// Sets what a bucket may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketQuotaSet {
    /// Which.
    pub bucket: BucketRef,
    /// The new quota.
    pub quota: Quota,
}

/// Replaces a bucket's wrapped key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketKeyRewrap {
    /// Which.
    pub bucket: BucketRef,
    /// The wrapped key that must still be there.
    pub old: SealedBytes,
    /// The same key, wrapped anew.
    pub new: SealedBytes,
}
