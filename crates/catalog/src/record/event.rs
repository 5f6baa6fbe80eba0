//! Event: one entry of the change feed.
//!
//! ```text
//! 1 | at | kind | tenant 16 | bucket? 16 | key? | version? | size
//! ```
//! Found by its sequence number. Readers keep a cursor; the oldest events are
//! dropped when there are too many, and a reader that is too late is told.

use serde::{Deserialize, Serialize};
use units::{BucketId, ByteCount, TenantId, Timestamp};

use crate::name::{ObjectKey, VersionName};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// A tenant was made or changed.
    TenantChanged,
    /// A tenant is gone.
    TenantDeleted,
    /// A bucket was made.
    BucketCreated,
    /// A bucket or one of its settings changed.
    BucketChanged,
    /// A bucket is gone.
    BucketDeleted,
    /// `s3:ObjectCreated:Put`
    ObjectPut,
    /// `s3:ObjectCreated:Copy`
    ObjectCopied,
    /// `s3:ObjectCreated:CompleteMultipartUpload`
    ObjectCompleted,
    /// `s3:ObjectRemoved:Delete`
    ObjectDeleted,
    /// `s3:ObjectRemoved:DeleteMarkerCreated`
    MarkerCreated,
    /// `s3:LifecycleExpiration:Delete`
    ObjectExpired,
    /// `s3:LifecycleExpiration:DeleteMarkerCreated`
    MarkerExpired,
    /// Tags, grants, retention or legal hold of a version changed.
    ObjectChanged,
}

/// An event's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Whose.
    pub tenant: TenantId,
    /// In which bucket.
    pub bucket: Option<BucketId>,
    /// Of which key.
    pub key: Option<ObjectKey>,
    /// Of which version.
    pub version: Option<VersionName>,
    /// Of how many bytes.
    pub size: ByteCount,
}
