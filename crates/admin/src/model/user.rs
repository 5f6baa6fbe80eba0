//! Users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person or service account inside a tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Its id.
    pub id: String,
    /// Its name, unique in the tenant.
    pub name: String,
    /// The tenant it belongs to.
    pub tenant: String,
    /// When it was created.
    pub created: String,
}

/// A user to create.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserNew {
    /// Its name.
    #[schema(example = "secretariat")]
    pub name: String,
}
