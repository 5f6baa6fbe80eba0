//! Rotation of root, tenant and bucket keys, as jobs of the catalog.
//!
//! ```text
//! begun ── new generation ──▶ rewrapping ── a pass found nothing ──▶ retiring ──▶ done
//!          then wait for          │  ▲                             wait for earlier
//!          earlier verbs          └──┘ pages, one per step         verbs, forget
//! ```
//! A verb that began before the new generation may yet write a key under an older
//! one; so the passes begin when those have ended. A verb that began before the
//! last pass may yet read by an older wrapping; so retiring waits for those.
//!
//! **Invariants**
//! - Data is neither read nor written: only wrapped keys, in rows.
//! - An older generation is forgotten only after a whole pass found nothing under it.
//! - Each step is one page, its place is kept in the job's row, and it can be done
//!   twice.

mod bucket;
mod job;

use catalog::command::{
    BucketKeyRewrap, NamedKeyRewrap, SecretReseal, TenantKeyRewrap, TenantShredded,
};
use catalog::{
    AccessKeyId, Bucket, BucketName, Command, NamedKeyName, Refusal, SealedBytes, Tenant,
    TenantState,
};
use consensus::ProposeError;
use seal::WrappedRing;
use thiserror::Error;
use units::TenantId;
use vault::{BucketChain, TenantRewrap, Vault};

use self::job::{PREFIX, Place};
pub use self::job::{Rotation, RotationOf, RotationPhase};
use crate::limits::{ROTATION_PAGE, ROTATIONS_SHOWN_MAX};
use crate::{Steward, StewardError};

/// Why a rotation was not begun.
#[derive(Debug, Error)]
pub enum RotationStartError {
    /// The same is under way.
    #[error("its rotation is under way already")]
    Running,
    /// There is no such thing, or its key was destroyed.
    #[error("there is no such key")]
    NoSuchKey,
    /// A catalog that was put back from a backup waits for a word: it may not know whose
    /// keys are destroyed, and the list of them goes with the root key.
    #[error("a catalog that was put back from a backup waits to be confirmed")]
    Held,
    /// The catalog did not take the job.
    #[error(transparent)]
    Steward(#[from] StewardError),
}

impl Steward {
    /// Begins a rotation; the steward carries it out.
    pub async fn rotation_start(&self, of: RotationOf) -> Result<Rotation, RotationStartError> {
        let name = of.job().ok_or(RotationStartError::NoSuchKey)?;
        if self.rotation(&of)?.is_some_and(|rotation| rotation.is_running()) {
            return Err(RotationStartError::Running);
        }
        if of == RotationOf::Root && self.restored_from()?.is_some() {
            return Err(RotationStartError::Held);
        }
        let before = match &of {
            RotationOf::Root => self.vault().root_generation().get(),
            RotationOf::Tenant { id } => {
                let tenant = self.living(*id)?.ok_or(RotationStartError::NoSuchKey)?;
                newest(&tenant.wrapped_key).ok_or(RotationStartError::NoSuchKey)?
            }
            RotationOf::Bucket { name, id } => {
                let found = self.bucket_and_tenant(name, *id)?;
                let (bucket, _) = found.ok_or(RotationStartError::NoSuchKey)?;
                newest(&bucket.wrapped_key).ok_or(RotationStartError::NoSuchKey)?
            }
        };
        let rotation = Rotation::new(of, before, self.now());
        let set = Command::JobSet { name, state: Some(rotation.encode()) };
        self.propose(set).await?;
        self.shared.rotation_wanted.notify_one();
        Ok(rotation)
    }

    /// How one rotation stands, if there was one.
    pub fn rotation(&self, of: &RotationOf) -> Result<Option<Rotation>, StewardError> {
        let Some(name) = of.job() else { return Ok(None) };
        let job = self.view().job(&name)?;
        Ok(job.and_then(|job| Rotation::decode(job.state.as_slice())))
    }

    /// The rotations that are known, those that have ended too.
    pub fn rotations(&self) -> Result<Vec<Rotation>, StewardError> {
        let jobs = self.view().jobs(None, ROTATIONS_SHOWN_MAX)?;
        let ours = jobs.into_iter().filter(|(name, _)| name.as_str().starts_with(PREFIX));
        Ok(ours.filter_map(|(_, job)| Rotation::decode(job.state.as_slice())).collect())
    }

    /// Does one step of each rotation under way; whether any is. One that fails keeps no
    /// other from going on; the first error is told when all have had their step.
    ///
    /// That of the root key waits while a restored catalog is held, as a new one would.
    pub async fn rotation_step(&self) -> Result<bool, StewardError> {
        let is_held = self.restored_from()?.is_some();
        let (mut any, mut failed) = (false, None);
        for rotation in self.rotations()?.into_iter().filter(Rotation::is_running) {
            if is_held && rotation.of == RotationOf::Root {
                continue;
            }
            any = true;
            if let Err(error) = self.rotation_move(rotation).await {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(any), Err)
    }

    async fn rotation_move(&self, mut rotation: Rotation) -> Result<(), StewardError> {
        match rotation.phase {
            RotationPhase::Begun => {
                self.generation_make(&rotation).await?;
                self.shared.objects.earlier_verbs_ended().await;
                rotation.phase = RotationPhase::Rewrapping;
            }
            RotationPhase::Rewrapping => self.rewrap_page(&mut rotation).await?,
            RotationPhase::Retiring => {
                self.shared.objects.earlier_verbs_ended().await;
                self.generations_retire(&rotation).await?;
                rotation.phase = RotationPhase::Done;
                rotation.ended = Some(self.now());
                let job = rotation.of.job().map(|name| name.to_string()).unwrap_or_default();
                tracing::info!(job, rewrapped = rotation.rewrapped, "a key was rotated");
            }
            RotationPhase::Done => return Ok(()),
        }
        let Some(name) = rotation.of.job() else { return Ok(()) };
        self.propose(Command::JobSet { name, state: Some(rotation.encode()) }).await?;
        Ok(())
    }

    /// The new generation, unless a step that was cut has made it.
    async fn generation_make(&self, rotation: &Rotation) -> Result<(), StewardError> {
        match &rotation.of {
            RotationOf::Root => {
                if self.vault().root_generation().get() == rotation.generation_before {
                    self.shredded_tell().await?;
                    self.vault().root_rotate()?;
                }
            }
            RotationOf::Tenant { id } => {
                let Some(tenant) = self.living(*id)? else { return Ok(()) };
                if newest(&tenant.wrapped_key) == Some(rotation.generation_before) {
                    let new = self.vault().tenant_rotate(*id, tenant.wrapped_key.as_slice())?;
                    self.tenant_key_set(&tenant, new).await?;
                }
            }
            RotationOf::Bucket { name, id } => {
                let Some((bucket, tenant)) = self.bucket_and_tenant(name, *id)? else {
                    return Ok(());
                };
                if newest(&bucket.wrapped_key) == Some(rotation.generation_before) {
                    let new = self.vault().bucket_rotate(&chain(&tenant, &bucket))?;
                    self.bucket_key_set(&bucket, new).await?;
                }
            }
        }
        Ok(())
    }

    /// Tells the catalog of tenants that it has as living and whose keys are destroyed: the
    /// list of them is of no use once the root key that they were under is forgotten.
    async fn shredded_tell(&self) -> Result<(), StewardError> {
        let mut after = None;
        loop {
            let tenants = self.view().tenants(after, ROTATION_PAGE)?;
            for tenant in tenants.iter().filter(|tenant| is_living(tenant)) {
                if self.vault().tenant_is_shredded(tenant.id) {
                    let shredded = TenantShredded { id: tenant.id };
                    self.propose(Command::TenantShredded(shredded)).await?;
                }
            }
            let Some(last) = tenants.last().filter(|_| tenants.len() == ROTATION_PAGE) else {
                return Ok(());
            };
            after = Some(last.id);
        }
    }

    /// One page of a pass. At the end of a pass that found nothing, it is time to
    /// retire; after any other there is one more.
    async fn rewrap_page(&self, rotation: &mut Rotation) -> Result<(), StewardError> {
        let (looked_at, rewrapped, next) = match rotation.of.clone() {
            RotationOf::Root => self.tenants_page(&rotation.place).await?,
            RotationOf::Tenant { id } => match self.living(id)? {
                Some(tenant) => self.tenant_page(&tenant, &rotation.place).await?,
                None => (0, 0, None),
            },
            RotationOf::Bucket { name, id } => match self.bucket_and_tenant(&name, id)? {
                Some((bucket, tenant)) => {
                    self.bucket_page(&tenant, &bucket, &rotation.place).await?
                }
                None => (0, 0, None),
            },
        };
        rotation.looked_at += looked_at;
        rotation.rewrapped += rewrapped;
        rotation.in_this_pass += rewrapped;
        if let Some(place) = next {
            rotation.place = place;
            return Ok(());
        }
        if rotation.in_this_pass == 0 {
            rotation.phase = RotationPhase::Retiring;
        }
        rotation.passes = rotation.passes.saturating_add(1);
        (rotation.in_this_pass, rotation.place) = (0, Place::Start);
        Ok(())
    }

    /// Tenant keys under the newest root key.
    async fn tenants_page(&self, place: &Place) -> Result<Page, StewardError> {
        let after = if let Place::Tenants(id) = place { Some(*id) } else { None };
        let tenants = self.view().tenants(after, ROTATION_PAGE)?;
        let next = tenants.last().filter(|_| tenants.len() == ROTATION_PAGE);
        let next = next.map(|last| Place::Tenants(last.id));
        let looked_at = tenants.len() as u64;
        let mut rewrapped = 0;
        for tenant in tenants.into_iter().filter(is_living) {
            for new in self.vault().root_rewrap([row(&tenant)])? {
                rewrapped += u64::from(self.tenant_key_set(&tenant, new.wrapped).await?);
            }
        }
        Ok((looked_at, rewrapped, next))
    }

    /// Bucket keys and sealed secrets under the newest key of their tenant.
    async fn tenant_page(&self, tenant: &Tenant, place: &Place) -> Result<Page, StewardError> {
        let tenant_key = tenant.wrapped_key.as_slice();
        let mut rewrapped = 0;
        if let Place::Secrets(after) = place {
            let after = AccessKeyId::new(after.as_str()).ok();
            let keys = self.view().access_keys(tenant.id, after.as_ref(), ROTATION_PAGE)?;
            let next = match keys.last() {
                Some(last) if keys.len() == ROTATION_PAGE => {
                    Place::Secrets(last.id.as_str().to_owned())
                }
                _ => Place::Named(String::new()),
            };
            for key in &keys {
                let sealed = key.sealed_secret.as_slice();
                let id = key.id.as_str();
                let anew = self.vault().secret_reseal(tenant.id, tenant_key, id, sealed)?;
                if let Some(new) = anew {
                    let (id, old) = (key.id.clone(), key.sealed_secret.clone());
                    let reseal = SecretReseal { id, old, new: SealedBytes::new(new) };
                    rewrapped += u64::from(self.put_anew(Command::SecretReseal(reseal)).await?);
                }
            }
            return Ok((keys.len() as u64, rewrapped, Some(next)));
        }
        if let Place::Named(after) = place {
            return self.named_page(tenant, after).await;
        }
        let after = match place {
            Place::Buckets(after) => BucketName::new(after.as_str()).ok(),
            _ => None,
        };
        let buckets = self.view().tenant_buckets(tenant.id, after.as_ref(), ROTATION_PAGE)?;
        for bucket in &buckets {
            if let Some(new) = self.vault().bucket_key_rewrap(&chain(tenant, bucket))? {
                rewrapped += u64::from(self.bucket_key_set(bucket, new).await?);
            }
        }
        let next = match buckets.last() {
            Some(last) if buckets.len() == ROTATION_PAGE => {
                Place::Buckets(last.name.as_str().to_owned())
            }
            _ => Place::Secrets(String::new()),
        };
        Ok((buckets.len() as u64, rewrapped, Some(next)))
    }

    /// Named keys under the newest key of their tenant.
    async fn named_page(&self, tenant: &Tenant, after: &str) -> Result<Page, StewardError> {
        let after = NamedKeyName::new(after).ok();
        let keys = self.view().named_keys(tenant.id, after.as_ref(), ROTATION_PAGE)?;
        let next = keys.last().filter(|_| keys.len() == ROTATION_PAGE);
        let next = next.map(|last| Place::Named(last.name.as_str().to_owned()));
        let mut rewrapped = 0;
        for key in &keys {
            let anew = self.vault().named_key_rewrap(
                tenant.id,
                tenant.wrapped_key.as_slice(),
                key.name.as_str(),
                key.wrapped_key.as_slice(),
            )?;
            if let Some(new) = anew {
                let rewrap = NamedKeyRewrap {
                    tenant: tenant.id,
                    name: key.name.clone(),
                    old: key.wrapped_key.clone(),
                    new: SealedBytes::new(new),
                };
                rewrapped += u64::from(self.put_anew(Command::NamedKeyRewrap(rewrap)).await?);
            }
        }
        Ok((keys.len() as u64, rewrapped, next))
    }

    /// Forgets the older generations; the vault checks once more what it can see.
    async fn generations_retire(&self, rotation: &Rotation) -> Result<(), StewardError> {
        match &rotation.of {
            RotationOf::Root => {
                let mut tenants = Vec::new();
                let mut after = None;
                loop {
                    let page = self.view().tenants(after, ROTATION_PAGE)?;
                    let Some(last) = page.last() else { break };
                    after = Some(last.id);
                    tenants.extend(page.iter().filter(|tenant| is_living(tenant)).map(row));
                }
                self.vault().root_retire(tenants)?;
            }
            RotationOf::Tenant { id } => {
                let Some(tenant) = self.living(*id)? else { return Ok(()) };
                let (rings, secrets) = self.below(*id)?;
                let new = self.vault().tenant_retire(
                    *id,
                    tenant.wrapped_key.as_slice(),
                    rings.iter().map(SealedBytes::as_slice),
                    secrets.iter().map(SealedBytes::as_slice),
                )?;
                self.tenant_key_set(&tenant, new).await?;
            }
            RotationOf::Bucket { name, id } => {
                if let Some((bucket, _)) = self.bucket_and_tenant(name, *id)? {
                    // The last pass has looked at every part.
                    let ring = bucket.wrapped_key.as_slice();
                    let new = self.vault().bucket_retire(*id, ring, [])?;
                    self.bucket_key_set(&bucket, new).await?;
                }
            }
        }
        Ok(())
    }

    /// All that is wrapped under a tenant's key.
    fn below(
        &self,
        tenant: TenantId,
    ) -> Result<(Vec<SealedBytes>, Vec<SealedBytes>), StewardError> {
        let view = self.view();
        let (mut rings, mut secrets) = (Vec::new(), Vec::new());
        let mut after: Option<BucketName> = None;
        loop {
            let page = view.tenant_buckets(tenant, after.as_ref(), ROTATION_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            rings.extend(page.into_iter().map(|bucket| bucket.wrapped_key));
        }
        let mut after: Option<AccessKeyId> = None;
        loop {
            let page = view.access_keys(tenant, after.as_ref(), ROTATION_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            secrets.extend(page.into_iter().map(|key| key.sealed_secret));
        }
        let mut after: Option<NamedKeyName> = None;
        loop {
            let page = view.named_keys(tenant, after.as_ref(), ROTATION_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            rings.extend(page.into_iter().map(|key| key.wrapped_key));
        }
        Ok((rings, secrets))
    }

    async fn tenant_key_set(&self, tenant: &Tenant, new: Vec<u8>) -> Result<bool, StewardError> {
        let (id, old) = (tenant.id, tenant.wrapped_key.clone());
        let rewrap = TenantKeyRewrap { id, old, new: SealedBytes::new(new) };
        self.put_anew(Command::TenantKeyRewrap(rewrap)).await
    }

    async fn bucket_key_set(&self, bucket: &Bucket, new: Vec<u8>) -> Result<bool, StewardError> {
        let (reference, old) = (bucket.reference(), bucket.wrapped_key.clone());
        let rewrap = BucketKeyRewrap { bucket: reference, old, new: SealedBytes::new(new) };
        self.put_anew(Command::BucketKeyRewrap(rewrap)).await
    }

    /// Proposes; `false` if it was changed or went meanwhile: the next pass sees.
    async fn put_anew(&self, command: Command) -> Result<bool, StewardError> {
        match self.propose(command).await {
            Ok(_) => Ok(true),
            Err(StewardError::Propose(ProposeError::Refused(
                Refusal::KeyChanged
                | Refusal::NoSuchBucket
                | Refusal::NoSuchTenant
                | Refusal::NoSuchAccessKey
                | Refusal::NoSuchNamedKey,
            ))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The tenant, unless it is gone or its key was destroyed.
    /// The tenant, if its key is not destroyed, by the catalog nor by the vault: a restored
    /// catalog may know nothing of that yet.
    fn living(&self, id: TenantId) -> Result<Option<Tenant>, StewardError> {
        if self.vault().tenant_is_shredded(id) {
            return Ok(None);
        }
        Ok(self.view().tenant(id)?.filter(is_living))
    }

    fn bucket_and_tenant(
        &self,
        name: &BucketName,
        id: units::BucketId,
    ) -> Result<Option<(Bucket, Tenant)>, StewardError> {
        let Some(bucket) = self.view().bucket(name)?.filter(|bucket| bucket.id == id) else {
            return Ok(None);
        };
        let tenant = self.living(bucket.tenant)?;
        Ok(tenant.map(|tenant| (bucket, tenant)))
    }

    fn vault(&self) -> &Vault {
        &self.shared.objects.parts().vault
    }
}

/// Looked at, wrapped anew, and where to go on; `None`: the pass is over.
type Page = (u64, u64, Option<Place>);

fn is_living(tenant: &Tenant) -> bool {
    tenant.state != TenantState::Erased
}

fn row(tenant: &Tenant) -> TenantRewrap {
    TenantRewrap { tenant: tenant.id, wrapped: tenant.wrapped_key.as_slice().to_vec() }
}

fn newest(ring: &SealedBytes) -> Option<u32> {
    let ring = WrappedRing::from_bytes(ring.as_slice()).ok()?;
    Some(ring.newest().generation().get())
}

fn chain<'a>(tenant: &'a Tenant, bucket: &'a Bucket) -> BucketChain<'a> {
    BucketChain {
        tenant: tenant.id,
        tenant_key: tenant.wrapped_key.as_slice(),
        bucket: bucket.id,
        bucket_key: bucket.wrapped_key.as_slice(),
    }
}
