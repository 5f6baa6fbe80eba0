//! Access key: key id and sealed secret, with what the key may touch.
//!
//! ```text
//! 1 | id | tenant 16 | user? | sealed secret | scope | expires? | revoked? | created
//! ```

use serde::{Deserialize, Serialize};
use units::{TenantId, Timestamp, UserId};

use crate::name::{AccessKeyId, BucketName, SealedBytes};

/// What narrows a key below its tenant's rights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyScope {
    /// Only these buckets; `None`: all that the tenant may reach.
    pub buckets: Option<Vec<BucketName>>,
    /// Nothing that writes.
    pub read_only: bool,
}

/// An access key's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// The public half.
    pub id: AccessKeyId,
    /// Whose rights it carries.
    pub tenant: TenantId,
    /// The user it belongs to; `None`: the tenant itself.
    pub user: Option<UserId>,
    /// The secret half, sealed under the tenant key.
    pub sealed_secret: SealedBytes,
    /// What narrows it.
    pub scope: KeyScope,
    /// Not valid from this instant on.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
}

impl AccessKey {
    /// Whether the key may sign at this instant.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}
