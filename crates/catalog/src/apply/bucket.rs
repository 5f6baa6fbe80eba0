//! Buckets: make, delete, and everything that is set on one.

use units::BucketId;

use super::tx::{Tx, check_size};
use crate::command::{
    BucketCreate, BucketDelete, BucketKeyRewrap, BucketLockSet, BucketOwnershipSet, BucketQuotaSet,
    BucketSettingSet, BucketVersioningSet,
};
use crate::limits::{BUCKETS_PER_TENANT_MAX, SETTING_BYTES_MAX};
use crate::name::SealedBytes;
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{
    Acl, Bucket, BucketSetting, EventKind, ObjectLock, Ownership, PolicyScope, Quota, Record,
    ReleaseEntry, ReleaseKind, SettingKind, SettingSet, TenantState, Versioning,
};
use crate::refusal::Refusal;
use crate::table;

pub(super) fn create(tx: &mut Tx<'_>, ask: &BucketCreate) -> Result<Success, Halt> {
    let state = tx.tenant(ask.tenant)?.state;
    if state != TenantState::Active {
        return Err(Refusal::not_served(state).into());
    }
    if let Some(taken) = tx.rows.record::<Bucket>(&table::bucket(&ask.name))? {
        let owned_by_caller = taken.tenant == ask.tenant;
        return Err(Refusal::BucketExists { owned_by_caller }.into());
    }
    super::key::check_room(tx, &table::tenant_buckets(ask.tenant), BUCKETS_PER_TENANT_MAX)?;
    let mut bucket = Bucket {
        id: ask.id,
        name: ask.name.clone(),
        tenant: ask.tenant,
        created: tx.at,
        versioning: if ask.object_lock { Versioning::Enabled } else { Versioning::Off },
        object_lock: ask.object_lock.then(ObjectLock::default),
        ownership: Some(ask.ownership.unwrap_or_default()),
        wrapped_key: ask.wrapped_key.clone(),
        quota: Quota::default(),
        settings: SettingSet::default(),
        settings_revision: 0,
    };
    if let Some(acl) = &ask.acl {
        let bytes = SealedBytes::new(acl.encode());
        setting_put(tx, &mut bucket, SettingKind::Acl, Some(&bytes));
    }
    tx.bucket_set(&bucket);
    tx.rows.put(table::tenant_bucket(ask.tenant, &ask.name), Vec::new());
    tx.bucket_event(EventKind::BucketCreated, &bucket)?;
    Ok(Success::BucketCreated { id: ask.id })
}

/// Whether any version or delete marker is in the bucket: there is a current row
/// for every key that has one.
pub(super) fn holds_versions(tx: &Tx<'_>, bucket: BucketId) -> Result<bool, Halt> {
    let prefix = table::current_prefix(bucket, "");
    Ok(tx.rows.scan_prefix(&prefix).next().transpose()?.is_some())
}

pub(super) fn delete(tx: &mut Tx<'_>, ask: &BucketDelete) -> Result<Success, Halt> {
    let bucket = tx.bucket(&ask.bucket)?;
    if holds_versions(tx, bucket.id)? {
        return Err(Refusal::BucketNotEmpty.into());
    }
    remove(tx, &bucket)?;
    Ok(Success::Done)
}

/// Takes a bucket without versions out; its unfinished uploads are queued.
pub(super) fn remove(tx: &mut Tx<'_>, bucket: &Bucket) -> Result<(), Halt> {
    let uploads = table::uploads(bucket.id);
    if tx.rows.scan_prefix(&uploads).next().transpose()?.is_some() {
        let entry = ReleaseEntry { at: tx.at, kind: ReleaseKind::Bucket(bucket.id) };
        let place = tx.next_release()?;
        tx.rows.put_record(table::release_group(place), &entry);
    }
    for kind in SettingKind::ALL {
        if bucket.settings.contains(kind) {
            tx.rows.remove(table::setting(bucket.id, kind));
        }
    }
    super::policy::drop_of(tx, PolicyScope::Bucket(bucket.id))?;
    tx.forget_bucket_usage(bucket.id, bucket.tenant)?;
    tx.rows.remove(table::tenant_bucket(bucket.tenant, &bucket.name));
    tx.rows.remove(table::bucket(&bucket.name));
    tx.bucket_event(EventKind::BucketDeleted, bucket)
}

pub(super) fn versioning_set(tx: &mut Tx<'_>, ask: &BucketVersioningSet) -> Result<Success, Halt> {
    let (mut bucket, _) = tx.served(&ask.bucket)?;
    let allowed = match ask.versioning {
        Versioning::Enabled => true,
        Versioning::Suspended => bucket.object_lock.is_none(),
        Versioning::Off => false,
    };
    if !allowed {
        return Err(Refusal::InvalidBucketState.into());
    }
    bucket.versioning = ask.versioning;
    changed(tx, bucket)
}

pub(super) fn lock_set(tx: &mut Tx<'_>, ask: &BucketLockSet) -> Result<Success, Halt> {
    let (mut bucket, _) = tx.served(&ask.bucket)?;
    if bucket.versioning != Versioning::Enabled {
        return Err(Refusal::InvalidBucketState.into());
    }
    bucket.object_lock = Some(ask.lock);
    changed(tx, bucket)
}

pub(super) fn ownership_set(tx: &mut Tx<'_>, ask: &BucketOwnershipSet) -> Result<Success, Halt> {
    let (mut bucket, _) = tx.served(&ask.bucket)?;
    if ask.ownership == Some(Ownership::BucketOwnerEnforced)
        && bucket.settings.contains(SettingKind::Acl)
        && let Some(setting) =
            tx.rows.record::<BucketSetting>(&table::setting(bucket.id, SettingKind::Acl))?
        && Acl::decode(setting.bytes.as_slice())?.grants_others(bucket.tenant)
    {
        return Err(Refusal::AclForbidsOwnership.into());
    }
    bucket.ownership = ask.ownership;
    changed(tx, bucket)
}

pub(super) fn setting_set(tx: &mut Tx<'_>, ask: &BucketSettingSet) -> Result<Success, Halt> {
    let (mut bucket, _) = tx.served(&ask.bucket)?;
    if let Some(bytes) = &ask.bytes {
        check_size("bucket setting", bytes.len(), SETTING_BYTES_MAX)?;
        if ask.kind == SettingKind::Acl
            && bucket.ownership_rule() == Ownership::BucketOwnerEnforced
            && Acl::decode(bytes.as_slice())?.grants_others(bucket.tenant)
        {
            return Err(Refusal::OwnershipForbidsAcl.into());
        }
    }
    setting_put(tx, &mut bucket, ask.kind, ask.bytes.as_ref());
    changed(tx, bucket)
}

fn setting_put(
    tx: &mut Tx<'_>,
    bucket: &mut Bucket,
    kind: SettingKind,
    bytes: Option<&SealedBytes>,
) {
    let row = table::setting(bucket.id, kind);
    match bytes {
        None => tx.rows.remove(row),
        Some(bytes) => {
            let revision = bucket.settings_revision.saturating_add(1);
            let setting = BucketSetting { revision, modified: tx.at, bytes: bytes.clone() };
            tx.rows.put_record(row, &setting);
        }
    }
    bucket.settings = bucket.settings.with(kind, bytes.is_some());
}

pub(super) fn quota_set(tx: &mut Tx<'_>, ask: &BucketQuotaSet) -> Result<Success, Halt> {
    let mut bucket = tx.bucket(&ask.bucket)?;
    bucket.quota = ask.quota;
    changed(tx, bucket)
}

pub(super) fn key_rewrap(tx: &mut Tx<'_>, ask: &BucketKeyRewrap) -> Result<Success, Halt> {
    let mut bucket = tx.bucket(&ask.bucket)?;
    if bucket.wrapped_key != ask.old {
        return Err(Refusal::KeyChanged.into());
    }
    bucket.wrapped_key = ask.new.clone();
    changed(tx, bucket)
}

fn changed(tx: &mut Tx<'_>, mut bucket: Bucket) -> Result<Success, Halt> {
    bucket.settings_revision = bucket.settings_revision.saturating_add(1);
    tx.bucket_set(&bucket);
    tx.bucket_event(EventKind::BucketChanged, &bucket)?;
    Ok(Success::Done)
}
