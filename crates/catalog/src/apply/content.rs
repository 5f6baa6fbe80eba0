//! Content: what a version's bytes hold on to, and how it lets go.
//!
//! **Invariant**: the reference count of a part equals the number of versions,
//! manifest rows and upload rows that name it; at zero the part is queued.

use units::{ByteCount, PartId, PartNumber, ReferenceId, planted};

use super::disk::{self, Bringing};
use super::tx::{Tx, check_size};
use crate::command::{ContentPut, PartLayout};
use crate::limits::PART_BUCKETS_MAX;
use crate::name::{ObjectKey, VersionId};
use crate::overlay::Halt;
use crate::record::{
    Content, InlineBody, Manifest, ObjectVersion, PartReference, PartRow, ReleaseEntry, ReleaseKind,
};
use crate::refusal::Refusal;
use crate::table;
use units::BucketId;
use units::limits::{CHUNK_BYTES, PARTS_MAX};

/// Takes hold of a new version's content.
pub(super) fn take(
    tx: &mut Tx<'_>,
    put: &ContentPut,
    reference: ReferenceId,
    owner: (BucketId, &ObjectKey, VersionId),
    size: ByteCount,
) -> Result<Content, Halt> {
    let held = match put {
        ContentPut::Empty => ByteCount::ZERO,
        ContentPut::Inline { .. } => size,
        ContentPut::NewPart { reference, .. } | ContentPut::SharedPart(reference) => reference.size,
        ContentPut::SharedParts(parts) => parts.iter().map(|part| part.size).sum(),
    };
    if held != size {
        return Err(Refusal::SizeMismatch { claimed: size, actual: held }.into());
    }
    match put {
        ContentPut::Empty => Ok(Content::Empty),
        ContentPut::Inline { part, wrapped_key, sealed } => {
            check_size("inline body", sealed.len(), CHUNK_BYTES)?;
            let body = InlineBody { sealed: sealed.clone() };
            tx.rows.put_record(table::inline(reference), &body);
            Ok(Content::Inline { part: *part, wrapped_key: wrapped_key.clone() })
        }
        ContentPut::NewPart { reference, layout } => {
            part_new(tx, owner.0, reference, layout)?;
            Ok(Content::Part(reference.clone()))
        }
        ContentPut::SharedPart(reference) => {
            part_hold(tx, owner.0, reference.part)?;
            Ok(Content::Part(reference.clone()))
        }
        ContentPut::SharedParts(parts) => {
            check_size("parts of an object", parts.len(), PARTS_MAX)?;
            for part in parts {
                part_hold(tx, owner.0, part.part)?;
                tx.rows.put_record(table::manifest_part(reference, part.number), part);
            }
            manifest_put(tx, reference, owner, parts.iter().map(|part| (part.number, part.size)));
            Ok(Content::Manifest { parts: u16::try_from(parts.len()).unwrap_or(u16::MAX) })
        }
    }
}

/// Writes the head row of a manifest whose part rows are there.
pub(super) fn manifest_put(
    tx: &mut Tx<'_>,
    reference: ReferenceId,
    (bucket, key, version): (BucketId, &ObjectKey, VersionId),
    parts: impl IntoIterator<Item = (PartNumber, ByteCount)>,
) {
    let runs = Manifest::runs_of(parts);
    let manifest = Manifest { bucket, key: key.clone(), version, runs };
    tx.rows.put_record(table::manifest(reference), &manifest);
}

/// Lets go of a removed version's content.
pub(super) fn release(tx: &mut Tx<'_>, version: &ObjectVersion) -> Result<(), Halt> {
    let reference = version.detail.reference;
    match &version.detail.content {
        Content::Empty => Ok(()),
        Content::Inline { .. } => {
            tx.rows.remove(table::inline(reference));
            Ok(())
        }
        Content::Part(part) => part_let_go(tx, part.part),
        Content::Manifest { .. } => {
            tx.rows.remove(table::manifest(reference));
            manifest_queue(tx, reference)
        }
    }
}

/// Queues a manifest, to be taken apart in bounded steps.
pub(super) fn manifest_queue(tx: &mut Tx<'_>, reference: ReferenceId) -> Result<(), Halt> {
    let entry = ReleaseEntry { at: tx.at, kind: ReleaseKind::Manifest(reference) };
    let place = tx.next_release()?;
    tx.rows.put_record(table::release_group(place), &entry);
    Ok(())
}

/// A part that was just written gets its row and its first reference.
pub(super) fn part_new(
    tx: &mut Tx<'_>,
    bucket: BucketId,
    reference: &PartReference,
    layout: &PartLayout,
) -> Result<(), Halt> {
    let row = table::part(reference.part);
    if tx.rows.get(&row)?.is_some() {
        return Err(Refusal::PartExists { part: reference.part }.into());
    }
    disk::slots_check(tx, &layout.slots, Bringing::New)?;
    tx.rows.put_record(row, &layout.row(reference.size, bucket, tx.at));
    Ok(())
}

/// One more reference to a part that somebody else holds.
pub(super) fn part_hold(tx: &mut Tx<'_>, bucket: BucketId, part: PartId) -> Result<(), Halt> {
    let row = table::part(part);
    match tx.rows.record::<PartRow>(&row)? {
        Some(mut found) if found.references > 0 => {
            if planted::is_on("catalog-copy-holds-nothing") {
                return Ok(());
            }
            found.references = found.references.saturating_add(1);
            bucket_add(&mut found, bucket)?;
            tx.rows.put_record(row, &found);
            Ok(())
        }
        _ => Err(Refusal::PartGone { part }.into()),
    }
}

/// Has a part name a bucket, whose policy binds it from now on.
fn bucket_add(row: &mut PartRow, bucket: BucketId) -> Result<(), Halt> {
    if !row.buckets.contains(&bucket) {
        let what = "the list of buckets that share a part";
        check_size(what, row.buckets.len().saturating_add(1), PART_BUCKETS_MAX)?;
        row.buckets.push(bucket);
    }
    Ok(())
}

/// One reference less; the last one queues the part.
pub(super) fn part_let_go(tx: &mut Tx<'_>, part: PartId) -> Result<(), Halt> {
    let row = table::part(part);
    let Some(mut found) = tx.rows.record::<PartRow>(&row)? else { return Ok(()) };
    found.references = found.references.saturating_sub(1);
    if found.references == 0 && found.released.is_none() {
        let place = tx.next_release()?;
        found.released = Some(place);
        let entry = ReleaseEntry { at: tx.at, kind: ReleaseKind::Part(part) };
        tx.rows.put_record(table::release(place), &entry);
    }
    tx.rows.put_record(row, &found);
    Ok(())
}
