//! Tenants, users and access keys.

use access::Authorised;
use catalog::{AccessKey, AccessKeyId, KeyScope, Quota, Tenant, TenantName, Usage, User, UserName};
use units::{TenantId, Timestamp, UserId};

use crate::{AccessKeyMade, Credential, ObjectError, Objects};

impl Objects {
    /// The secret and the identity behind an access key, for signature checks.
    /// `None` if there is no such key. Revoked, expired and suspended keys are
    /// given with their state, so that the refusal can be told apart.
    pub async fn credential(&self, _id: &AccessKeyId) -> Result<Option<Credential>, ObjectError> {
        Err(ObjectError::NotServed { what: "credential" })
    }

    /// Makes a tenant with a key of its own.
    pub async fn tenant_create(
        &self,
        _authorised: &Authorised,
        _name: TenantName,
        _quota: Quota,
    ) -> Result<Tenant, ObjectError> {
        Err(ObjectError::NotServed { what: "tenant_create" })
    }

    /// The tenant of this name.
    pub async fn tenant_by_name(
        &self,
        _authorised: &Authorised,
        _name: &TenantName,
    ) -> Result<Option<Tenant>, ObjectError> {
        Err(ObjectError::NotServed { what: "tenant_by_name" })
    }

    /// All tenants.
    pub async fn tenants_list(&self, _authorised: &Authorised) -> Result<Vec<Tenant>, ObjectError> {
        Err(ObjectError::NotServed { what: "tenants_list" })
    }

    /// Refuses every request of the tenant until resumed.
    pub async fn tenant_suspend(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "tenant_suspend" })
    }

    /// Ends a suspension.
    pub async fn tenant_resume(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "tenant_resume" })
    }

    /// Removes a tenant without buckets and destroys its key: what it had is erased.
    pub async fn tenant_delete(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "tenant_delete" })
    }

    /// Sets the tenant's quota; the default lifts it.
    pub async fn tenant_quota_set(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
        _quota: Quota,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "tenant_quota_set" })
    }

    /// What the tenant holds.
    pub async fn tenant_usage(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
    ) -> Result<Usage, ObjectError> {
        Err(ObjectError::NotServed { what: "tenant_usage" })
    }

    /// Makes a user.
    pub async fn user_create(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
        _name: UserName,
    ) -> Result<User, ObjectError> {
        Err(ObjectError::NotServed { what: "user_create" })
    }

    /// Users of a tenant.
    pub async fn users_list(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
    ) -> Result<Vec<User>, ObjectError> {
        Err(ObjectError::NotServed { what: "users_list" })
    }

    /// Removes a user and revokes its keys.
    pub async fn user_delete(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
        _user: UserId,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "user_delete" })
    }

    /// Makes an access key; its secret is given once, here.
    pub async fn access_key_create(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
        _user: Option<UserId>,
        _scope: KeyScope,
        _expires: Option<Timestamp>,
    ) -> Result<AccessKeyMade, ObjectError> {
        Err(ObjectError::NotServed { what: "access_key_create" })
    }

    /// Access keys of a tenant, without secrets.
    pub async fn access_keys_list(
        &self,
        _authorised: &Authorised,
        _tenant: TenantId,
    ) -> Result<Vec<AccessKey>, ObjectError> {
        Err(ObjectError::NotServed { what: "access_keys_list" })
    }

    /// Revokes an access key; requests signed with it fail from now on.
    pub async fn access_key_revoke(
        &self,
        _authorised: &Authorised,
        _id: &AccessKeyId,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "access_key_revoke" })
    }
}
