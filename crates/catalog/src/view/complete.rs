//! What completing an upload would make: the checks of
//! `CompleteMultipartUpload` that need no atomicity, and what the proposer
//! needs to compute entity tag and checksum.

use units::{BucketId, ByteCount, PartNumber, UploadId};

use super::{ReadError, View};
use crate::name::{ETag, ObjectKey};
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
        let _ = (bucket, key, upload, asked);
        Ok(Err(Refusal::NoSuchUpload))
    }

    /// The answer to completing an upload again after it succeeded; `None` if
    /// the upload is unfinished or unknown, or its version is gone.
    pub fn completed(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        upload: UploadId,
    ) -> Result<Option<PutDone>, ReadError> {
        let _ = (bucket, key, upload);
        Ok(None)
    }
}
