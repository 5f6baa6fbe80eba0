//! Disks, as an operator who looks after them sees them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DiskState;

/// One disk that the node has, or had and still expects.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Disk {
    /// Its id.
    pub id: String,
    /// Where it is, or where it was last; none if nobody knows.
    pub directory: Option<String>,
    /// Whether it takes writes.
    pub state: DiskState,
    /// Size of its file system; 0 if it does not answer.
    pub total_bytes: u64,
    /// What may still be written.
    pub free_bytes: u64,
    /// Parts of objects and uploads of which a fragment has its place on it.
    pub parts: u64,
    /// Bytes of their objects that lie in these fragments, about.
    pub bytes: u64,
    /// Parts with a fragment on it that were deleted and are still to be cleaned up.
    pub deleted_parts: u64,
    /// When it was last there: now, unless it is missing; none if nobody knows.
    pub last_seen: Option<String>,
}
