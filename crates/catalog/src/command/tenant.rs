//! Commands about tenants, users and access keys.

use serde::{Deserialize, Serialize};
use units::{TenantId, Timestamp, UserId};

use crate::name::{AccessKeyId, EmailAddress, NamedKeyName, SealedBytes, TenantName, UserName};
use crate::record::{KeyScope, Quota};

/// Makes a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCreate {
    /// Its id, drawn.
    pub id: TenantId,
    /// Its unique name.
    pub name: TenantName,
    /// Most that it may hold.
    pub quota: Quota,
    /// The tenant key, wrapped by the root key.
    pub wrapped_key: SealedBytes,
}

/// Stops serving a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantSuspend {
    /// Which.
    pub id: TenantId,
}

/// Serves a suspended tenant again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantResume {
    /// Which.
    pub id: TenantId,
}

/// Removes a tenant that has no bucket, and leaves the job of destroying its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantDelete {
    /// Which.
    pub id: TenantId,
}

/// Forgets a tenant's key, and leaves the job of destroying it. Refused while a bucket
/// with object lock holds versions: erasure does not get round a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantErase {
    /// Which.
    pub id: TenantId,
}

/// Says that a tenant's key is destroyed already, as in a catalog that was put back from a
/// backup of before: the tenant is erased, whatever locks its versions, for nothing opens
/// them any more. Only a node whose vault knows the key as destroyed may propose it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantShredded {
    /// Which.
    pub id: TenantId,
}

/// Sets what a tenant may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantQuotaSet {
    /// Which.
    pub id: TenantId,
    /// The new quota.
    pub quota: Quota,
}

/// Replaces a tenant's wrapped key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantKeyRewrap {
    /// Which.
    pub id: TenantId,
    /// The wrapped key that must still be there.
    pub old: SealedBytes,
    /// The same key, wrapped anew.
    pub new: SealedBytes,
}

/// Makes a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCreate {
    /// Its id, drawn.
    pub id: UserId,
    /// Of which tenant.
    pub tenant: TenantId,
    /// Its name, unique in the tenant.
    pub name: UserName,
}

/// Removes a user and revokes its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDelete {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Its name.
    pub name: UserName,
}

/// Makes an access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCreate {
    /// The public half, drawn.
    pub id: AccessKeyId,
    /// Whose rights it carries.
    pub tenant: TenantId,
    /// The user it belongs to.
    pub user: Option<UserName>,
    /// The secret half, sealed.
    pub sealed_secret: SealedBytes,
    /// What narrows it.
    pub scope: KeyScope,
    /// Not valid from this instant on.
    pub expires: Option<Timestamp>,
}

/// Revokes an access key. Its row stays, so that its id is never used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevoke {
    /// Which.
    pub id: AccessKeyId,
    /// Only if it is this tenant's.
    pub tenant: Option<TenantId>,
}

/// Makes a tenant that has an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCreateWithEmail {
    /// The tenant.
    pub tenant: TenantCreate,
    /// Its address; no other tenant may have it.
    pub email: EmailAddress,
}

/// Makes a named key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedKeyCreate {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Its name, unique in the tenant.
    pub name: NamedKeyName,
    /// The key, wrapped by the tenant key.
    pub wrapped_key: SealedBytes,
}

/// Replaces a named key's wrapped key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedKeyRewrap {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Which.
    pub name: NamedKeyName,
    /// The wrapped key that must still be there.
    pub old: SealedBytes,
    /// The same key, wrapped anew.
    pub new: SealedBytes,
}
