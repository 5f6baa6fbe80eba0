//! Deleting objects and versions.

use catalog::command::DeleteCondition;
use catalog::{ObjectKey, VersionAsk};

/// One deletion; batches carry up to a thousand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteObject {
    /// Object key.
    pub key: ObjectKey,
    /// Which version; `Current` makes a delete marker in a versioned bucket.
    pub version: VersionAsk,
    /// Conditions checked with the deletion.
    pub condition: DeleteCondition,
}

impl DeleteObject {
    /// An unconditional deletion.
    pub fn plain(key: ObjectKey, version: VersionAsk) -> Self {
        Self { key, version, condition: DeleteCondition::default() }
    }
}
