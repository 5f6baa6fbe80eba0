//! The first start: a tenant, an administrator, an access key, shown once.
//!
//! Crash-safe without a plan on disk: the identity says that the first start is
//! not complete, every step looks at what is there already, and a key whose
//! secret nobody can have seen is revoked and made anew. The credentials file is
//! written last; once it is whole, the first start is complete.

use access::Authorised;
use admin::auth::Accounts;
use catalog::{AccessKeyId, KeyScope, Quota, Tenant, TenantName};
use disk::Disk;
use objects::Objects;

use crate::credentials::Credentials;
use crate::identity::Identity;
use crate::listeners::Listeners;
use crate::settings::Settings;
use crate::trouble::{Trouble, chain};

/// The first tenant; the operator makes others.
const TENANT: &str = "commune";
/// The first administrator.
const ADMINISTRATOR: &str = "admin";
/// What the first start works with.
pub(crate) struct FirstStart<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) objects: &'a Objects,
    pub(crate) accounts: &'a Accounts,
    pub(crate) listeners: &'a Listeners,
}

impl FirstStart<'_> {
    /// Completes the first start and marks it complete.
    pub(crate) async fn complete(
        &self,
        identity: &mut Identity,
        root: &dyn Disk,
    ) -> Result<(), Trouble> {
        let leave = Authorised::steward("first start");
        let tenant = self.tenant(&leave).await?;
        if !self.already_shown(identity, &tenant).await? {
            self.show(identity, &leave, &tenant).await?;
        }
        identity.complete = true;
        identity.write(root)
    }

    async fn tenant(&self, leave: &Authorised) -> Result<Tenant, Trouble> {
        let name = TenantName::new(TENANT).map_err(|error| stuck(&error))?;
        let found = self.objects.tenant_by_name(leave, &name).await;
        if let Some(tenant) = found.map_err(|error| stuck(&error))? {
            Ok(tenant)
        } else {
            let made = self.objects.tenant_create(leave, name, Quota::default()).await;
            made.map_err(|error| stuck(&error))
        }
    }

    /// Whether an earlier run got as far as writing the credentials.
    async fn already_shown(&self, identity: &Identity, tenant: &Tenant) -> Result<bool, Trouble> {
        let file = self.settings.credentials_file();
        let Some(kept) = Credentials::read(&file, &identity.node.to_string()) else {
            return Ok(false);
        };
        let Ok(id) = AccessKeyId::new(kept.access_key_id) else {
            return Ok(false);
        };
        let credential = self.objects.credential(&id).await.map_err(|error| stuck(&error))?;
        let alive = |key: &catalog::AccessKey| key.tenant == tenant.id && key.revoked.is_none();
        Ok(credential.is_some_and(|credential| alive(&credential.key))
            && self.accounts.administrator_exists(&kept.admin_user))
    }

    /// Makes the administrator and the key, and writes both down.
    async fn show(
        &self,
        identity: &Identity,
        leave: &Authorised,
        tenant: &Tenant,
    ) -> Result<(), Trouble> {
        let keys = self.objects.access_keys_list(leave, tenant.id).await;
        for key in keys.map_err(|error| stuck(&error))? {
            let revoked = self.objects.access_key_revoke(leave, tenant.id, &key.id).await;
            revoked.map_err(|error| stuck(&error))?;
        }
        let password = self.accounts.administrator_reset(ADMINISTRATOR);
        let password = password.map_err(|error| stuck(&error))?;
        let scope = KeyScope::default();
        let made = self.objects.access_key_create(leave, tenant.id, None, scope, None).await;
        let made = made.map_err(|error| stuck(&error))?;
        let credentials = Credentials {
            s3_endpoint: self.listeners.s3_endpoint.clone(),
            region: self.settings.region.clone(),
            access_key_id: made.key.id.as_str().to_owned(),
            secret_access_key: made.secret.to_string(),
            tenant: TENANT.to_owned(),
            admin_url: self.listeners.admin_url.clone(),
            admin_user: ADMINISTRATOR.to_owned(),
            admin_password: password,
            node: identity.node.to_string(),
        };
        credentials.write(&self.settings.credentials_file())
    }
}

fn stuck(error: &dyn std::error::Error) -> Trouble {
    Trouble::new(
        format!("the first start could not be completed: {}", chain(error)),
        "mend the cause and start again: it goes on where it stopped",
    )
}
