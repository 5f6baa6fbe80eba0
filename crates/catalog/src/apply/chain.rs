//! The versions of one key: one current row, older rows behind it.
//!
//! **Invariants**
//! - A key with any version has exactly one row in `current`, and it is the
//!   version with the largest ordinal.
//! - At most one version of a key is null; if it is in `noncurrent`, the current
//!   row's head says which it is.

use units::{BucketId, planted};

use super::tx::Tx;
use crate::name::{ObjectKey, VersionAsk, VersionName};
use crate::overlay::Halt;
use crate::record::{Damaged, ObjectVersion, VersionHead, Versioning};
use crate::table;

/// A current row as it is stored, with its head.
pub(super) struct Current {
    row: Vec<u8>,
    pub(super) head: VersionHead,
}

/// Where a version was found.
pub(super) enum Place {
    /// It is the current one.
    Current,
    /// It is behind the current one.
    Noncurrent,
}

/// The current row of a key.
pub(super) fn current(
    tx: &Tx<'_>,
    bucket: BucketId,
    key: &ObjectKey,
) -> Result<Option<Current>, Halt> {
    let Some(row) = tx.rows.get(&table::current(bucket, key))? else { return Ok(None) };
    let head = ObjectVersion::decode_head(&row)?;
    Ok(Some(Current { row, head }))
}

/// The version that is asked for, whole.
pub(super) fn find(
    tx: &Tx<'_>,
    bucket: BucketId,
    key: &ObjectKey,
    current: &Current,
    ask: VersionAsk,
) -> Result<Option<(ObjectVersion, Place)>, Halt> {
    let older = match ask {
        VersionAsk::Current => None,
        VersionAsk::Named(name) if current.head.name() == name => None,
        VersionAsk::Exact(id) if current.head.version == id => None,
        VersionAsk::Named(VersionName::Null) => match current.head.null_noncurrent {
            None => return Ok(None),
            some => some,
        },
        VersionAsk::Named(VersionName::Id(id)) | VersionAsk::Exact(id) => Some(id),
    };
    let Some(id) = older else {
        return Ok(Some((ObjectVersion::decode(&current.row)?, Place::Current)));
    };
    let Some(row) = tx.rows.get(&table::noncurrent(bucket, key, id))? else { return Ok(None) };
    let version = ObjectVersion::decode(&row)?;
    let shown = match ask {
        VersionAsk::Named(name) => version.head.name() == name,
        VersionAsk::Current | VersionAsk::Exact(_) => true,
    };
    Ok((version.head.version == id && shown).then_some((version, Place::Noncurrent)))
}

/// The null version that a write without versioning replaces.
pub(super) fn replaced(
    tx: &Tx<'_>,
    bucket: BucketId,
    key: &ObjectKey,
    current: Option<&Current>,
    versioning: Versioning,
) -> Result<Option<ObjectVersion>, Halt> {
    let (Some(current), Versioning::Off | Versioning::Suspended) = (current, versioning) else {
        return Ok(None);
    };
    let found = find(tx, bucket, key, current, VersionAsk::Named(VersionName::Null))?;
    Ok(found.map(|(version, _)| version))
}

/// Puts a version in front of the others. The null version it replaces, if any,
/// is the one that [`replaced`] found; its content is the caller's to release.
pub(super) fn push(
    tx: &mut Tx<'_>,
    bucket: BucketId,
    key: &ObjectKey,
    current: Option<Current>,
    mut version: ObjectVersion,
) -> Result<(), Halt> {
    version.head.noncurrent_since = None;
    version.head.null_noncurrent = None;
    if let Some(Current { row, mut head }) = current {
        let null_behind = head.null_noncurrent.take();
        if version.head.is_null {
            if let Some(null) = null_behind
                && !planted::is_on("catalog-keeps-two-null-versions")
            {
                tx.rows.remove(table::noncurrent(bucket, key, null));
            }
        } else {
            version.head.null_noncurrent =
                if head.is_null { Some(head.version) } else { null_behind };
        }
        if !(version.head.is_null && head.is_null) {
            head.noncurrent_since = Some(tx.at);
            let behind = ObjectVersion::replace_head(&row, &head)?;
            tx.rows.put(table::noncurrent(bucket, key, head.version), behind);
        }
    }
    tx.rows.put(table::current(bucket, key), version.encode());
    Ok(())
}

/// Takes a version out; the newest one behind it becomes current.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    bucket: BucketId,
    key: &ObjectKey,
    current: Current,
    version: &VersionHead,
    place: &Place,
) -> Result<(), Halt> {
    match place {
        Place::Noncurrent => {
            tx.rows.remove(table::noncurrent(bucket, key, version.version));
            if version.is_null {
                let mut head = current.head;
                head.null_noncurrent = None;
                let row = ObjectVersion::replace_head(&current.row, &head)?;
                tx.rows.put(table::current(bucket, key), row);
            }
        }
        Place::Current => {
            let behind = table::noncurrent_of(bucket, key);
            let next = tx.rows.scan_prefix(&behind).next().transpose()?;
            match next {
                None => tx.rows.remove(table::current(bucket, key)),
                Some((row_key, row)) => {
                    let mut head = ObjectVersion::decode_head(&row)?;
                    head.noncurrent_since = None;
                    head.null_noncurrent =
                        if head.is_null { None } else { current.head.null_noncurrent };
                    if planted::is_on("catalog-loses-sight-of-null") {
                        head.null_noncurrent = None;
                    }
                    let row = ObjectVersion::replace_head(&row, &head)?;
                    tx.rows.remove(row_key);
                    tx.rows.put(table::current(bucket, key), row);
                }
            }
        }
    }
    Ok(())
}

/// Writes a version back where it was found, with another detail.
pub(super) fn rewrite(
    tx: &mut Tx<'_>,
    bucket: BucketId,
    key: &ObjectKey,
    version: &ObjectVersion,
    place: &Place,
) {
    let row = match place {
        Place::Current => table::current(bucket, key),
        Place::Noncurrent => table::noncurrent(bucket, key, version.head.version),
    };
    tx.rows.put(row, version.encode());
}

/// Whether the current row is the only version of its key.
pub(super) fn is_alone(tx: &Tx<'_>, bucket: BucketId, key: &ObjectKey) -> Result<bool, Damaged> {
    let behind = table::noncurrent_of(bucket, key);
    match tx.rows.scan_prefix(&behind).next() {
        None => Ok(true),
        Some(Ok(_)) => Ok(false),
        Some(Err(_)) => Err(Damaged { kind: "object version" }),
    }
}
