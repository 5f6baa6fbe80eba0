//! Access keys for signature checks, with the opened secrets kept.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::{AccessKeyId, SealedBytes};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::gateway::Inner;
use crate::limits::CREDENTIALS_CACHED_MAX;
use crate::{Credential, ObjectError, Objects};

/// Opened secrets, each with the sealed bytes it was opened from: a key whose row
/// changed is opened anew.
#[derive(Default)]
pub(crate) struct CredentialCache(Mutex<HashMap<AccessKeyId, Opened>>);

/// From which sealed bytes, and the secret.
type Opened = (SealedBytes, Arc<Zeroizing<String>>);

impl CredentialCache {
    fn get(&self, id: &AccessKeyId, sealed: &SealedBytes) -> Option<Arc<Zeroizing<String>>> {
        let cache = self.0.lock();
        cache.get(id).filter(|(from, _)| from == sealed).map(|(_, secret)| Arc::clone(secret))
    }

    fn put(&self, id: AccessKeyId, sealed: SealedBytes, secret: Arc<Zeroizing<String>>) {
        let mut cache = self.0.lock();
        if cache.len() >= CREDENTIALS_CACHED_MAX {
            // Rare, and refilling is cheap: begin again rather than keep an order.
            cache.clear();
        }
        cache.insert(id, (sealed, secret));
    }

    pub(crate) fn forget(&self, id: &AccessKeyId) {
        self.0.lock().remove(id);
    }
}

impl Objects {
    /// The secret and the identity behind an access key, for signature checks.
    /// `None` if there is no such key. Revoked, expired and suspended keys are
    /// given with their state, so that the refusal can be told apart.
    pub async fn credential(&self, id: &AccessKeyId) -> Result<Option<Credential>, ObjectError> {
        let inner = &self.inner;
        let view = inner.view();
        let Some(key) = view.access_key(id)? else { return Ok(None) };
        let Some(tenant) = view.tenant(key.tenant)? else { return Ok(None) };
        let secret = if let Some(secret) = inner.credentials.get(id, &key.sealed_secret) {
            secret
        } else {
            let opened = inner.parts.vault.secret_open(
                tenant.id,
                tenant.wrapped_key.as_slice(),
                id.as_str(),
                key.sealed_secret.as_slice(),
            )?;
            let opened = Arc::new(opened);
            inner.credentials.put(id.clone(), key.sealed_secret.clone(), Arc::clone(&opened));
            opened
        };
        let user = match key.user {
            None => None,
            Some(user) => Inner::user_by_id(&view, tenant.id, user)?.map(Arc::new),
        };
        Ok(Some(Credential { key, tenant: Arc::new(tenant), user, secret }))
    }
}
