//! Usage: what a bucket or a tenant holds, counted in `apply`.
//!
//! ```text
//! 1 | objects | bytes | delete markers | uploads | upload bytes
//! ```

use serde::{Deserialize, Serialize};
use units::{ByteCount, ObjectCount};

/// A usage row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Object versions.
    pub objects: ObjectCount,
    /// Plaintext bytes of the object versions.
    pub bytes: ByteCount,
    /// Delete markers.
    pub delete_markers: ObjectCount,
    /// Unfinished uploads.
    pub uploads: ObjectCount,
    /// Plaintext bytes of their parts.
    pub upload_bytes: ByteCount,
}

impl Usage {
    /// Everything that a quota of bytes counts.
    pub fn quota_bytes(&self) -> ByteCount {
        self.bytes.plus(self.upload_bytes)
    }

    /// Everything that a quota of objects counts: an unfinished upload keeps a key and
    /// metadata as an object does, and becomes one.
    pub fn quota_objects(&self) -> ObjectCount {
        self.objects.plus(self.uploads)
    }

    /// Whether nothing is held: no version, no marker, no upload.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
