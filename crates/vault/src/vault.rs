//! The vault itself: the root key, the cache, and every key that is asked for.

use std::sync::Arc;

use disk::Disk;
use parking_lot::RwLock;
use seal::{
    BucketKey, BucketNames, CustomerKey, Generation, Key, NamedKey, NamedKeyNames, PartKey,
    RootKey, SecretNames, TenantKey, TenantNames, WrappedKey, WrappedRing, overwrap,
    overwrapped_under, secret_generation, secret_open, secret_seal, underwrap, unwrap, wrap,
};
use units::{BucketId, Random, ReferenceId, TenantId};
use zeroize::Zeroizing;

use crate::cache::{Cache, Cached, Origin};
use crate::key_file::{Derivation, KeyFile, PATH, Protection, Shredded};
use crate::limits::{ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES, SHREDDED_MAX};
use crate::{BucketChain, Keeper, KeyError, PartAt, Passphrase, VaultError};

pub(crate) const TENANT: u8 = 1;
pub(crate) const BUCKET: u8 = 2;
pub(crate) const REFERENCE: u8 = 3;
/// Beside a tenant's mark: it was there when the root rotation under way began, so
/// its key was never wrapped under the new root key.
pub(crate) const TENANT_BEFORE: u8 = 4;

/// The keeper of keys of one node. All calls are short and block only when they
/// replace the root key file (rotation, shredding, change of passphrase).
pub struct Vault {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) file: RwLock<KeyFile>,
    pub(crate) cache: Cache,
    /// Whether the root key here is not the cluster's.
    blind: bool,
}

/// Keys of one bucket, unwrapped and held by [`Vault::keys_hold`]; they do not leave
/// the vault's hands, and are wiped when the last holder is gone.
pub struct HeldKeys {
    buckets: Vec<Arc<BucketKey>>,
    named: Vec<Arc<NamedKey>>,
}

impl core::fmt::Debug for HeldKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HeldKeys({}, hidden)", self.buckets.len() + self.named.len())
    }
}

fn of_generation<K: Key>(keys: &[Arc<K>], generation: Generation) -> Result<&K, KeyError> {
    let found = keys.iter().find(|key| key.generation() == generation);
    let missing = seal::WrappedKeyError::NoSuchGeneration { generation: generation.get() };
    found.map(|key| &**key).ok_or_else(|| missing.into())
}

impl core::fmt::Debug for Vault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Vault({} cached keys, hidden)", self.cache.count())
    }
}

/// How hard a passphrase is to try.
pub(crate) fn derivation(random: &dyn Random) -> Derivation {
    let mut salt = [0_u8; 16];
    random.fill(&mut salt);
    Derivation { memory_kib: ARGON2_MEMORY_KIB, passes: ARGON2_PASSES, lanes: ARGON2_LANES, salt }
}

impl Vault {
    /// Whether a root key file is on this disk.
    pub fn exists(disk: &dyn Disk) -> Result<bool, VaultError> {
        Ok(disk.exists(PATH)?)
    }

    /// Makes a root key and its file; durable on return. Never overwrites one.
    pub fn create(
        disk: Arc<dyn Disk>,
        random: Arc<dyn Random>,
        passphrase: Option<&Passphrase>,
    ) -> Result<Self, VaultError> {
        let derivation = derivation(&*random);
        Self::create_with(disk, random, passphrase, derivation)
    }

    pub(crate) fn create_with(
        disk: Arc<dyn Disk>,
        random: Arc<dyn Random>,
        passphrase: Option<&Passphrase>,
        derivation: Derivation,
    ) -> Result<Self, VaultError> {
        if Self::exists(&*disk)? {
            return Err(VaultError::Exists { path: PATH.to_owned() });
        }
        let protection = match passphrase {
            None => None,
            Some(passphrase) => {
                Some(Protection { derivation, key: derivation.derive(passphrase)? })
            }
        };
        let mut vault = [0_u8; 16];
        random.fill(&mut vault);
        let roots = vec![RootKey::draw(&*random, Generation::FIRST)];
        let file =
            KeyFile { vault, protection, roots, shredded: std::collections::BTreeSet::new() };
        file.write(&*disk, &*random)?;
        Ok(Self::with(disk, random, file))
    }

    /// Opens the root key file.
    pub fn open(
        disk: Arc<dyn Disk>,
        random: Arc<dyn Random>,
        passphrase: Option<&Passphrase>,
    ) -> Result<Self, VaultError> {
        let file = KeyFile::read(&*disk, passphrase)?;
        Ok(Self::with(disk, random, file))
    }

    pub(crate) fn with(disk: Arc<dyn Disk>, random: Arc<dyn Random>, file: KeyFile) -> Self {
        Self { disk, random, file: RwLock::new(file), cache: Cache::new(), blind: false }
    }

    /// The same for a node that must open nothing of its cluster: its root key is its own,
    /// under which it wraps nothing that others would read.
    #[must_use]
    pub fn blind(self) -> Self {
        Self { blind: true, ..self }
    }

    /// Whether the root key here is not the cluster's.
    pub const fn is_blind(&self) -> bool {
        self.blind
    }

    /// A fresh tenant key, wrapped under the root key, to store in the tenant's row.
    pub fn tenant_key_create(&self, tenant: TenantId) -> Result<Vec<u8>, KeyError> {
        if self.blind {
            return Err(KeyError::NoRoot);
        }
        self.check_shredded(Some(tenant), None, None)?;
        let key = TenantKey::draw(&*self.random, Generation::FIRST);
        Ok(WrappedRing::of(self.wrap_tenant(tenant, &key)).to_bytes())
    }

    /// Whether the newest generation of a tenant key opens under the root keys here.
    pub fn tenant_key_check(&self, tenant: TenantId, tenant_key: &[u8]) -> Result<(), KeyError> {
        self.tenant_newest(tenant, tenant_key).map(|_| ())
    }

    pub(crate) fn wrap_tenant(&self, tenant: TenantId, key: &TenantKey) -> WrappedKey {
        let file = self.file.read();
        let Some(root) = file.roots.first() else { unreachable!("there is always a root key") };
        wrap(root, key, &TenantNames { tenant }, &*self.random)
    }

    /// A fresh bucket key, wrapped under the tenant key, to store in the bucket's row.
    pub fn bucket_key_create(
        &self,
        tenant: TenantId,
        tenant_key: &[u8],
        bucket: BucketId,
    ) -> Result<Vec<u8>, KeyError> {
        self.check_shredded(Some(tenant), Some(bucket), None)?;
        let above = self.tenant_newest(tenant, tenant_key)?;
        let key = BucketKey::draw(&*self.random, Generation::FIRST);
        let names = BucketNames { tenant, bucket };
        Ok(WrappedRing::of(wrap(&*above, &key, &names, &*self.random)).to_bytes())
    }

    /// A fresh named key of a tenant (SSE-KMS), wrapped under the tenant key.
    pub fn named_key_create(
        &self,
        tenant: TenantId,
        tenant_key: &[u8],
        name: &str,
    ) -> Result<Vec<u8>, KeyError> {
        let above = self.tenant_newest(tenant, tenant_key)?;
        let key = NamedKey::draw(&*self.random, Generation::FIRST);
        let names = NamedKeyNames { tenant, name };
        Ok(WrappedRing::of(wrap(&*above, &key, &names, &*self.random)).to_bytes())
    }

    /// A fresh part key and the same wrapped for its first use.
    pub fn part_key_create(&self, at: &PartAt<'_>) -> Result<(PartKey, Vec<u8>), KeyError> {
        let key = PartKey::draw(&*self.random, Generation::FIRST);
        let wrapped = self.part_key_wrap(at, &key)?;
        Ok((key, wrapped))
    }

    /// Opens a part key for one use.
    pub fn part_key_open(&self, at: &PartAt<'_>, wrapped: &[u8]) -> Result<PartKey, KeyError> {
        self.check_at(at)?;
        match at.keeper {
            Keeper::Bucket => {
                let wrapped = WrappedKey::from_bytes(wrapped)?;
                let key = self.bucket_of(&at.chain, wrapped.under())?;
                Ok(unwrap(&*key, &wrapped, &at.names())?)
            }
            Keeper::Named { name, key } => {
                let inner = self.underwrap(at, wrapped)?;
                let named = self.named_of(at, name, key, inner.under())?;
                Ok(unwrap(&*named, &inner, &at.names())?)
            }
            Keeper::Customer(customer) => {
                let inner = self.underwrap(at, wrapped)?;
                Ok(unwrap::<PartKey, CustomerKey>(customer, &inner, &at.names())?)
            }
        }
    }

    /// The bucket's key and, where there is one, the named key beside it, every
    /// generation of them, for somebody who has many parts to open one after the
    /// other: what is held opens also after an older generation was retired, but
    /// nothing that was shredded.
    pub fn keys_hold(
        &self,
        chain: &BucketChain<'_>,
        keeper: &Keeper<'_>,
    ) -> Result<HeldKeys, KeyError> {
        let mut held = HeldKeys { buckets: Vec::new(), named: Vec::new() };
        for wrapped in WrappedRing::from_bytes(chain.bucket_key)?.keys() {
            held.buckets.push(self.bucket_key(chain, wrapped)?);
        }
        if let Keeper::Named { name, key } = keeper {
            let tenants = WrappedRing::from_bytes(chain.tenant_key)?;
            for wrapped in WrappedRing::from_bytes(key)?.keys() {
                held.named.push(self.named_key(chain.tenant, &tenants, name, wrapped)?);
            }
        }
        Ok(held)
    }

    /// Opens a part key for one use, with keys of its bucket that are held.
    pub fn part_key_open_held(
        &self,
        held: &HeldKeys,
        at: &PartAt<'_>,
        wrapped: &[u8],
    ) -> Result<PartKey, KeyError> {
        self.check_at(at)?;
        let names = at.names();
        let underwrapped = || {
            let key = of_generation(&held.buckets, overwrapped_under(wrapped)?)?;
            Ok::<_, KeyError>(underwrap(key, wrapped, &names)?)
        };
        match at.keeper {
            Keeper::Bucket => {
                let wrapped = WrappedKey::from_bytes(wrapped)?;
                Ok(unwrap(of_generation(&held.buckets, wrapped.under())?, &wrapped, &names)?)
            }
            Keeper::Named { .. } => {
                let inner = underwrapped()?;
                Ok(unwrap(of_generation(&held.named, inner.under())?, &inner, &names)?)
            }
            Keeper::Customer(customer) => {
                Ok(unwrap::<PartKey, CustomerKey>(customer, &underwrapped()?, &names)?)
            }
        }
    }

    /// Wraps a part key for another use: a copy shares the part this way.
    pub fn part_key_rewrap(
        &self,
        from: &PartAt<'_>,
        wrapped: &[u8],
        to: &PartAt<'_>,
    ) -> Result<Vec<u8>, KeyError> {
        let key = self.part_key_open(from, wrapped)?;
        self.part_key_wrap(to, &key)
    }

    fn part_key_wrap(&self, at: &PartAt<'_>, key: &PartKey) -> Result<Vec<u8>, KeyError> {
        self.check_at(at)?;
        let buckets = WrappedRing::from_bytes(at.chain.bucket_key)?;
        let bucket = self.bucket_key(&at.chain, buckets.newest())?;
        let names = at.names();
        let inner = match at.keeper {
            Keeper::Bucket => {
                return Ok(wrap(&*bucket, key, &names, &*self.random).as_bytes().to_vec());
            }
            Keeper::Named { name, key: ring } => {
                let newest = WrappedRing::from_bytes(ring)?.newest().generation();
                wrap(&*self.named_of(at, name, ring, newest)?, key, &names, &*self.random)
            }
            Keeper::Customer(customer) => wrap(customer, key, &names, &*self.random),
        };
        Ok(overwrap(&bucket, &inner, &names, &*self.random))
    }

    fn underwrap(&self, at: &PartAt<'_>, wrapped: &[u8]) -> Result<WrappedKey, KeyError> {
        let key = self.bucket_of(&at.chain, overwrapped_under(wrapped)?)?;
        Ok(underwrap(&key, wrapped, &at.names())?)
    }

    /// Seals the secret of an access key under the tenant's key.
    pub fn secret_seal(
        &self,
        tenant: TenantId,
        tenant_key: &[u8],
        access_key: &str,
        secret: &str,
    ) -> Result<Vec<u8>, KeyError> {
        let above = self.tenant_newest(tenant, tenant_key)?;
        let names = SecretNames { tenant, access_key };
        Ok(secret_seal(&above, &names, secret.as_bytes(), &*self.random)?)
    }

    /// Opens the secret of an access key.
    pub fn secret_open(
        &self,
        tenant: TenantId,
        tenant_key: &[u8],
        access_key: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<String>, KeyError> {
        let ring = WrappedRing::from_bytes(tenant_key)?;
        let above = self.tenant_key(tenant, ring.generation(secret_generation(sealed)?)?)?;
        let names = SecretNames { tenant, access_key };
        let bytes = secret_open(&above, &names, sealed)?;
        let text = core::str::from_utf8(&bytes)
            .map_err(|_| seal::OpenError::NotAuthentic { what: "access key secret" })?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Destroys what opens a tenant's key: whatever copy of its rows is presented,
    /// nothing of it opens any more here. Durable on return.
    ///
    /// Final also against someone who kept an older root key file *and* older
    /// rows once the root key was rotated and the old one retired.
    pub fn tenant_shred(&self, tenant: TenantId) -> Result<(), KeyError> {
        self.shred(Shredded { kind: TENANT, id: tenant.to_bytes() })?;
        self.cache.forget(|origin| origin.tenant == tenant);
        Ok(())
    }

    /// Whether a tenant's key was destroyed here, whatever a catalog says. A tenant that was
    /// shredded before the root key was rotated is not remembered: its rows of before are
    /// under a root key that is gone.
    pub fn tenant_is_shredded(&self, tenant: TenantId) -> bool {
        self.check_shredded(Some(tenant), None, None).is_err()
    }

    /// Destroys what opens a bucket's key; durable on return.
    pub fn bucket_shred(&self, bucket: BucketId) -> Result<(), KeyError> {
        self.shred(Shredded { kind: BUCKET, id: bucket.to_bytes() })?;
        self.cache.forget(|origin| origin.bucket == Some(bucket));
        Ok(())
    }

    /// Destroys what opens one object version's key; durable on return. For
    /// erasure on demand: an ordinary delete forgets the wrapped key with its row.
    pub fn reference_shred(&self, reference: ReferenceId) -> Result<(), KeyError> {
        self.shred(Shredded { kind: REFERENCE, id: reference.to_bytes() })
    }

    fn shred(&self, what: Shredded) -> Result<(), KeyError> {
        let mut file = self.file.write();
        if file.shredded.contains(&what) {
            return Ok(());
        }
        if file.shredded.iter().filter(|what| what.kind != TENANT_BEFORE).count() >= SHREDDED_MAX {
            return Err(KeyError::TooManyShredded);
        }
        file.shredded.insert(what);
        if let Err(error) = file.write(&*self.disk, &*self.random) {
            file.shredded.remove(&what);
            return Err(KeyError::Store { reason: error.to_string() });
        }
        Ok(())
    }

    pub(crate) fn check_at(&self, at: &PartAt<'_>) -> Result<(), KeyError> {
        self.check_shredded(Some(at.chain.tenant), Some(at.chain.bucket), Some(at.reference))
    }

    pub(crate) fn check_shredded(
        &self,
        tenant: Option<TenantId>,
        bucket: Option<BucketId>,
        reference: Option<ReferenceId>,
    ) -> Result<(), KeyError> {
        let file = self.file.read();
        if file.shredded.is_empty() || units::planted::is_on("vault-forget-shred") {
            return Ok(());
        }
        let gone = |kind, id: [u8; 16]| file.shredded.contains(&Shredded { kind, id });
        match (tenant, bucket, reference) {
            (Some(tenant), ..) if gone(TENANT, tenant.to_bytes()) => {
                Err(KeyError::TenantShredded { tenant })
            }
            (_, Some(bucket), _) if gone(BUCKET, bucket.to_bytes()) => {
                Err(KeyError::BucketShredded { bucket })
            }
            (.., Some(reference)) if gone(REFERENCE, reference.to_bytes()) => {
                Err(KeyError::ReferenceShredded { reference })
            }
            _ => Ok(()),
        }
    }

    fn tenant_newest(
        &self,
        tenant: TenantId,
        tenant_key: &[u8],
    ) -> Result<Arc<TenantKey>, KeyError> {
        self.tenant_key(tenant, WrappedRing::from_bytes(tenant_key)?.newest())
    }

    /// Unwraps one generation of a tenant key.
    pub(crate) fn tenant_key(
        &self,
        tenant: TenantId,
        wrapped: &WrappedKey,
    ) -> Result<Arc<TenantKey>, KeyError> {
        self.check_shredded(Some(tenant), None, None)?;
        let origin = Origin { tenant, bucket: None, name: None, wrapped: *wrapped };
        self.cached(origin, || {
            let file = self.file.read();
            let root = file.roots.iter().find(|root| root.generation() == wrapped.under()).ok_or(
                seal::WrappedKeyError::NoSuchGeneration { generation: wrapped.under().get() },
            )?;
            Ok(unwrap(root, wrapped, &TenantNames { tenant })?)
        })
    }

    /// Unwraps one generation of a bucket key.
    pub(crate) fn bucket_key(
        &self,
        chain: &BucketChain<'_>,
        wrapped: &WrappedKey,
    ) -> Result<Arc<BucketKey>, KeyError> {
        let BucketChain { tenant, bucket, .. } = *chain;
        self.check_shredded(Some(tenant), Some(bucket), None)?;
        let origin = Origin { tenant, bucket: Some(bucket), name: None, wrapped: *wrapped };
        self.cached(origin, || {
            let tenants = WrappedRing::from_bytes(chain.tenant_key)?;
            let above = self.tenant_key(tenant, tenants.generation(wrapped.under())?)?;
            Ok(unwrap(&*above, wrapped, &BucketNames { tenant, bucket })?)
        })
    }

    fn bucket_of(
        &self,
        chain: &BucketChain<'_>,
        generation: Generation,
    ) -> Result<Arc<BucketKey>, KeyError> {
        let ring = WrappedRing::from_bytes(chain.bucket_key)?;
        self.bucket_key(chain, ring.generation(generation)?)
    }

    fn named_of(
        &self,
        at: &PartAt<'_>,
        name: &str,
        ring: &[u8],
        generation: Generation,
    ) -> Result<Arc<NamedKey>, KeyError> {
        let ring = WrappedRing::from_bytes(ring)?;
        let tenants = WrappedRing::from_bytes(at.chain.tenant_key)?;
        self.named_key(at.chain.tenant, &tenants, name, ring.generation(generation)?)
    }

    /// Unwraps one generation of a named key.
    pub(crate) fn named_key(
        &self,
        tenant: TenantId,
        tenants: &WrappedRing,
        name: &str,
        wrapped: &WrappedKey,
    ) -> Result<Arc<NamedKey>, KeyError> {
        self.check_shredded(Some(tenant), None, None)?;
        let origin =
            Origin { tenant, bucket: None, name: Some(name.to_owned()), wrapped: *wrapped };
        self.cached(origin, || {
            let above = self.tenant_key(tenant, tenants.generation(wrapped.under())?)?;
            Ok(unwrap(&*above, wrapped, &NamedKeyNames { tenant, name })?)
        })
    }

    fn cached<K: Cached>(
        &self,
        origin: Origin,
        open: impl FnOnce() -> Result<K, KeyError>,
    ) -> Result<Arc<K>, KeyError> {
        if let Some(key) = K::find(&self.cache, &origin) {
            return Ok(key);
        }
        let key = Arc::new(open()?);
        K::keep(&self.cache, origin, Arc::clone(&key));
        Ok(key)
    }
}
