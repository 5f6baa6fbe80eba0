//! Making buckets.

use catalog::{Acl, BucketName, Ownership};
use units::TenantId;

/// `CreateBucket`.
#[derive(Clone, Debug)]
pub struct BucketCreate {
    /// Bucket name, checked by the face against the naming rules.
    pub bucket: BucketName,
    /// Whose it will be; the caller's tenant if absent (an operator may say).
    pub tenant: Option<TenantId>,
    /// `x-amz-bucket-object-lock-enabled`; switches versioning on for good.
    pub object_lock: bool,
    /// `x-amz-object-ownership`; *bucket owner enforced* if absent.
    pub ownership: Option<Ownership>,
    /// Access-control list; `None` is private.
    pub acl: Option<Acl>,
}
