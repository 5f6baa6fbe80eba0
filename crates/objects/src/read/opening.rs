//! From a request to the version it means and the bytes it wants of it.

use core::ops::Range;
use std::sync::Arc;

use access::Authorised;
use catalog::{Checksum, Content, Found, ObjectVersion, Refusal, VersionAsk, Versioning, View};
use units::{BucketId, ByteCount, PartNumber};

use crate::gateway::Inner;
use crate::sealing::Sealing;
use crate::seen::Seen;
use crate::{GetObject, ObjectError, ObjectHead};

/// A version that may be read, and how.
pub(crate) struct Opening {
    pub(crate) seen: Seen,
    pub(crate) sealing: Sealing,
    pub(crate) head: ObjectHead,
}

/// The version that is meant; delete markers and absences are errors.
pub(crate) fn version_of(
    view: &View,
    bucket: BucketId,
    key: &catalog::ObjectKey,
    ask: VersionAsk,
) -> Result<ObjectVersion, ObjectError> {
    match view.object(bucket, key, ask)? {
        Found::Object(version) => Ok(*version),
        Found::Marker(head) => Err(ObjectError::DeleteMarker {
            version: head.name(),
            named: ask != VersionAsk::Current,
            modified: head.modified,
        }),
        Found::Missing if ask == VersionAsk::Current => {
            Err(Refusal::NoSuchKey { marker: None }.into())
        }
        Found::Missing => Err(Refusal::NoSuchVersion.into()),
    }
}

impl Inner {
    /// Finds the version, checks conditions and customer key, resolves the range.
    pub(crate) fn object_open(
        &self,
        authorised: &Authorised,
        ask: &GetObject,
    ) -> Result<Opening, ObjectError> {
        let seen = self.object_seen(authorised, &ask.name.bucket, &ask.name.key)?;
        let version = version_of(&seen.view, seen.bucket.id, &ask.name.key, ask.version)?;
        ask.conditions.check(&version.head.etag, version.head.modified)?;
        let (range, partial, checksum) = wanted(&seen.view, &version, ask)?;
        let sealing =
            Sealing::of_record(&seen, &version.detail.encryption, ask.customer_key.as_ref())?;
        let head = ObjectHead {
            versioned: seen.bucket.versioning != Versioning::Off,
            range,
            partial,
            parts_count: version.parts_count(),
            checksum,
            version: Arc::new(version),
        };
        Ok(Opening { seen, sealing, head })
    }
}

type Wanted = (Range<u64>, bool, Option<Checksum>);

fn wanted(view: &View, version: &ObjectVersion, ask: &GetObject) -> Result<Wanted, ObjectError> {
    let size = version.head.size;
    let whole = version.detail.checksum.clone();
    if let Some(number) = ask.part {
        return part_wanted(view, version, number).map(|(range, sum)| (range, true, sum));
    }
    match ask.range {
        None => Ok((0..size.get(), false, whole)),
        Some(range) => {
            let range = range.within(size).ok_or(ObjectError::RangeNotSatisfiable { size })?;
            Ok((range, true, whole))
        }
    }
}

/// The bytes of one part, and its checksum.
fn part_wanted(
    view: &View,
    version: &ObjectVersion,
    number: PartNumber,
) -> Result<(Range<u64>, Option<Checksum>), ObjectError> {
    let reference = version.detail.reference;
    if let Content::Manifest { .. } = version.detail.content {
        let manifest = view.manifest(reference)?.ok_or_else(|| ObjectError::Damaged {
            reason: format!("no manifest of {reference:?}"),
        })?;
        let (start, size) = manifest.part(number).ok_or(ObjectError::NoSuchPart)?;
        let part = view.manifest_part(reference, number)?;
        let range = start.get()..start.plus(size).get();
        return Ok((range, part.and_then(|part| part.checksum)));
    }
    if number != PartNumber::new(1) {
        return Err(ObjectError::NoSuchPart);
    }
    let checksum = match &version.detail.content {
        Content::Part(part) if version.parts_count().is_some() => part.checksum.clone(),
        _ => version.detail.checksum.clone(),
    };
    Ok((ByteCount::ZERO.get()..version.head.size.get(), checksum))
}
