//! Deleting: a marker in front, a version out, or nothing to do.
//!
//! ```text
//!                     versioning off       enabled          suspended
//! no version named    version removed      marker put       null version replaced by null marker
//! version named       that version removed, the next one becomes current
//! ```

use super::chain::{Current, Place};
use super::tx::{Change, Tx, check_size};
use super::{chain, condition, content, lock, put};
use crate::command::{Cause, DeleteGuard, DeleteItem, ObjectDelete, ObjectsDelete};
use crate::limits::DELETE_ITEMS_MAX;
use crate::name::{ETag, ObjectKey, VersionAsk, VersionId, VersionName};
use crate::outcome::{DeleteDone, Success};
use crate::overlay::Halt;
use crate::record::{
    Bucket, EventKind, ObjectVersion, VersionDetail, VersionHead, VersionKind, Versioning,
};
use units::ByteCount;

/// Who deletes, and what they may.
#[derive(Clone, Copy)]
struct Caller {
    bypass_governance: bool,
    cause: Cause,
}

impl Caller {
    /// A lifecycle rule never bypasses anything.
    fn new(bypass_governance: bool, cause: Cause) -> Self {
        Self { bypass_governance: bypass_governance && cause == Cause::Client, cause }
    }
}

pub(super) fn object(tx: &mut Tx<'_>, ask: &ObjectDelete) -> Result<Success, Halt> {
    let (bucket, _) = tx.served(&ask.bucket)?;
    let caller = Caller::new(ask.bypass_governance, ask.cause);
    item(tx, &bucket, &ask.item, caller).map(Success::Deleted)
}

pub(super) fn objects(tx: &mut Tx<'_>, ask: &ObjectsDelete) -> Result<Success, Halt> {
    let (bucket, _) = tx.served(&ask.bucket)?;
    check_size("delete request", ask.items.len(), DELETE_ITEMS_MAX)?;
    let caller = Caller::new(ask.bypass_governance, ask.cause);
    let mut outcomes = Vec::with_capacity(ask.items.len());
    for one in &ask.items {
        let mark = tx.rows.mark();
        match item(tx, &bucket, one, caller) {
            Ok(done) => outcomes.push(Ok(done)),
            Err(Halt::Refused(refusal)) => {
                tx.rows.undo_to(mark);
                outcomes.push(Err(refusal));
            }
            Err(halt @ Halt::Rows(_)) => return Err(halt),
        }
    }
    Ok(Success::DeletedMany(outcomes))
}

fn item(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    item: &DeleteItem,
    caller: Caller,
) -> Result<DeleteDone, Halt> {
    let current = chain::current(tx, bucket.id, &item.key)?;
    if !guard_holds(tx, bucket, item, current.as_ref())? {
        return Ok(untouched(item));
    }
    match (item.version, bucket.versioning) {
        (VersionAsk::Current, Versioning::Enabled | Versioning::Suspended) => {
            mark_deleted(tx, bucket, item, current, caller)
        }
        (VersionAsk::Current, Versioning::Off)
        | (VersionAsk::Named(_) | VersionAsk::Exact(_), _) => {
            remove(tx, bucket, item, current, caller)
        }
    }
}

/// Whether what a plan relied on is still so.
fn guard_holds(
    tx: &Tx<'_>,
    bucket: &Bucket,
    item: &DeleteItem,
    current: Option<&Current>,
) -> Result<bool, Halt> {
    let Some(current) = current else { return Ok(item.guard == DeleteGuard::None) };
    Ok(match item.guard {
        DeleteGuard::None => true,
        DeleteGuard::CurrentIs(id) => current.head.version == id,
        DeleteGuard::Noncurrent => match item.version {
            VersionAsk::Exact(id) => current.head.version != id,
            VersionAsk::Named(name) => current.head.name() != name,
            VersionAsk::Current => false,
        },
        DeleteGuard::LoneMarker => {
            current.head.is_delete_marker()
                && item.version == VersionAsk::Exact(current.head.version)
                && chain::is_alone(tx, bucket.id, &item.key)?
        }
    })
}

fn untouched(item: &DeleteItem) -> DeleteDone {
    let version = match item.version {
        VersionAsk::Named(name) => Some(name),
        VersionAsk::Current | VersionAsk::Exact(_) => None,
    };
    DeleteDone { version, delete_marker: false, changed: false }
}

/// Puts a delete marker in front.
fn mark_deleted(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    item: &DeleteItem,
    current: Option<Current>,
    caller: Caller,
) -> Result<DeleteDone, Halt> {
    match &current {
        Some(current) => condition::check_delete(&item.condition, &current.head)?,
        None if condition::is_conditional(&item.condition) => return Ok(untouched(item)),
        None => {}
    }
    let id = VersionId::new(tx.next_ordinal()?, item.marker_random);
    let marker = marker(tx, bucket, item, id);
    let name = marker.head.name();
    put::write(tx, (bucket, None), &item.key, current, marker, Change::default())?;
    let kind = match caller.cause {
        Cause::Client => EventKind::MarkerCreated,
        Cause::Lifecycle => EventKind::MarkerExpired,
    };
    tx.object_event(kind, bucket, &item.key, name, ByteCount::ZERO)?;
    Ok(DeleteDone { version: Some(name), delete_marker: true, changed: true })
}

fn marker(tx: &Tx<'_>, bucket: &Bucket, item: &DeleteItem, id: VersionId) -> ObjectVersion {
    ObjectVersion {
        head: VersionHead {
            version: id,
            is_null: bucket.versioning != Versioning::Enabled,
            kind: VersionKind::DeleteMarker,
            modified: tx.at,
            size: ByteCount::ZERO,
            etag: ETag::Opaque(String::new()),
            storage_class: None,
            owner: None,
            checksum: None,
            noncurrent_since: None,
            null_noncurrent: None,
        },
        detail: VersionDetail::empty(item.marker_reference),
    }
}

/// Takes a version out for good.
fn remove(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    item: &DeleteItem,
    current: Option<Current>,
    caller: Caller,
) -> Result<DeleteDone, Halt> {
    let Some(current) = current else { return Ok(untouched(item)) };
    let found = chain::find(tx, bucket.id, &item.key, &current, item.version)?;
    let Some((version, place)) = found else { return Ok(untouched(item)) };
    condition::check_delete(&item.condition, &version.head)?;
    lock::check_removable(&version.detail, tx.at, caller.bypass_governance)?;
    take_out(tx, bucket, &item.key, current, &version, &place)?;
    let kind = match caller.cause {
        Cause::Client => EventKind::ObjectDeleted,
        Cause::Lifecycle => EventKind::ObjectExpired,
    };
    tx.object_event(kind, bucket, &item.key, version.head.name(), version.head.size)?;
    let name: Option<VersionName> =
        (item.version != VersionAsk::Current).then(|| version.head.name());
    Ok(DeleteDone { version: name, delete_marker: version.head.is_delete_marker(), changed: true })
}

/// Takes a version out that may go, and counts it out.
pub(super) fn take_out(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    key: &ObjectKey,
    current: Current,
    version: &ObjectVersion,
    place: &Place,
) -> Result<(), Halt> {
    let mut change = Change::default();
    change.drop_version(&version.head);
    tx.count(bucket, None, change)?;
    chain::remove(tx, bucket.id, key, current, &version.head, place)?;
    content::release(tx, version)
}
