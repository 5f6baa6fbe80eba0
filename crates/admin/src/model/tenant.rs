//! Tenants.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a tenant's requests are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// They are.
    Active,
    /// They are refused; the data stays.
    Suspended,
    /// Its key was destroyed: nothing it stored can be read again.
    Erased,
}

/// An organisation or household whose data is held.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Tenant {
    /// Its id, which is also the canonical owner id in S3.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether its requests are served.
    pub state: TenantState,
    /// When it was created.
    pub created: String,
    /// The e-mail address that S3 grants may name it by.
    pub email: Option<String>,
    /// How much it may store; none means as much as there is.
    pub quota_bytes: Option<u64>,
    /// How many object versions and unfinished uploads it may have; none means any number.
    pub quota_objects: Option<u64>,
    /// Buckets it owns.
    pub buckets: u64,
    /// Object versions it stores.
    pub objects: u64,
    /// Bytes it stores, before sealing and coding.
    pub bytes: u64,
}

/// A tenant to create.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantNew {
    /// Its name: lower-case letters, digits, `-`, `_` and `.`, up to 64.
    #[schema(example = "mairie")]
    pub name: String,
    /// The e-mail address that S3 grants may name it by; no other tenant may have it.
    #[serde(default)]
    #[schema(example = "contact@mairie.example")]
    pub email: Option<String>,
    /// How much it may store.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
    /// How many object versions and unfinished uploads it may have.
    #[serde(default)]
    pub quota_objects: Option<u64>,
}

/// A tenant's new quota.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantQuota {
    /// How much it may store; null, or nothing, lifts the limit.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
    /// How many object versions and unfinished uploads it may have; null, or nothing,
    /// lifts the limit.
    #[serde(default)]
    pub quota_objects: Option<u64>,
}
