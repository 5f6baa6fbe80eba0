//! User: a person or service account inside a tenant.
//!
//! ```text
//! 1 | id 16 | tenant 16 | name | created
//! ```

use serde::{Deserialize, Serialize};
use units::{TenantId, Timestamp, UserId};

use crate::name::UserName;

/// A user's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Of which tenant.
    pub tenant: TenantId,
    /// The name, unique in the tenant.
    pub name: UserName,
    /// When it was made.
    pub created: Timestamp,
}
