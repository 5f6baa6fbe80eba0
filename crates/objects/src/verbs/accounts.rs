//! Tenants, users, access keys and named keys.

use access::Authorised;
use catalog::command::{
    KeyCreate, KeyRevoke, NamedKeyCreate, TenantCreate, TenantCreateWithEmail, TenantDelete,
    TenantErase, TenantQuotaSet, TenantResume, TenantSuspend, UserCreate, UserDelete,
};
use catalog::{
    AccessKey, AccessKeyId, Command, EmailAddress, Job, KeyScope, NamedKey, NamedKeyName, Quota,
    Refusal, SealedBytes, Tenant, TenantName, TenantState, Usage, User, UserName, View,
};
use units::{Random, TenantId, Timestamp, UserId};
use zeroize::Zeroizing;

use crate::gateway::Inner;
use crate::limits::WALK_PAGE;
use crate::{AccessKeyMade, ObjectError, Objects};

/// What ids of access keys begin with, as S3 clients expect of long-term keys.
const ACCESS_KEY_PREFIX: &str = "ESSA";

/// Letters of the rest of an id: base 32 without look-alikes.
const ACCESS_KEY_LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Letters of a secret: 40 of these 64 carry 240 random bits.
const SECRET_LETTERS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn draw_letters<const N: usize>(random: &dyn Random, letters: &[u8; N], count: usize) -> String {
    const { assert!(N.is_power_of_two() && N <= 256, "every letter is as likely as any other") };
    let mut bytes = Zeroizing::new(vec![0_u8; count]);
    random.fill(&mut bytes);
    bytes
        .iter()
        .filter_map(|byte| letters.get(usize::from(*byte) % N))
        .map(|l| char::from(*l))
        .collect()
}

impl Inner {
    /// A verb on a whole tenant: the tenant itself, or who runs the site.
    fn tenant_covered(authorised: &Authorised, tenant: TenantId) -> Result<(), ObjectError> {
        let own = authorised.tenant() == Some(tenant);
        let operator = authorised.steward_reason().is_some()
            || authorised.caller().identity().is_some_and(|identity| identity.operator);
        if own || operator {
            return Ok(());
        }
        Err(ObjectError::NotCovered { touched: format!("tenant {tenant}") })
    }

    /// A user by id; users are found by name, and a tenant has few.
    pub(crate) fn user_by_id(
        view: &View,
        tenant: TenantId,
        id: UserId,
    ) -> Result<Option<User>, ObjectError> {
        let mut after: Option<UserName> = None;
        loop {
            let page = view.users(tenant, after.as_ref(), WALK_PAGE)?;
            let Some(last) = page.last() else { return Ok(None) };
            after = Some(last.name.clone());
            if let Some(user) = page.into_iter().find(|user| user.id == id) {
                return Ok(Some(user));
            }
        }
    }

    fn tenant_row(&self, tenant: TenantId) -> Result<Tenant, ObjectError> {
        Ok(self.view().tenant(tenant)?.ok_or(Refusal::NoSuchTenant)?)
    }
}

impl Objects {
    /// Makes a tenant with a key of its own.
    pub async fn tenant_create(
        &self,
        authorised: &Authorised,
        name: TenantName,
        quota: Quota,
    ) -> Result<Tenant, ObjectError> {
        self.tenant_create_with(authorised, name, quota, None).await
    }

    /// The same, with an e-mail address that grants may name it by.
    pub async fn tenant_create_with(
        &self,
        _authorised: &Authorised,
        name: TenantName,
        quota: Quota,
        email: Option<EmailAddress>,
    ) -> Result<Tenant, ObjectError> {
        let inner = &self.inner;
        let _began = inner.verbs.begin();
        let id = TenantId::draw(&*inner.parts.random);
        let wrapped_key = SealedBytes::new(inner.parts.vault.tenant_key_create(id)?);
        let create = TenantCreate { id, name, quota, wrapped_key };
        let command = match email {
            None => Command::TenantCreate(create),
            Some(email) => {
                Command::TenantCreateWithEmail(TenantCreateWithEmail { tenant: create, email })
            }
        };
        inner.propose(command).await?;
        inner.tenant_row(id)
    }

    /// The tenant of this name.
    pub async fn tenant_by_name(
        &self,
        _authorised: &Authorised,
        name: &TenantName,
    ) -> Result<Option<Tenant>, ObjectError> {
        Ok(self.inner.view().tenant_named(name)?)
    }

    /// The tenant with this e-mail address. Takes no authorisation: whoever may grant
    /// may learn whom an address names, as S3 tells by accepting it.
    pub async fn tenant_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<Tenant>, ObjectError> {
        Ok(self.inner.view().tenant_by_email(email)?)
    }

    /// Makes a named key of a tenant, for SSE-KMS.
    pub async fn named_key_create(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
        name: NamedKeyName,
    ) -> Result<NamedKey, ObjectError> {
        let inner = &self.inner;
        let _began = inner.verbs.begin();
        Inner::tenant_covered(authorised, tenant)?;
        let row = inner.tenant_row(tenant)?;
        let above = row.wrapped_key.as_slice();
        let wrapped = inner.parts.vault.named_key_create(tenant, above, name.as_str())?;
        let wrapped_key = SealedBytes::new(wrapped);
        let create = NamedKeyCreate { tenant, name: name.clone(), wrapped_key };
        inner.propose(Command::NamedKeyCreate(create)).await?;
        Ok(inner.view().named_key(tenant, &name)?.ok_or(Refusal::NoSuchNamedKey)?)
    }

    /// Named keys of a tenant, still wrapped.
    pub async fn named_keys_list(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
    ) -> Result<Vec<NamedKey>, ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        let view = self.inner.view();
        let mut all: Vec<NamedKey> = Vec::new();
        loop {
            let page = view.named_keys(tenant, all.last().map(|key| &key.name), WALK_PAGE)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// All tenants.
    pub async fn tenants_list(&self, _authorised: &Authorised) -> Result<Vec<Tenant>, ObjectError> {
        let view = self.inner.view();
        let mut all: Vec<Tenant> = Vec::new();
        loop {
            let page = view.tenants(all.last().map(|tenant| tenant.id), WALK_PAGE)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Refuses every request of the tenant until resumed.
    pub async fn tenant_suspend(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
    ) -> Result<(), ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        self.inner.propose(Command::TenantSuspend(TenantSuspend { id: tenant })).await.map(drop)
    }

    /// Ends a suspension.
    pub async fn tenant_resume(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
    ) -> Result<(), ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        self.inner.propose(Command::TenantResume(TenantResume { id: tenant })).await.map(drop)
    }

    /// Removes a tenant without buckets, with its users and access keys, and
    /// destroys its key.
    pub async fn tenant_delete(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
    ) -> Result<(), ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        self.inner.propose(Command::TenantDelete(TenantDelete { id: tenant })).await?;
        self.tenant_shred(tenant).await
    }

    /// Destroys the tenant's key: nothing it stored can be read again.
    pub async fn tenant_erase(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
    ) -> Result<(), ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        self.inner.propose(Command::TenantErase(TenantErase { id: tenant })).await?;
        self.tenant_shred(tenant).await
    }

    /// Destroys the keys of tenants that were erased or deleted and whose keys were
    /// not destroyed then, since the node stopped or the disk failed; says how many.
    ///
    /// One that cannot be destroyed keeps none of the others; the first error is given
    /// when all have been tried.
    // Cancel-safety: what was not done is still a job.
    pub async fn tenants_shred_pending(&self) -> Result<u64, ObjectError> {
        let (mut shredded, mut failed) = (0, None);
        let mut after = None;
        loop {
            let page = self.inner.view().jobs(after.as_ref(), WALK_PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for tenant in page.iter().filter_map(|(name, _)| Job::shreds(name)) {
                match self.tenant_shred(tenant).await {
                    Ok(()) => shredded += 1,
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        failed.map_or(Ok(shredded), Err)
    }

    /// Destroys the keys of all tenants that the catalog has as erased, whether there is
    /// a job that says so or not: earlier versions wrote none, and a stop amid an erasure
    /// left the key. What is destroyed already stays so.
    // Cancel-safety: may be cut anywhere and done again.
    pub async fn tenants_shred_erased(&self) -> Result<(), ObjectError> {
        let mut failed = None;
        let mut after = None;
        loop {
            let page = self.inner.view().tenants(after, WALK_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for tenant in page.iter().filter(|tenant| tenant.state == TenantState::Erased) {
                if let Err(error) = self.tenant_key_shred(tenant.id).await {
                    failed = failed.or(Some(error));
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The key first, then the job: a crash in between does it once more.
    async fn tenant_shred(&self, tenant: TenantId) -> Result<(), ObjectError> {
        self.tenant_key_shred(tenant).await?;
        let done = Command::JobSet { name: Job::shred_of(tenant), state: None };
        self.inner.propose(done).await.map(drop)
    }

    async fn tenant_key_shred(&self, tenant: TenantId) -> Result<(), ObjectError> {
        let vault = std::sync::Arc::clone(&self.inner.parts.vault);
        let shred = host::blocking(move || vault.tenant_shred(tenant)).await;
        Ok(shred.map_err(|error| ObjectError::Internal { reason: error.to_string() })??)
    }

    /// Sets the tenant's quota; the default lifts it.
    pub async fn tenant_quota_set(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
        quota: Quota,
    ) -> Result<(), ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        let set = TenantQuotaSet { id: tenant, quota };
        self.inner.propose(Command::TenantQuotaSet(set)).await.map(drop)
    }

    /// What the tenant holds.
    pub async fn tenant_usage(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
    ) -> Result<Usage, ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        Ok(self.inner.view().tenant_usage(tenant)?)
    }

    /// Makes a user.
    pub async fn user_create(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
        name: UserName,
    ) -> Result<User, ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        let id = UserId::draw(&*self.inner.parts.random);
        let create = UserCreate { id, tenant, name: name.clone() };
        self.inner.propose(Command::UserCreate(create)).await?;
        Ok(self.inner.view().user(tenant, &name)?.ok_or(Refusal::NoSuchUser)?)
    }

    /// Users of a tenant.
    pub async fn users_list(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
    ) -> Result<Vec<User>, ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        let view = self.inner.view();
        let mut all: Vec<User> = Vec::new();
        loop {
            let page = view.users(tenant, all.last().map(|user| &user.name), WALK_PAGE)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Removes a user and revokes its keys.
    pub async fn user_delete(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
        name: UserName,
    ) -> Result<(), ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        self.inner.propose(Command::UserDelete(UserDelete { tenant, name })).await.map(drop)
    }

    /// Makes an access key; its secret is given once, here.
    pub async fn access_key_create(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
        user: Option<UserName>,
        scope: KeyScope,
        expires: Option<Timestamp>,
    ) -> Result<AccessKeyMade, ObjectError> {
        let inner = &self.inner;
        let _began = inner.verbs.begin();
        Inner::tenant_covered(authorised, tenant)?;
        let row = inner.tenant_row(tenant)?;
        if row.state == TenantState::Erased {
            return Err(Refusal::TenantErased.into());
        }
        let random = &*inner.parts.random;
        let id = format!("{ACCESS_KEY_PREFIX}{}", draw_letters(random, ACCESS_KEY_LETTERS, 16));
        let id = AccessKeyId::new(id)
            .map_err(|error| ObjectError::Internal { reason: error.to_string() })?;
        let secret = Zeroizing::new(draw_letters(random, SECRET_LETTERS, 40));
        let sealed = inner.parts.vault.secret_seal(
            tenant,
            row.wrapped_key.as_slice(),
            id.as_str(),
            &secret,
        )?;
        let sealed_secret = SealedBytes::new(sealed);
        let create = KeyCreate { id: id.clone(), tenant, user, sealed_secret, scope, expires };
        inner.propose(Command::KeyCreate(create)).await?;
        let key = inner.view().access_key(&id)?.ok_or(Refusal::NoSuchAccessKey)?;
        Ok(AccessKeyMade { key, secret })
    }

    /// Access keys of a tenant, without secrets.
    pub async fn access_keys_list(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
    ) -> Result<Vec<AccessKey>, ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        let view = self.inner.view();
        let mut all: Vec<AccessKey> = Vec::new();
        loop {
            let page = view.access_keys(tenant, all.last().map(|key| &key.id), WALK_PAGE)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Revokes an access key; requests signed with it fail from now on.
    pub async fn access_key_revoke(
        &self,
        authorised: &Authorised,
        tenant: TenantId,
        id: &AccessKeyId,
    ) -> Result<(), ObjectError> {
        Inner::tenant_covered(authorised, tenant)?;
        let revoke = KeyRevoke { id: id.clone(), tenant: Some(tenant) };
        self.inner.propose(Command::KeyRevoke(revoke)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use units::SimRandom;

    use super::*;

    #[test]
    fn ids_and_secrets_have_the_length_clients_expect() {
        let random = SimRandom::seeded(1);
        assert_eq!(draw_letters(&random, ACCESS_KEY_LETTERS, 16).len(), 16);
        assert_eq!(draw_letters(&random, SECRET_LETTERS, 40).len(), 40);
    }
}
