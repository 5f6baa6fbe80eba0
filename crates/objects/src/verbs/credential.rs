//! Access keys for signature checks, with the opened secrets kept.

use std::sync::Arc;

use catalog::AccessKeyId;

use crate::gateway::Inner;
use crate::{Credential, ObjectError, Objects};

impl Objects {
    /// The secret and the identity behind an access key, for signature checks.
    /// `None` if there is no such key. Revoked, expired and suspended keys are
    /// given with their state, so that the refusal can be told apart.
    pub async fn credential(
        &self,
        id: &AccessKeyId,
    ) -> Result<Option<Arc<Credential>>, ObjectError> {
        let inner = &self.inner;
        let _began = inner.verbs.begin();
        let revision = inner.parts.consensus.directory_revision();
        if let Some(credential) = inner.credentials.get(id, revision) {
            return Ok(Some(credential));
        }
        let view = inner.view();
        let Some(key) = view.access_key(id)? else { return Ok(None) };
        let Some(tenant) = view.tenant(key.tenant)? else { return Ok(None) };
        let opened = inner.credentials.stale(id);
        let opened = opened.filter(|opened| opened.key.sealed_secret == key.sealed_secret);
        let secret = match opened {
            Some(opened) => Arc::clone(&opened.secret),
            None => Arc::new(inner.parts.vault.secret_open(
                tenant.id,
                tenant.wrapped_key.as_slice(),
                id.as_str(),
                key.sealed_secret.as_slice(),
            )?),
        };
        let user = match key.user {
            None => None,
            Some(user) => Inner::user_by_id(&view, tenant.id, user)?.map(Arc::new),
        };
        let credential = Arc::new(Credential { key, tenant: Arc::new(tenant), user, secret });
        inner.credentials.put(id.clone(), revision, Arc::clone(&credential));
        Ok(Some(credential))
    }
}
