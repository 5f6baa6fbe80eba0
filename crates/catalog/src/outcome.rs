//! What a command that was not refused gives back.

use serde::{Deserialize, Serialize};
use units::{BucketId, ByteCount, Epoch, Timestamp};

use crate::name::{ETag, ObjectKey, VersionName};
use crate::record::{Bucket, Checksum, ObjectVersion, Retention, Versioning};
use crate::refusal::Refusal;

/// What became of a command.
pub type Outcome = Result<Success, Refusal>;

/// A version that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutDone {
    /// The version as `x-amz-version-id` says it; `None` if versioning was never on.
    pub version: Option<VersionName>,
    /// The entity tag.
    pub etag: ETag,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// Plaintext bytes.
    pub size: ByteCount,
    /// When it counts as written.
    pub modified: Timestamp,
    /// The retention it got, its own or the bucket's default.
    pub retention: Option<Retention>,
}

impl PutDone {
    /// The answer to having written this version.
    pub(crate) fn of(version: &ObjectVersion, bucket: &Bucket) -> Self {
        Self {
            version: (bucket.versioning != Versioning::Off).then(|| version.head.name()),
            etag: version.head.etag.clone(),
            checksum: version.detail.checksum.clone(),
            size: version.head.size,
            modified: version.head.modified,
            retention: version.detail.retention,
        }
    }
}

/// What a delete did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteDone {
    /// The version that is now a delete marker, or was one and is gone: what
    /// `x-amz-version-id` says; `None` if versioning was never on.
    pub version: Option<VersionName>,
    /// `x-amz-delete-marker`: a marker was made, or a marker was removed.
    pub delete_marker: bool,
    /// Whether anything changed; a delete of what is not there succeeds too.
    pub changed: bool,
}

/// A part that was added to an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadPartDone {
    /// Its entity tag.
    pub etag: ETag,
    /// When it counts as uploaded.
    pub modified: Timestamp,
}

/// What a command that was not refused gives back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Success {
    /// It is done.
    Done,
    /// A bucket was made.
    BucketCreated {
        /// Which.
        id: BucketId,
    },
    /// A version was written, or an upload completed.
    Put(PutDone),
    /// A delete was carried out.
    Deleted(DeleteDone),
    /// Many deletes were: one outcome per item, in order.
    DeletedMany(Vec<Result<DeleteDone, Refusal>>),
    /// A part was added to an upload.
    UploadPart(UploadPartDone),
    /// Tags, retention, hold or grants of this version were set.
    VersionChanged {
        /// As `x-amz-version-id` says it; `None` if versioning was never on.
        version: Option<VersionName>,
    },
    /// The release queue was advanced.
    Released {
        /// Whether manifests or buckets are left in it.
        more: bool,
    },
    /// Parts were forgotten.
    Forgotten {
        /// How many had a row.
        parts: u32,
    },
    /// Versions of an erased tenant's bucket were taken out.
    Cleared {
        /// How many.
        versions: u32,
        /// Where the next command is to go on; `None`: at the first key.
        next: Option<ObjectKey>,
        /// Nothing was left, and the bucket is gone.
        bucket_gone: bool,
    },
    /// A step towards forgetting a disk was taken.
    DiskForget {
        /// Whether it was the last: the disk is forgotten.
        finished: bool,
    },
    /// The site map is as it was asked for.
    Mapped {
        /// Its version: another than before if it changed in what matters to placement.
        epoch: Epoch,
    },
    /// A step towards removing a site was taken.
    SiteRemove {
        /// Whether it was the last: the site is off the map.
        finished: bool,
    },
}
