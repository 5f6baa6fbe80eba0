//! Writing a version: put, copy, and the last step of a multipart upload.

use super::tx::{Change, Tx, check_size};
use super::{chain, condition, content, lock};
use crate::command::{ObjectPut, PutCondition, PutOrigin};
use crate::limits::{OBJECT_BYTES_MAX, OBJECT_TAGS_MAX};
use crate::name::{ObjectKey, VersionId};
use crate::outcome::{PutDone, Success};
use crate::overlay::Halt;
use crate::record::{
    Acl, Bucket, EventKind, ObjectVersion, Ownership, Tag, Tenant, VersionDetail, VersionHead,
    VersionKind, Versioning,
};
use crate::refusal::Refusal;
use units::{ByteCount, planted};

pub(super) fn object(tx: &mut Tx<'_>, ask: &ObjectPut) -> Result<Success, Halt> {
    let (bucket, tenant) = tx.served(&ask.bucket)?;
    let new = &ask.version;
    check_version(&bucket, new.size, &new.tags, new.acl.as_ref())?;
    let current = chain::current(tx, bucket.id, &ask.key)?;
    condition::check_put(&ask.condition, current.as_ref().map(|current| &current.head))?;
    let id = VersionId::new(tx.next_ordinal()?, new.random);
    let owner = (bucket.id, &ask.key, id);
    let held = content::take(tx, &new.content, new.reference, owner, new.size)?;
    let version = ObjectVersion {
        head: VersionHead {
            version: id,
            is_null: bucket.versioning != Versioning::Enabled,
            kind: VersionKind::Object,
            modified: tx.at,
            size: new.size,
            etag: new.etag.clone(),
            storage_class: new.storage_class.clone(),
            owner: new.owner,
            checksum: new.checksum.as_ref().map(|sum| (sum.algorithm, sum.kind)),
            noncurrent_since: None,
            null_noncurrent: None,
        },
        detail: VersionDetail {
            reference: new.reference,
            content: held,
            headers: new.headers.clone(),
            metadata: new.metadata.clone(),
            tags: new.tags.clone(),
            checksum: new.checksum.clone(),
            retention: lock::initial(&bucket, new.retention, new.legal_hold, tx.at)?,
            legal_hold: new.legal_hold,
            encryption: new.encryption.clone(),
            acl: new.acl.clone(),
            website_redirect: new.website_redirect.clone(),
        },
    };
    let kind = match ask.origin {
        PutOrigin::Body => EventKind::ObjectPut,
        PutOrigin::Copy => EventKind::ObjectCopied,
    };
    let done = write(tx, (&bucket, Some(&tenant)), &ask.key, current, version, Change::default())?;
    tx.object_event(kind, &bucket, &ask.key, shown(id, &bucket), new.size)?;
    Ok(Success::Put(done))
}

/// What every new version must satisfy, however it comes.
pub(super) fn check_version(
    bucket: &Bucket,
    size: ByteCount,
    tags: &[Tag],
    acl: Option<&Acl>,
) -> Result<(), Halt> {
    if size.get() > OBJECT_BYTES_MAX {
        let most = ByteCount::new(OBJECT_BYTES_MAX);
        return Err(Refusal::EntityTooLarge { size, most }.into());
    }
    check_size("tag set", tags.len(), OBJECT_TAGS_MAX)?;
    check_acl(bucket, acl)
}

/// Grants to others mean nothing where the bucket's owner owns everything.
pub(super) fn check_acl(bucket: &Bucket, acl: Option<&Acl>) -> Result<(), Halt> {
    let enforced = bucket.ownership_rule() == Ownership::BucketOwnerEnforced;
    if enforced && acl.is_some_and(|acl| acl.grants_others(bucket.tenant)) {
        return Err(Refusal::OwnershipForbidsAcl.into());
    }
    Ok(())
}

/// Checks the condition and puts the version in front, replacing and counting.
pub(super) fn write(
    tx: &mut Tx<'_>,
    (bucket, tenant): (&Bucket, Option<&Tenant>),
    key: &ObjectKey,
    current: Option<chain::Current>,
    version: ObjectVersion,
    mut change: Change,
) -> Result<PutDone, Halt> {
    let replaced = chain::replaced(tx, bucket.id, key, current.as_ref(), bucket.versioning)?;
    change.add_version(&version.head);
    if let Some(old) = &replaced {
        lock::check_removable(&old.detail, tx.at, false)?;
        if !planted::is_on("catalog-counts-overwritten-bytes") {
            change.drop_version(&old.head);
        }
    }
    tx.count(bucket, tenant, change)?;
    let done = PutDone::of(&version, bucket);
    chain::push(tx, bucket.id, key, current, version)?;
    if let Some(old) = &replaced {
        content::release(tx, old)?;
    }
    Ok(done)
}

/// The condition of a write that has its current version at hand.
pub(super) fn check(
    condition: &PutCondition,
    current: Option<&chain::Current>,
) -> Result<(), Refusal> {
    condition::check_put(condition, current.map(|current| &current.head))
}

fn shown(id: VersionId, bucket: &Bucket) -> crate::VersionName {
    if bucket.versioning == Versioning::Enabled {
        crate::VersionName::Id(id)
    } else {
        crate::VersionName::Null
    }
}
