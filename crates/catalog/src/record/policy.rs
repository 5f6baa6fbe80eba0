//! Placement policy: where data may lie and how it must spread.
//!
//! ```text
//! 1 | text | number | set at
//! ```
//! The text is for `placement` to read, which checked it before it was proposed. The
//! number is the epoch of the map that the policy made: a later one of the same scope
//! has a larger one, also if there was none in between.

use serde::{Deserialize, Serialize};
use units::{BucketId, Epoch, TenantId, Timestamp};

/// For what a policy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PolicyScope {
    /// All that the cluster holds.
    Cluster,
    /// All that a tenant has.
    Tenant(TenantId),
    /// One bucket.
    Bucket(BucketId),
}

/// A policy's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What it says.
    pub text: String,
    /// Which one it is: grows with every policy that is set.
    pub number: Epoch,
    /// When it was set.
    pub set: Timestamp,
}
