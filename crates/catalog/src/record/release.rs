//! Release queue: what nobody refers to any more and is still to be removed.
//!
//! ```text
//! 1 | at | what (part, manifest, bucket) + 16
//! ```
//! Parts wait in one table, manifests and buckets in another, both in the order
//! of their release.
//! Deleting a multipart object or a bucket with unfinished uploads queues one
//! entry, whatever its size; `ReleaseAdvance` takes entries apart in bounded
//! steps, down to parts, whose fragments the steward removes before it proposes
//! `PartForget`.

use serde::{Deserialize, Serialize};
use units::{BucketId, PartId, ReferenceId, Timestamp};

/// What is to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReleaseKind {
    /// A part: its fragments, then its row.
    Part(PartId),
    /// A manifest: the references in its rows, and the rows.
    Manifest(ReferenceId),
    /// What is left of a deleted bucket: its unfinished uploads.
    Bucket(BucketId),
}

/// A row of the release queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseEntry {
    /// When it was released.
    pub at: Timestamp,
    /// What.
    pub kind: ReleaseKind,
}
