//! Access keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An access key, without its secret: that is shown once, when it is made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// The key's id.
    #[schema(example = "ESMJ5Q2W7C3XK9RT4VBA")]
    pub access_key_id: String,
    /// The tenant whose data it opens.
    pub tenant: String,
    /// The user it acts for; none means the tenant itself.
    pub user: Option<String>,
    /// The only buckets it opens; none means all of the tenant's.
    pub buckets: Option<Vec<String>>,
    /// Whether it may only read.
    pub read_only: bool,
    /// When it was created.
    pub created: String,
    /// When it stops to work.
    pub expires: Option<String>,
    /// Whether it has.
    #[serde(default)]
    pub expired: bool,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// An access key to create.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyNew {
    /// The user it acts for; none means the tenant itself.
    #[serde(default)]
    pub user: Option<String>,
    /// The only buckets it opens; none means all of the tenant's.
    #[serde(default)]
    pub buckets: Option<Vec<String>>,
    /// Whether it may only read.
    #[serde(default)]
    pub read_only: bool,
    /// In how many seconds it stops to work; none means never.
    #[serde(default)]
    pub expires_in_seconds: Option<u64>,
}

/// An access key just made. The secret is shown here and never again.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct KeyMade {
    /// The key.
    #[serde(flatten)]
    pub key: Key,
    /// Its secret.
    pub secret_access_key: String,
}

impl core::fmt::Debug for KeyMade {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeyMade").field("key", &self.key).finish_non_exhaustive()
    }
}
