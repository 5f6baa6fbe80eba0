//! Commands about multipart uploads.

use serde::{Deserialize, Serialize};
use units::{ByteCount, PartId, PartNumber, TenantId, UploadId, UserId};

use super::{BucketRef, PartLayout, PutCondition};
use crate::name::{ETag, ObjectKey};
use crate::record::{
    Acl, Checksum, ChecksumAlgorithm, ChecksumKind, Encryption, ObjectHeaders, PartReference,
    Retention, Tag,
};

/// Begins a multipart upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadCreate {
    /// Into which bucket.
    pub bucket: BucketRef,
    /// Under which key.
    pub key: ObjectKey,
    /// Its id; also the reference of the object it will become. Ids of one key
    /// are listed in their order, so let the first half be the time.
    pub upload: UploadId,
    /// The user who begins it, if not the tenant itself.
    pub initiator: Option<UserId>,
    /// Who will own the object, if not the bucket's owner.
    pub owner: Option<TenantId>,
    /// The storage class the client named.
    pub storage_class: Option<String>,
    /// The checksum the client announced.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// Headers to give back.
    pub headers: ObjectHeaders,
    /// User metadata.
    pub metadata: Vec<(String, String)>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Retention; `None` takes the bucket's default at completion.
    pub retention: Option<Retention>,
    /// Legal hold.
    pub legal_hold: Option<bool>,
    /// What was promised about encryption.
    pub encryption: Encryption,
    /// Grants.
    pub acl: Option<Acl>,
    /// `x-amz-website-redirect-location`
    pub website_redirect: Option<String>,
}

/// Adds or replaces a part of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadPartPut {
    /// In which bucket.
    pub bucket: BucketRef,
    /// Under which key.
    pub key: ObjectKey,
    /// Of which upload.
    pub upload: UploadId,
    /// The part, with its number; its key is wrapped for the upload's id.
    pub reference: PartReference,
    /// Where its fragments are; `None`: it shares a part that another version
    /// uses.
    pub layout: Option<PartLayout>,
}

/// Makes an upload's parts an object.
///
/// The proposer computes entity tag and checksum from the parts it saw, and
/// names those parts; if one was replaced meanwhile the command is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadComplete {
    /// In which bucket.
    pub bucket: BucketRef,
    /// Under which key.
    pub key: ObjectKey,
    /// Which upload.
    pub upload: UploadId,
    /// The parts to keep, in rising order of their numbers.
    pub parts: Vec<(PartNumber, PartId)>,
    /// The entity tag of the object.
    pub etag: ETag,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// The size the client says it has.
    pub size: Option<ByteCount>,
    /// The random half of the version id, drawn.
    pub random: u64,
    /// Only if.
    pub condition: PutCondition,
}

/// Gives an upload up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadAbort {
    /// In which bucket.
    pub bucket: BucketRef,
    /// Under which key.
    pub key: ObjectKey,
    /// Which upload.
    pub upload: UploadId,
}
