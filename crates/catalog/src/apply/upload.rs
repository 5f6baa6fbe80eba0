//! Multipart uploads: begin, add parts, complete, give up.
//!
//! An upload's parts are the manifest rows of the object it becomes: completing
//! it writes one manifest head and one version, whatever the number of parts.

use units::limits::PARTS_MAX;
use units::{ByteCount, PartNumber, ReferenceId, UploadId};

use super::tx::{Change, ONE, Tx};
use super::{chain, content, lock, put};
use crate::command::{UploadAbort, UploadComplete, UploadCreate, UploadPartPut};
use crate::limits::PART_BYTES_MIN;
use crate::name::{ETag, ObjectKey, VersionAsk, VersionId};
use crate::outcome::{PutDone, Success, UploadPartDone};
use crate::overlay::Halt;
use crate::record::{
    Bucket, Content, EventKind, Manifest, ObjectVersion, PartReference, Upload, Usage,
    VersionDetail, VersionHead, VersionKind, Versioning,
};
use crate::refusal::Refusal;
use crate::table;

/// The reference under which an upload's parts are.
pub(super) const fn reference_of(upload: UploadId) -> ReferenceId {
    ReferenceId::from_u128(upload.to_u128())
}

pub(super) fn create(tx: &mut Tx<'_>, ask: &UploadCreate) -> Result<Success, Halt> {
    let (bucket, tenant) = tx.served(&ask.bucket)?;
    put::check_version(&bucket, ByteCount::ZERO, &ask.tags, ask.acl.as_ref())?;
    lock::initial(&bucket, ask.retention, ask.legal_hold, tx.at)?;
    let upload = Upload {
        created: tx.at,
        initiator: ask.initiator,
        owner: ask.owner,
        storage_class: ask.storage_class.clone(),
        checksum: ask.checksum,
        parts: 0,
        bytes: ByteCount::ZERO,
        detail: VersionDetail {
            headers: ask.headers.clone(),
            metadata: ask.metadata.clone(),
            tags: ask.tags.clone(),
            retention: ask.retention,
            legal_hold: ask.legal_hold,
            encryption: ask.encryption.clone(),
            acl: ask.acl.clone(),
            website_redirect: ask.website_redirect.clone(),
            ..VersionDetail::empty(reference_of(ask.upload))
        },
    };
    let mut change = Change::default();
    change.more.uploads = ONE;
    tx.count(&bucket, Some(&tenant), change)?;
    tx.rows.put_record(table::upload(bucket.id, &ask.key, ask.upload), &upload);
    Ok(Success::Done)
}

pub(super) fn part_put(tx: &mut Tx<'_>, ask: &UploadPartPut) -> Result<Success, Halt> {
    let (bucket, tenant) = tx.served(&ask.bucket)?;
    let row = table::upload(bucket.id, &ask.key, ask.upload);
    let mut upload: Upload = tx.rows.record(&row)?.ok_or(Refusal::NoSuchUpload)?;
    let number = ask.reference.number;
    if number == PartNumber::ZERO || usize::from(number.get()) > PARTS_MAX {
        return Err(Refusal::InvalidPart { number }.into());
    }
    let part_row = table::manifest_part(reference_of(ask.upload), number);
    let old: Option<PartReference> = tx.rows.record(&part_row)?;
    match &ask.layout {
        Some(layout) => content::part_new(tx, bucket.id, &ask.reference, layout)?,
        None => content::part_hold(tx, bucket.id, ask.reference.part)?,
    }
    let mut change = Change::default();
    change.more.upload_bytes = ask.reference.size;
    upload.bytes = upload.bytes.plus(ask.reference.size);
    match &old {
        None => upload.parts = upload.parts.saturating_add(1),
        Some(old) => {
            change.less.upload_bytes = old.size;
            upload.bytes = upload.bytes.minus(old.size);
        }
    }
    tx.count(&bucket, Some(&tenant), change)?;
    let reference = PartReference { modified: tx.at, ..ask.reference.clone() };
    tx.rows.put_record(part_row, &reference);
    tx.rows.put_record(row, &upload);
    if let Some(old) = old {
        content::part_let_go(tx, old.part)?;
    }
    Ok(Success::UploadPart(UploadPartDone { etag: ETag::Md5(reference.md5), modified: tx.at }))
}

pub(super) fn abort(tx: &mut Tx<'_>, ask: &UploadAbort) -> Result<Success, Halt> {
    let bucket = tx.bucket(&ask.bucket)?;
    let row = table::upload(bucket.id, &ask.key, ask.upload);
    let upload: Upload = tx.rows.record(&row)?.ok_or(Refusal::NoSuchUpload)?;
    tx.rows.remove(row);
    tx.count(&bucket, None, gone(&upload))?;
    content::manifest_queue(tx, reference_of(ask.upload))?;
    Ok(Success::Done)
}

/// What no longer counts once an upload is over.
fn gone(upload: &Upload) -> Change {
    let less = Usage { uploads: ONE, upload_bytes: upload.bytes, ..Usage::default() };
    Change { more: Usage::default(), less }
}

pub(super) fn complete(tx: &mut Tx<'_>, ask: &UploadComplete) -> Result<Success, Halt> {
    let (bucket, tenant) = tx.served(&ask.bucket)?;
    let row = table::upload(bucket.id, &ask.key, ask.upload);
    let Some(upload) = tx.rows.record::<Upload>(&row)? else {
        // The same parts, that is: another list was never carried out.
        let done =
            completed(tx, &bucket, &ask.key, ask.upload)?.filter(|done| done.etag == ask.etag);
        return done.map(Success::Put).ok_or_else(|| Refusal::NoSuchUpload.into());
    };
    let parts = keep_parts(tx, ask)?;
    let size: ByteCount = parts.iter().map(|(_, size)| *size).sum();
    if let Some(claimed) = ask.size.filter(|claimed| *claimed != size) {
        return Err(Refusal::SizeMismatch { claimed, actual: size }.into());
    }
    put::check_version(&bucket, size, &upload.detail.tags, upload.detail.acl.as_ref())?;
    let current = chain::current(tx, bucket.id, &ask.key)?;
    put::check(&ask.condition, current.as_ref())?;
    tx.rows.remove(row);
    let id = VersionId::new(tx.next_ordinal()?, ask.random);
    let reference = reference_of(ask.upload);
    let count = u16::try_from(parts.len()).unwrap_or(u16::MAX);
    content::manifest_put(tx, reference, (bucket.id, &ask.key, id), parts);
    let change = gone(&upload);
    let version = version_of(tx, &bucket, upload, ask, (id, size, count))?;
    let name = version.head.name();
    let done = put::write(tx, (&bucket, Some(&tenant)), &ask.key, current, version, change)?;
    tx.object_event(EventKind::ObjectCompleted, &bucket, &ask.key, name, size)?;
    Ok(Success::Put(done))
}

fn version_of(
    tx: &Tx<'_>,
    bucket: &Bucket,
    upload: Upload,
    ask: &UploadComplete,
    (id, size, parts): (VersionId, ByteCount, u16),
) -> Result<ObjectVersion, Refusal> {
    let Upload { owner, storage_class, detail, .. } = upload;
    // A retention that was set when the upload began may have ended since.
    let retention = match detail.retention {
        Some(retention) => Some(retention),
        None => lock::initial(bucket, None, detail.legal_hold, tx.at)?,
    };
    Ok(ObjectVersion {
        head: VersionHead {
            version: id,
            is_null: bucket.versioning != Versioning::Enabled,
            kind: VersionKind::Object,
            modified: tx.at,
            size,
            etag: ask.etag.clone(),
            storage_class,
            owner,
            checksum: ask.checksum.as_ref().map(|sum| (sum.algorithm, sum.kind)),
            noncurrent_since: None,
            null_noncurrent: None,
        },
        detail: VersionDetail {
            content: Content::Manifest { parts },
            checksum: ask.checksum.clone(),
            retention,
            ..detail
        },
    })
}

/// Checks the parts that are to be kept and lets the others go.
fn keep_parts(tx: &mut Tx<'_>, ask: &UploadComplete) -> Result<Vec<(PartNumber, ByteCount)>, Halt> {
    if !ask.parts.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(Refusal::InvalidPartOrder.into());
    }
    let Some((last, _)) = ask.parts.last() else {
        return Err(Refusal::InvalidPart { number: PartNumber::ZERO }.into());
    };
    let rows = table::manifest_rows(reference_of(ask.upload));
    let rows: Vec<_> = tx.rows.scan_prefix(&rows).collect::<Result<_, _>>()?;
    let mut wanted = ask.parts.iter().peekable();
    let mut kept = Vec::with_capacity(ask.parts.len());
    let mut unwanted = Vec::new();
    for (row, value) in rows {
        let part: PartReference = crate::record::Record::decode(&value)?;
        match wanted.next_if(|(number, _)| *number == part.number) {
            None => unwanted.push((row, part.part)),
            Some((number, id)) if *id != part.part => {
                return Err(Refusal::InvalidPart { number: *number }.into());
            }
            Some((number, _)) => {
                check_size(*number, *last, part.size)?;
                kept.push((*number, part.size));
            }
        }
    }
    if let Some((number, _)) = wanted.next() {
        return Err(Refusal::InvalidPart { number: *number }.into());
    }
    for (row, part) in unwanted {
        tx.rows.remove(row);
        content::part_let_go(tx, part)?;
    }
    Ok(kept)
}

fn check_size(number: PartNumber, final_part: PartNumber, size: ByteCount) -> Result<(), Refusal> {
    let least = ByteCount::new(PART_BYTES_MIN);
    if number != final_part && size < least {
        return Err(Refusal::EntityTooSmall { number, size, least });
    }
    Ok(())
}

/// The answer to completing again what was completed before.
fn completed(
    tx: &Tx<'_>,
    bucket: &Bucket,
    key: &ObjectKey,
    upload: UploadId,
) -> Result<Option<PutDone>, Halt> {
    let head = table::manifest(reference_of(upload));
    let Some(manifest) = tx.rows.record::<Manifest>(&head)? else { return Ok(None) };
    if manifest.bucket != bucket.id || manifest.key != *key {
        return Ok(None);
    }
    let Some(current) = chain::current(tx, bucket.id, key)? else { return Ok(None) };
    let ask = VersionAsk::Exact(manifest.version);
    let found = chain::find(tx, bucket.id, key, &current, ask)?;
    Ok(found.map(|(version, _)| PutDone::of(&version, bucket)))
}
