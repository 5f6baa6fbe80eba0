//! What can be changed of a version without writing it anew: tags, retention,
//! legal hold, grants.

use super::chain::Place;
use super::tx::{Tx, check_size};
use super::{chain, lock, put};
use crate::command::{
    BucketRef, ObjectAclSet, ObjectLegalHoldSet, ObjectRetentionSet, ObjectTagsSet,
};
use crate::limits::OBJECT_TAGS_MAX;
use crate::name::{ObjectKey, VersionAsk};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{Bucket, EventKind, ObjectVersion, Versioning};
use crate::refusal::Refusal;

pub(super) fn tags(tx: &mut Tx<'_>, ask: &ObjectTagsSet) -> Result<Success, Halt> {
    check_size("tag set", ask.tags.len(), OBJECT_TAGS_MAX)?;
    let mut found = find(tx, &ask.bucket, &ask.key, ask.version)?;
    found.version.detail.tags.clone_from(&ask.tags);
    found.put_back(tx, &ask.key)
}

pub(super) fn retention(tx: &mut Tx<'_>, ask: &ObjectRetentionSet) -> Result<Success, Halt> {
    let mut found = find(tx, &ask.bucket, &ask.key, ask.version)?;
    if found.bucket.object_lock.is_none() {
        return Err(Refusal::BucketLockMissing.into());
    }
    if ask.retention.is_some_and(|retention| !retention.binds_at(tx.at)) {
        return Err(Refusal::RetentionInPast.into());
    }
    let old = found.version.detail.retention;
    lock::check_retention_change(old, ask.retention, tx.at, ask.bypass_governance)?;
    found.version.detail.retention = ask.retention;
    found.put_back(tx, &ask.key)
}

pub(super) fn legal_hold(tx: &mut Tx<'_>, ask: &ObjectLegalHoldSet) -> Result<Success, Halt> {
    let mut found = find(tx, &ask.bucket, &ask.key, ask.version)?;
    if found.bucket.object_lock.is_none() {
        return Err(Refusal::BucketLockMissing.into());
    }
    found.version.detail.legal_hold = Some(ask.legal_hold);
    found.put_back(tx, &ask.key)
}

pub(super) fn acl(tx: &mut Tx<'_>, ask: &ObjectAclSet) -> Result<Success, Halt> {
    let mut found = find(tx, &ask.bucket, &ask.key, ask.version)?;
    put::check_acl(&found.bucket, ask.acl.as_ref())?;
    found.version.detail.acl.clone_from(&ask.acl);
    found.put_back(tx, &ask.key)
}

struct Found {
    bucket: Bucket,
    version: ObjectVersion,
    place: Place,
}

fn find(
    tx: &mut Tx<'_>,
    bucket: &BucketRef,
    key: &ObjectKey,
    ask: VersionAsk,
) -> Result<Found, Halt> {
    let (bucket, _) = tx.served(bucket)?;
    let missing = match ask {
        VersionAsk::Current => Refusal::NoSuchKey { marker: None },
        VersionAsk::Named(_) | VersionAsk::Exact(_) => Refusal::NoSuchVersion,
    };
    let Some(current) = chain::current(tx, bucket.id, key)? else { return Err(missing.into()) };
    let Some((version, place)) = chain::find(tx, bucket.id, key, &current, ask)? else {
        return Err(missing.into());
    };
    if version.head.is_delete_marker() {
        let name = version.head.name();
        return Err(match ask {
            VersionAsk::Current => Refusal::NoSuchKey { marker: Some(name) },
            VersionAsk::Named(_) | VersionAsk::Exact(_) => {
                Refusal::IsDeleteMarker { version: name, modified: version.head.modified }
            }
        }
        .into());
    }
    Ok(Found { bucket, version, place })
}

impl Found {
    fn put_back(self, tx: &mut Tx<'_>, key: &ObjectKey) -> Result<Success, Halt> {
        let Self { bucket, version, place } = self;
        chain::rewrite(tx, bucket.id, key, &version, &place);
        let name = version.head.name();
        tx.object_event(EventKind::ObjectChanged, &bucket, key, name, version.head.size)?;
        let version = (bucket.versioning != Versioning::Off).then_some(name);
        Ok(Success::VersionChanged { version })
    }
}
