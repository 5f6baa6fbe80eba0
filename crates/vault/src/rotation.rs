//! Rotation: new generations of root, tenant and bucket keys.
//!
//! Every rotation has three steps, and may be interrupted between and within:
//! 1. *rotate* makes a new generation; from then on new things are wrapped under it;
//! 2. *rewrap* wraps what is still under an older one, value by value, each to be
//!    stored by the caller; repeat until nothing is returned any more;
//! 3. *retire* checks that nothing is left and forgets the older generations.
//!
//! **Invariant**: no step touches a sealed byte of data.

use seal::{
    BucketKey, BucketNames, Generation, Key, NamedKeyNames, RootKey, TenantKey, WrappedKey,
    WrappedRing, overwrap, overwrapped_under, secret_generation, wrap,
};
use units::{BucketId, TenantId};

use crate::key_file::Shredded;
use crate::vault::{TENANT, TENANT_BEFORE, Vault, derivation};
use crate::{BucketChain, KeyError, PartAt, Passphrase, RotationError, VaultError};

/// A tenant's wrapped key, as its row has it or is to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRewrap {
    /// Whose.
    pub tenant: TenantId,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

impl Vault {
    /// Whether a root rotation was begun and not finished.
    pub fn root_rotation_pending(&self) -> bool {
        self.file.read().roots.len() > 1
    }

    /// Which rotation of the root key is used now.
    pub fn root_generation(&self) -> Generation {
        self.file.read().roots.first().map_or(Generation::FIRST, Key::generation)
    }

    /// Begins a root rotation; durable on return. The old root key stays in the
    /// file until [`Vault::root_retire`].
    pub fn root_rotate(&self) -> Result<Generation, VaultError> {
        if self.is_blind() {
            return Err(VaultError::NotNow {
                reason: "this node is a witness, without the root key",
            });
        }
        let mut file = self.file.write();
        let generation = match file.roots.as_slice() {
            [root] => root.generation().next(),
            _ => {
                return Err(VaultError::NotNow {
                    reason: "the last root rotation is not finished",
                });
            }
        };
        file.roots.insert(0, RootKey::draw(&*self.random, generation));
        let shredded = file.shredded.clone();
        let before = shredded.iter().filter(|what| what.kind == TENANT);
        file.shredded.extend(before.map(|what| Shredded { kind: TENANT_BEFORE, ..*what }));
        if let Err(error) = file.write(&*self.disk, &*self.random) {
            file.roots.remove(0);
            file.shredded = shredded;
            return Err(error);
        }
        Ok(generation)
    }

    /// The tenant keys that are not yet under the newest root key, wrapped under
    /// it: each to be stored in its tenant's row. Empty when nothing is left to do.
    pub fn root_rewrap(
        &self,
        tenants: impl IntoIterator<Item = TenantRewrap>,
    ) -> Result<Vec<TenantRewrap>, KeyError> {
        let newest = self.root_generation();
        let mut done = Vec::new();
        for TenantRewrap { tenant, wrapped } in tenants {
            let ring = WrappedRing::from_bytes(&wrapped)?;
            let current = ring.keys().iter().all(|key| key.under() == newest);
            if current || self.check_shredded(Some(tenant), None, None).is_err() {
                continue;
            }
            let mut keys = Vec::with_capacity(ring.keys().len());
            for key in ring.keys() {
                keys.push(self.wrap_tenant(tenant, &*self.tenant_key(tenant, key)?));
            }
            let wrapped = WrappedRing::from_keys(keys)?.to_bytes();
            done.push(TenantRewrap { tenant, wrapped });
        }
        Ok(done)
    }

    /// Ends a root rotation: checks that every living tenant's key opens under the
    /// newest root key alone, then forgets the older one; durable on return.
    /// What was shredded before the rotation began is beyond reach of any kept row
    /// from here on; what was shredded since stays marked.
    pub fn root_retire(
        &self,
        tenants: impl IntoIterator<Item = TenantRewrap>,
    ) -> Result<(), RotationError> {
        let newest = self.root_generation();
        for TenantRewrap { tenant, wrapped } in tenants {
            if self.check_shredded(Some(tenant), None, None).is_err() {
                continue;
            }
            let ring = WrappedRing::from_bytes(&wrapped).map_err(KeyError::from)?;
            for key in ring.keys() {
                let early = units::planted::is_on("vault-retire-early");
                if key.under() != newest && !early {
                    return Err(RotationError::StillInUse { what: format!("tenant {tenant}") });
                }
                if !early {
                    self.tenant_key(tenant, key)?;
                }
            }
        }
        let mut file = self.file.write();
        let before = file.roots.clone();
        let shredded = file.shredded.clone();
        if before.len() < 2 {
            return Ok(());
        }
        file.roots.truncate(1);
        // The key of a tenant that was shredded before the rotation was wrapped under
        // the forgotten root key only. One that was shredded since may be under the
        // new one too: its mark stays until the next rotation.
        file.shredded.retain(|what| match what.kind {
            TENANT => !shredded.contains(&Shredded { kind: TENANT_BEFORE, id: what.id }),
            kind => kind != TENANT_BEFORE,
        });
        if let Err(error) = file.write(&*self.disk, &*self.random) {
            file.roots = before;
            file.shredded = shredded;
            return Err(error.into());
        }
        drop(file);
        self.cache.forget(|_| true);
        Ok(())
    }

    /// Sets, changes or (with `None`) takes away the passphrase; durable on return.
    pub fn passphrase_set(&self, passphrase: Option<&Passphrase>) -> Result<(), VaultError> {
        let protection = match passphrase {
            None => None,
            Some(passphrase) => {
                let derivation = derivation(&*self.random);
                let key = derivation.derive(passphrase)?;
                Some(crate::key_file::Protection { derivation, key })
            }
        };
        let mut file = self.file.write();
        let before = core::mem::replace(&mut file.protection, protection);
        if let Err(error) = file.write(&*self.disk, &*self.random) {
            file.protection = before;
            return Err(error);
        }
        Ok(())
    }

    /// A tenant's wrapped key with a new generation at its front.
    pub fn tenant_rotate(&self, tenant: TenantId, tenant_key: &[u8]) -> Result<Vec<u8>, KeyError> {
        let ring = WrappedRing::from_bytes(tenant_key)?;
        self.tenant_key(tenant, ring.newest())?;
        let key = TenantKey::draw(&*self.random, ring.newest().generation().next());
        Ok(ring.with_newer(self.wrap_tenant(tenant, &key))?.to_bytes())
    }

    /// A bucket's wrapped key, every generation under the newest tenant key;
    /// `None` if it is so already.
    pub fn bucket_key_rewrap(&self, chain: &BucketChain<'_>) -> Result<Option<Vec<u8>>, KeyError> {
        let (newest, tenants) = self.newest_of(chain.tenant, chain.tenant_key)?;
        let ring = WrappedRing::from_bytes(chain.bucket_key)?;
        if ring.keys().iter().all(|key| key.under() == newest.generation()) {
            return Ok(None);
        }
        let above = self.tenant_key(chain.tenant, tenants.newest())?;
        let names = BucketNames { tenant: chain.tenant, bucket: chain.bucket };
        let mut keys = Vec::with_capacity(ring.keys().len());
        for wrapped in ring.keys() {
            let key = self.bucket_key(chain, wrapped)?;
            keys.push(wrap(&*above, &*key, &names, &*self.random));
        }
        Ok(Some(WrappedRing::from_keys(keys)?.to_bytes()))
    }

    /// A named key, every generation under the newest tenant key; `None` if it is so already.
    pub fn named_key_rewrap(
        &self,
        tenant: TenantId,
        tenant_key: &[u8],
        name: &str,
        named_key: &[u8],
    ) -> Result<Option<Vec<u8>>, KeyError> {
        let (newest, tenants) = self.newest_of(tenant, tenant_key)?;
        let ring = WrappedRing::from_bytes(named_key)?;
        if ring.keys().iter().all(|key| key.under() == newest.generation()) {
            return Ok(None);
        }
        let above = self.tenant_key(tenant, tenants.newest())?;
        let mut keys = Vec::with_capacity(ring.keys().len());
        for wrapped in ring.keys() {
            let key = self.named_key(tenant, &tenants, name, wrapped)?;
            keys.push(wrap(&*above, &*key, &NamedKeyNames { tenant, name }, &*self.random));
        }
        Ok(Some(WrappedRing::from_keys(keys)?.to_bytes()))
    }

    /// A sealed secret under the newest tenant key; `None` if it is so already.
    pub fn secret_reseal(
        &self,
        tenant: TenantId,
        tenant_key: &[u8],
        access_key: &str,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, KeyError> {
        let (newest, _) = self.newest_of(tenant, tenant_key)?;
        if secret_generation(sealed)? == newest.generation() {
            return Ok(None);
        }
        let secret = self.secret_open(tenant, tenant_key, access_key, sealed)?;
        self.secret_seal(tenant, tenant_key, access_key, &secret).map(Some)
    }

    /// Ends a tenant rotation: the tenant's wrapped key without its older
    /// generations. `rings` are the wrapped keys of all its buckets and named
    /// keys, `secrets` all its sealed secrets; one that is still under an older
    /// generation stops it.
    pub fn tenant_retire<'a>(
        &self,
        tenant: TenantId,
        tenant_key: &[u8],
        rings: impl IntoIterator<Item = &'a [u8]>,
        secrets: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<u8>, RotationError> {
        let (newest, ring) = self.newest_of(tenant, tenant_key)?;
        for below in rings {
            let below = WrappedRing::from_bytes(below).map_err(KeyError::from)?;
            if below.keys().iter().any(|key| key.under() != newest.generation()) {
                return Err(RotationError::StillInUse { what: "a bucket key or named key".into() });
            }
        }
        for secret in secrets {
            if secret_generation(secret).map_err(KeyError::from)? != newest.generation() {
                return Err(RotationError::StillInUse { what: "an access key secret".into() });
            }
        }
        self.cache.forget(|origin| origin.tenant == tenant);
        Ok(ring.newest_only().to_bytes())
    }

    /// A bucket's wrapped key with a new generation at its front.
    pub fn bucket_rotate(&self, chain: &BucketChain<'_>) -> Result<Vec<u8>, KeyError> {
        let (_, tenants) = self.newest_of(chain.tenant, chain.tenant_key)?;
        let above = self.tenant_key(chain.tenant, tenants.newest())?;
        let ring = WrappedRing::from_bytes(chain.bucket_key)?;
        self.bucket_key(chain, ring.newest())?;
        let key = BucketKey::draw(&*self.random, ring.newest().generation().next());
        let names = BucketNames { tenant: chain.tenant, bucket: chain.bucket };
        Ok(ring.with_newer(wrap(&*above, &key, &names, &*self.random))?.to_bytes())
    }

    /// A wrapped part key under the newest bucket key, for the same use; `None`
    /// if it is so already. Needs no customer's key: for those only the outer
    /// wrapping is renewed.
    pub fn part_key_renew(
        &self,
        at: &PartAt<'_>,
        wrapped: &[u8],
    ) -> Result<Option<Vec<u8>>, KeyError> {
        self.check_at(at)?;
        let ring = WrappedRing::from_bytes(at.chain.bucket_key)?;
        let newest = ring.newest().generation();
        if part_key_under(wrapped)? == newest {
            return Ok(None);
        }
        let names = at.names();
        if let Ok(wrapped) = WrappedKey::from_bytes(wrapped) {
            let old = self.bucket_key(&at.chain, ring.generation(wrapped.under())?)?;
            let key: seal::PartKey = seal::unwrap(&*old, &wrapped, &names)?;
            let new = self.bucket_key(&at.chain, ring.newest())?;
            return Ok(Some(wrap(&*new, &key, &names, &*self.random).as_bytes().to_vec()));
        }
        let old = self.bucket_key(&at.chain, ring.generation(overwrapped_under(wrapped)?)?)?;
        let inner = seal::underwrap(&old, wrapped, &names)?;
        let new = self.bucket_key(&at.chain, ring.newest())?;
        Ok(Some(overwrap(&new, &inner, &names, &*self.random)))
    }

    /// Ends a bucket rotation: the bucket's wrapped key without its older
    /// generations. `parts` are all wrapped part keys of the bucket.
    pub fn bucket_retire<'a>(
        &self,
        bucket: BucketId,
        bucket_key: &[u8],
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<u8>, RotationError> {
        let ring = WrappedRing::from_bytes(bucket_key).map_err(KeyError::from)?;
        for part in parts {
            if part_key_under(part)? != ring.newest().generation() {
                return Err(RotationError::StillInUse { what: "a part key".into() });
            }
        }
        self.cache.forget(|origin| origin.bucket == Some(bucket));
        Ok(ring.newest_only().to_bytes())
    }

    fn newest_of(
        &self,
        tenant: TenantId,
        tenant_key: &[u8],
    ) -> Result<(WrappedKey, WrappedRing), KeyError> {
        self.check_shredded(Some(tenant), None, None)?;
        let ring = WrappedRing::from_bytes(tenant_key)?;
        Ok((*ring.newest(), ring))
    }

    /// How many tenants, buckets and references are remembered as shredded.
    pub fn shredded_count(&self) -> usize {
        self.file.read().shredded.iter().filter(|what| what.kind != TENANT_BEFORE).count()
    }
}

/// Which generation of the bucket key a stored part key is under.
fn part_key_under(wrapped: &[u8]) -> Result<Generation, KeyError> {
    if wrapped.len() == WrappedKey::BYTES {
        return Ok(WrappedKey::from_bytes(wrapped)?.under());
    }
    Ok(overwrapped_under(wrapped)?)
}
