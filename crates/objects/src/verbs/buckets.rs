//! Buckets and their settings.

use std::sync::Arc;

use access::Authorised;
use bytes::Bytes;
use catalog::command::{
    BucketCreate as Create, BucketDelete, BucketLockSet, BucketOwnershipSet, BucketQuotaSet,
    BucketSettingSet, BucketVersioningSet,
};
use catalog::{
    Bucket, BucketName, Command, ObjectLock, Ownership, Quota, Refusal, SealedBytes, SettingKind,
    Usage, Versioning,
};
use units::BucketId;

use crate::limits::WALK_PAGE;
use crate::{BucketCreate, ObjectError, Objects};

impl Objects {
    /// Makes a bucket of the caller's tenant, exclusively: names are global in the cluster.
    pub async fn bucket_create(
        &self,
        authorised: &Authorised,
        ask: BucketCreate,
    ) -> Result<Bucket, ObjectError> {
        let inner = &self.inner;
        let _began = inner.verbs.begin();
        if !authorised.covers_bucket(ask.bucket.as_str()) {
            return Err(ObjectError::NotCovered { touched: format!("bucket {}", ask.bucket) });
        }
        let tenant = ask.tenant.or(authorised.tenant()).ok_or(Refusal::NoSuchTenant)?;
        let tenant = inner.view().tenant(tenant)?.ok_or(Refusal::NoSuchTenant)?;
        let id = BucketId::draw(&*inner.parts.random);
        let key =
            inner.parts.vault.bucket_key_create(tenant.id, tenant.wrapped_key.as_slice(), id)?;
        let create = Create {
            id,
            name: ask.bucket.clone(),
            tenant: tenant.id,
            wrapped_key: SealedBytes::new(key),
            object_lock: ask.object_lock,
            ownership: ask.ownership,
            acl: ask.acl,
        };
        inner.propose(Command::BucketCreate(create)).await?;
        Ok(inner.view().bucket(&ask.bucket)?.ok_or(Refusal::NoSuchBucket)?)
    }

    /// Removes an empty bucket.
    pub async fn bucket_delete(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
    ) -> Result<(), ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        let delete = BucketDelete { bucket: seen.bucket_ref() };
        self.inner.propose(Command::BucketDelete(delete)).await.map(drop)
    }

    /// The bucket's row.
    pub async fn bucket_head(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
    ) -> Result<Arc<Bucket>, ObjectError> {
        Ok(self.inner.bucket_seen(authorised, bucket)?.bucket)
    }

    /// Buckets of the caller's tenant that his key reaches, by name; those with the
    /// prefix after `after`, at most `count_max`.
    pub async fn buckets_list(
        &self,
        authorised: &Authorised,
        prefix: &str,
        after: Option<&BucketName>,
        count_max: usize,
    ) -> Result<Vec<Bucket>, ObjectError> {
        let Some(tenant) = authorised.tenant() else { return Ok(Vec::new()) };
        let view = self.inner.view();
        let mut found = Vec::new();
        let mut after = after.cloned();
        while found.len() < count_max {
            let page = view.tenant_buckets(tenant, after.as_ref(), WALK_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            let reaches = |name: &str| {
                authorised.caller().identity().is_none_or(|identity| identity.reaches(name))
            };
            let wanted = |name: &str| name.starts_with(prefix) && reaches(name);
            found.extend(page.into_iter().filter(|b| wanted(b.name.as_str())));
        }
        found.truncate(count_max);
        Ok(found)
    }

    /// Switches versioning on or suspends it.
    pub async fn bucket_versioning_set(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        versioning: Versioning,
    ) -> Result<(), ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        let set = BucketVersioningSet { bucket: seen.bucket_ref(), versioning };
        self.inner.propose(Command::BucketVersioningSet(set)).await.map(drop)
    }

    /// Sets the lock configuration (and enables lock where versioning is on).
    pub async fn bucket_lock_set(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        lock: ObjectLock,
    ) -> Result<(), ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        let set = BucketLockSet { bucket: seen.bucket_ref(), lock };
        self.inner.propose(Command::BucketLockSet(set)).await.map(drop)
    }

    /// Says who owns what others write; `None` goes back to the default.
    pub async fn bucket_ownership_set(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        ownership: Option<Ownership>,
    ) -> Result<(), ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        let set = BucketOwnershipSet { bucket: seen.bucket_ref(), ownership };
        self.inner.propose(Command::BucketOwnershipSet(set)).await.map(drop)
    }

    /// One setting's bytes, as the face stored them; `None` if not set.
    pub async fn bucket_setting_get(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        kind: SettingKind,
    ) -> Result<Option<Bytes>, ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        let setting = seen.view.setting(&seen.bucket, kind)?;
        Ok(setting.map(|setting| Bytes::from(setting.bytes.into_vec())))
    }

    /// Stores one setting, or removes it with `None`.
    pub async fn bucket_setting_set(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        kind: SettingKind,
        value: Option<Bytes>,
    ) -> Result<(), ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        let bytes = value.map(|value| SealedBytes::new(value.to_vec()));
        let set = BucketSettingSet { bucket: seen.bucket_ref(), kind, bytes };
        self.inner.propose(Command::BucketSettingSet(set)).await.map(drop)
    }

    /// Says whether clients may bring keys of their own (SSE-C) to this bucket; with
    /// `None` the site's default decides.
    pub async fn bucket_customer_keys_set(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        allowed: Option<bool>,
    ) -> Result<(), ObjectError> {
        let value = allowed.map(|allowed| Bytes::from(vec![u8::from(allowed)]));
        self.bucket_setting_set(authorised, bucket, SettingKind::CustomerKeys, value).await
    }

    /// Sets the bucket's quota; the default lifts it.
    pub async fn bucket_quota_set(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        quota: Quota,
    ) -> Result<(), ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        let set = BucketQuotaSet { bucket: seen.bucket_ref(), quota };
        self.inner.propose(Command::BucketQuotaSet(set)).await.map(drop)
    }

    /// What the bucket holds.
    pub async fn bucket_usage(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
    ) -> Result<Usage, ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        Ok(seen.view.bucket_usage(seen.bucket.id)?)
    }
}
