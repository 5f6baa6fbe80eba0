//! Tenant: an organisation or household whose data is held.
//!
//! ```text
//! 2 | id 16 | name | state | quota | wrapped key | created | e-mail?
//! ```
//! Version 1 had no e-mail address.
//!
//! A tenant is what S3 calls an account; its id in hexadecimal is the canonical
//! owner id. An empty wrapped key means that the key was destroyed, and with it
//! every byte the tenant stored.

use serde::{Deserialize, Serialize};
use units::{ByteCount, ObjectCount, TenantId, Timestamp};

use super::{Damaged, Record, whole};
use crate::name::{EmailAddress, SealedBytes, TenantName};
use crate::table;

/// Most that a tenant or bucket may hold. `None`: no limit of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Bytes of all versions and of unfinished uploads.
    pub bytes: Option<ByteCount>,
    /// Object versions and unfinished uploads; delete markers do not count, so that
    /// what is over a quota can be deleted.
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
    /// The address that grants may name it by.
    pub email: Option<EmailAddress>,
}

impl Tenant {
    /// The tenant whose row this is, in a backup for instance; none if it is another row,
    /// or one that cannot be read.
    pub fn of_row(key: &[u8], value: &[u8]) -> Option<Self> {
        let is_tenant = key.first() == Some(&table::TENANT);
        is_tenant.then(|| Self::decode(value).ok()).flatten()
    }
}

/// A tenant's row as version 1 had it.
#[derive(Deserialize)]
struct TenantV1 {
    id: TenantId,
    name: TenantName,
    state: TenantState,
    quota: Quota,
    wrapped_key: SealedBytes,
    created: Timestamp,
}

impl Record for Tenant {
    const KIND: &'static str = "tenant";
    const VERSION: u8 = 2;

    fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        match bytes.split_first() {
            Some((2, rest)) => whole(rest, Self::KIND),
            Some((1, rest)) => {
                let TenantV1 { id, name, state, quota, wrapped_key, created } =
                    whole(rest, Self::KIND)?;
                Ok(Self { id, name, state, quota, wrapped_key, created, email: None })
            }
            _ => Err(Damaged { kind: Self::KIND }),
        }
    }
}
