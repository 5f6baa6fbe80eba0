//! Which object.

use catalog::{BucketName, NameError, ObjectKey};

/// A bucket and a key in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// Bucket name.
    pub bucket: BucketName,
    /// Object key, up to 1,024 bytes of UTF-8.
    pub key: ObjectKey,
}

impl ObjectName {
    /// Checks and joins two names.
    pub fn new(bucket: &str, key: &str) -> Result<Self, NameError> {
        Ok(Self { bucket: BucketName::new(bucket)?, key: ObjectKey::new(key)? })
    }
}
