//! Named keys of a tenant (SSE-KMS).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key that S3 clients name to have their objects sealed under it besides.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KmsKey {
    /// Its name, unique in the tenant.
    pub name: String,
    /// The tenant it belongs to.
    pub tenant: String,
    /// When it was created.
    pub created: String,
}

/// A named key to create.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KmsKeyNew {
    /// Its name.
    #[schema(example = "archives-2026")]
    pub name: String,
}
