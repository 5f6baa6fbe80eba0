//! How much is stored, by tenant and by bucket.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What one bucket holds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BucketUsage {
    /// The bucket.
    pub bucket: String,
    /// Object versions in it.
    pub objects: u64,
    /// Bytes in it, before sealing and coding.
    pub bytes: u64,
}

/// What one tenant stores.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantUsage {
    /// The tenant.
    pub tenant: String,
    /// How much it may store.
    pub quota_bytes: Option<u64>,
    /// How many object versions and unfinished uploads it may have.
    pub quota_objects: Option<u64>,
    /// Object versions it stores.
    pub objects: u64,
    /// Bytes it stores.
    pub bytes: u64,
    /// Its buckets, by name, up to one page of a list.
    pub buckets: Vec<BucketUsage>,
    /// Whether there are more buckets than are listed.
    pub more_buckets: bool,
}

/// What is stored in all.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Object versions.
    pub objects: u64,
    /// Bytes, before sealing and coding.
    pub bytes: u64,
    /// By tenant, by name, up to one page of a list.
    pub tenants: Vec<TenantUsage>,
    /// Whether there are more tenants than are listed.
    pub more_tenants: bool,
}
