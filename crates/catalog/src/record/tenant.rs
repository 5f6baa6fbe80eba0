//! Tenant: an organisation or household whose data is held.
//!
//! ```text
//! 1 | id 16 | name | state | quota | wrapped key | created
//! ```
//! A tenant is what S3 calls an account; its id in hexadecimal is the canonical
//! owner id. An empty wrapped key means that the key was destroyed, and with it
//! every byte the tenant stored.

use serde::{Deserialize, Serialize};
use units::{ByteCount, ObjectCount, TenantId, Timestamp};

use crate::name::{SealedBytes, TenantName};

/// Most that a tenant or bucket may hold. `None`: no limit of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Bytes of all versions and of unfinished uploads.
    pub bytes: Option<ByteCount>,
    /// Object versions; delete markers do not count.
    pub objects: Option<ObjectCount>,
}

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TenantState {
    /// Served.
    Active,
    /// Kept, not served.
    Suspended,
    /// Its key was destroyed: nothing it stored can be read again.
    Erased,
}

/// A tenant's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Who.
    pub id: TenantId,
    /// The unique name; also the display name of the account.
    pub name: TenantName,
    /// Whether it is served.
    pub state: TenantState,
    /// Most that it may hold.
    pub quota: Quota,
    /// The tenant key, wrapped by the root key.
    pub wrapped_key: SealedBytes,
    /// When it was made.
    pub created: Timestamp,
}
