//! Named key: a key of a tenant that clients name to have their objects sealed
//! under it besides (SSE-KMS).
//!
//! ```text
//! 1 | tenant 16 | name | wrapped key | created
//! ```

use serde::{Deserialize, Serialize};
use units::{TenantId, Timestamp};

use crate::name::{NamedKeyName, SealedBytes};

/// A named key's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedKey {
    /// Of which tenant.
    pub tenant: TenantId,
    /// The name, unique in the tenant.
    pub name: NamedKeyName,
    /// The key, wrapped by the tenant key.
    pub wrapped_key: SealedBytes,
    /// When it was made.
    pub created: Timestamp,
}
