//! Buckets and their settings.

use access::Authorised;
use bytes::Bytes;
use catalog::{Bucket, BucketName, ObjectLock, Ownership, Quota, SettingKind, Usage, Versioning};

use crate::{BucketCreate, ObjectError, Objects};

impl Objects {
    /// Makes a bucket, exclusively: names are global in the cluster.
    pub async fn bucket_create(
        &self,
        _authorised: &Authorised,
        _ask: BucketCreate,
    ) -> Result<Bucket, ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_create" })
    }

    /// Removes an empty bucket.
    pub async fn bucket_delete(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_delete" })
    }

    /// The bucket's row.
    pub async fn bucket_head(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
    ) -> Result<Bucket, ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_head" })
    }

    /// Buckets of the caller's tenant, by name; those after `after`, at most `count_max`.
    pub async fn buckets_list(
        &self,
        _authorised: &Authorised,
        _prefix: &str,
        _after: Option<&str>,
        _count_max: usize,
    ) -> Result<Vec<Bucket>, ObjectError> {
        Err(ObjectError::NotServed { what: "buckets_list" })
    }

    /// Switches versioning on or suspends it.
    pub async fn bucket_versioning_set(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _versioning: Versioning,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_versioning_set" })
    }

    /// Sets the lock configuration (and enables lock where versioning is on).
    pub async fn bucket_lock_set(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _lock: ObjectLock,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_lock_set" })
    }

    /// Says who owns what others write.
    pub async fn bucket_ownership_set(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _ownership: Ownership,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_ownership_set" })
    }

    /// One setting's bytes, as the face stored them; `None` if not set.
    pub async fn bucket_setting_get(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _kind: SettingKind,
    ) -> Result<Option<Bytes>, ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_setting_get" })
    }

    /// Stores one setting, or removes it with `None`.
    pub async fn bucket_setting_set(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _kind: SettingKind,
        _value: Option<Bytes>,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_setting_set" })
    }

    /// Sets the bucket's quota; the default lifts it.
    pub async fn bucket_quota_set(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _quota: Quota,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_quota_set" })
    }

    /// What the bucket holds.
    pub async fn bucket_usage(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
    ) -> Result<Usage, ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_usage" })
    }
}
