//! What completing an upload would make: the checks of
//! `CompleteMultipartUpload` that need no atomicity, and what the proposer
//! needs to compute entity tag and checksum.

use units::limits::PARTS_MAX;
use units::{BucketId, ByteCount, PartNumber, ReferenceId, UploadId};

use super::{Found, ReadError, View};
use crate::limits::PART_BYTES_MIN;
use crate::name::{ETag, ObjectKey, VersionAsk};
use crate::outcome::PutDone;
use crate::record::{Bucket, Checksum, PartReference, Upload};
use crate::refusal::Refusal;

/// A part as the client's list names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartAsk {
    /// Its number.
    pub number: PartNumber,
    /// Its entity tag.
    pub etag: ETag,
    /// Its checksum, if the client gave one.
    pub checksum: Option<Checksum>,
}

/// What completing would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletePlan {
    /// The upload.
    pub upload: Upload,
    /// The parts that were asked for, in order.
    pub parts: Vec<PartReference>,
    /// Bytes of all of them.
    pub size: ByteCount,
}

impl View {
    /// Checks a client's list of parts against an upload.
    ///
    /// `Ok(Err(refusal))` is what the client is to be told. An unknown upload
    /// may have been completed before: propose the command all the same if
    /// [`View::completed`] knows it.
    pub fn complete_plan(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        upload: UploadId,
        asked: &[PartAsk],
    ) -> Result<Result<CompletePlan, Refusal>, ReadError> {
        let Some(found) = self.upload(bucket, key, upload)? else {
            return Ok(Err(Refusal::NoSuchUpload));
        };
        if !asked.is_sorted_by(|a, b| a.number < b.number) {
            return Ok(Err(Refusal::InvalidPartOrder));
        }
        let reference = ReferenceId::from_u128(upload.to_u128());
        let uploaded = self.manifest_parts(reference, PartNumber::ZERO, PARTS_MAX)?;
        let mut uploaded = uploaded.into_iter().peekable();
        let mut parts = Vec::with_capacity(asked.len().min(PARTS_MAX));
        for (position, ask) in asked.iter().enumerate() {
            while uploaded.next_if(|part| part.number < ask.number).is_some() {}
            let part = uploaded.next_if(|part| part.number == ask.number);
            let Some(part) = part.filter(|part| is_the_one(part, ask)) else {
                return Ok(Err(Refusal::InvalidPart { number: ask.number }));
            };
            let least = ByteCount::new(PART_BYTES_MIN);
            if position + 1 < asked.len() && part.size < least {
                let PartReference { number, size, .. } = part;
                return Ok(Err(Refusal::EntityTooSmall { number, size, least }));
            }
            parts.push(part);
        }
        let size = parts.iter().map(|part| part.size).sum();
        Ok(Ok(CompletePlan { upload: found, parts, size }))
    }

    /// The answer to completing an upload again after it succeeded; `None` if
    /// the upload is unfinished or unknown, or its version is gone.
    pub fn completed(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        upload: UploadId,
    ) -> Result<Option<PutDone>, ReadError> {
        let reference = ReferenceId::from_u128(upload.to_u128());
        let Some(manifest) = self.manifest(reference)? else { return Ok(None) };
        if manifest.bucket != bucket.id || manifest.key != *key {
            return Ok(None);
        }
        match self.object(bucket.id, key, VersionAsk::Exact(manifest.version))? {
            Found::Object(version) => Ok(Some(PutDone::of(&version, bucket))),
            Found::Marker(_) | Found::Missing => Ok(None),
        }
    }
}

/// Whether an uploaded part is the one that the client means.
fn is_the_one(part: &PartReference, ask: &PartAsk) -> bool {
    let same_checksum = match (&ask.checksum, &part.checksum) {
        (None, _) => true,
        (Some(asked), Some(stored)) => {
            asked.algorithm == stored.algorithm && asked.value == stored.value
        }
        (Some(_), None) => false,
    };
    ask.etag == ETag::Md5(part.md5) && same_checksum
}
