//! Buckets.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Bucket {
    /// Its id; a deleted bucket's is never reused.
    pub id: String,
    /// Its name, unique in the cluster.
    pub name: String,
    /// The tenant that owns it.
    pub tenant: String,
    /// When it was created.
    pub created: String,
    /// `off`, `enabled` or `suspended`.
    #[schema(example = "enabled")]
    pub versioning: String,
    /// Whether object lock is on.
    pub object_lock: bool,
    /// Whether clients may bring keys of their own (SSE-C); none means as the node's
    /// settings say.
    pub sse_c: Option<bool>,
    /// How much it may hold; none means as much as its tenant may.
    pub quota_bytes: Option<u64>,
    /// How many object versions and unfinished uploads it may hold; none means as many
    /// as its tenant may.
    pub quota_objects: Option<u64>,
    /// Object versions in it.
    pub objects: u64,
    /// Bytes in it, before sealing and coding.
    pub bytes: u64,
}

/// A bucket to create.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BucketNew {
    /// Its name, by the rules of S3.
    #[schema(example = "deliberations")]
    pub name: String,
    /// The tenant that is to own it.
    #[schema(example = "mairie")]
    pub tenant: String,
    /// How much it may hold.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
    /// How many object versions and unfinished uploads it may hold.
    #[serde(default)]
    pub quota_objects: Option<u64>,
}

/// A bucket's new quota.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BucketQuota {
    /// How much it may hold; null, or nothing, lifts the limit.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
    /// How many object versions and unfinished uploads it may hold; null, or nothing,
    /// lifts the limit.
    #[serde(default)]
    pub quota_objects: Option<u64>,
}

/// Whether clients may bring keys of their own to a bucket.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BucketSseC {
    /// Whether they may; null leaves it to the node's settings.
    pub allowed: Option<bool>,
}
