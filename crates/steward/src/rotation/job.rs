//! The row of a rotation: what is rotated, how far it is.
//!
//! ```text
//! 1 | postcard Rotation
//! ```

use catalog::{BucketName, JobName, ObjectKey, SealedBytes, VersionName};
use serde::{Deserialize, Serialize};
use units::{BucketId, PartNumber, TenantId, Timestamp, UploadId};

/// What every name of a rotation's job begins with.
pub(super) const PREFIX: &str = "key-rotation.";

const VERSION: u8 = 1;

/// Whose key is rotated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RotationOf {
    /// The root key: every tenant's key is wrapped anew.
    Root,
    /// A tenant's: its buckets' keys, named keys and sealed secrets.
    Tenant {
        /// Which.
        id: TenantId,
    },
    /// A bucket's: the keys of all parts of its versions and uploads.
    Bucket {
        /// Its name.
        name: BucketName,
        /// Which one of that name.
        id: BucketId,
    },
}

/// Where a rotation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RotationPhase {
    /// The new generation is to be made.
    Begun,
    /// What is under an older one is wrapped anew, in passes until one finds nothing.
    Rewrapping,
    /// The older generations are to be forgotten, once nobody uses them any more.
    Retiring,
    /// It is over.
    Done,
}

/// Where a pass stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    #[default]
    Start,
    Tenants(TenantId),
    Buckets(String),
    Secrets(String),
    Named(String),
    Uploads(String, UploadId, PartNumber),
    Versions,
    Key(String),
    Version(String, VersionName, PartNumber),
}

/// A rotation, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Whose key.
    pub of: RotationOf,
    /// Where it stands.
    pub phase: RotationPhase,
    /// Keys and secrets wrapped anew so far.
    pub rewrapped: u64,
    /// Keys and secrets looked at so far, those of earlier passes too.
    pub looked_at: u64,
    /// Passes that have ended.
    pub passes: u32,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The newest generation before it: a step that was cut is not done twice.
    pub(super) generation_before: u32,
    pub(super) place: Place,
    /// Wrapped anew in this pass.
    pub(super) in_this_pass: u64,
}

impl RotationOf {
    /// The name of its job.
    pub(super) fn job(&self) -> Option<JobName> {
        let text = match self {
            Self::Root => format!("{PREFIX}root"),
            Self::Tenant { id } => format!("{PREFIX}tenant.{id}"),
            Self::Bucket { id, .. } => format!("{PREFIX}bucket.{id}"),
        };
        JobName::new(text).ok()
    }
}

impl Rotation {
    pub(super) fn new(of: RotationOf, generation_before: u32, started: Timestamp) -> Self {
        Self {
            of,
            phase: RotationPhase::Begun,
            rewrapped: 0,
            looked_at: 0,
            passes: 0,
            started,
            ended: None,
            generation_before,
            place: Place::Start,
            in_this_pass: 0,
        }
    }

    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        self.phase != RotationPhase::Done
    }

    pub(super) fn encode(&self) -> SealedBytes {
        SealedBytes::new(postcard::to_extend(self, vec![VERSION]).unwrap_or_default())
    }

    /// Reads a row; one that is damaged or newer than this node is none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }
}

/// A key as a place has it; what was stored is a key.
pub(super) fn object_key(text: &str) -> Option<ObjectKey> {
    ObjectKey::new(text).ok()
}
