//! The sites as placement sees them now, and what the policy of a bucket leaves of them.
//!
//! **Invariants**
//! - The map and the policies are read from one view of the catalog. What is kept of them
//!   holds for an epoch: every change of a policy is one of the map.
//! - A site of witnesses is on no map that placement sees.
//! - The policy of a bucket is its own, else its tenant's, else the cluster's. One that
//!   cannot be read has nothing placed.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::{BucketName, PolicyScope, TenantName, View};
use fragments::{ClusterStore, DiskState};
use parking_lot::Mutex;
use placement::{
    Candidates, DiskFacts, Policy, SiteDisk, SiteEntry, SiteFacts, SiteMap, SiteStatement, Subject,
};
use units::{BucketId, ByteCount, DiskId, Epoch, SiteId, TenantId};

use crate::directory::Kept;
use crate::gateway::Inner;
use crate::limits::{PLACINGS_CACHED_MAX, POLICIES_CACHED_MAX, WALK_PAGE};
use crate::{ObjectError, Objects};

/// The sites at this moment, of one view of the catalog.
pub struct SitesNow {
    /// Which there are, what they state, what they can take.
    pub map: SiteMap,
    view: View,
}

impl SitesNow {
    /// The same, with a site that what moves or is rebuilt goes to before any other that is
    /// as good.
    #[must_use]
    pub fn preferring(self, site: SiteId) -> Self {
        Self { map: self.map.preferring(site), view: self.view }
    }
}

/// For whom data are placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedFor {
    /// The bucket.
    pub bucket: BucketId,
    /// Its name.
    pub bucket_name: BucketName,
    /// Whose it is.
    pub tenant: TenantId,
    /// The tenant's name.
    pub tenant_name: TenantName,
}

/// Who owns which bucket, as of a directory revision.
type Buckets = Arc<HashMap<BucketId, PlacedFor>>;

/// The map of an epoch, its statements read.
#[derive(Clone)]
struct Stated {
    map: Arc<catalog::SiteMap>,
    facts: Arc<Vec<Arc<SiteFacts>>>,
}

/// What is kept of the site map and the policies while the map does not change.
pub(crate) struct Placings {
    stated: Mutex<Option<Stated>>,
    candidates: Kept<Option<BucketId>, Arc<Candidates>>,
    policies: Kept<String, Arc<Policy>>,
    buckets: Mutex<Option<(u64, Buckets)>>,
}

impl Default for Placings {
    fn default() -> Self {
        Self {
            stated: Mutex::default(),
            candidates: Kept::new(PLACINGS_CACHED_MAX),
            policies: Kept::new(POLICIES_CACHED_MAX),
            buckets: Mutex::default(),
        }
    }
}

impl Objects {
    /// The sites as they are now; none if there are fewer than two, since a site alone
    /// spreads over its disks.
    pub fn sites_now(&self) -> Result<Option<SitesNow>, ObjectError> {
        self.inner.sites_now(self.inner.view())
    }

    /// All sites as they are now, also one alone; none before the first has said who it is.
    pub fn sites_all(&self) -> Result<Option<SitesNow>, ObjectError> {
        self.inner.sites_all(self.inner.view())
    }

    /// What the policy of a bucket leaves of these sites, also if its rule cannot be kept
    /// ([`Candidates::refusal`] says why). Without a bucket, what the cluster's leaves.
    pub fn candidates(
        &self,
        now: &SitesNow,
        of: Option<&PlacedFor>,
    ) -> Result<Arc<Candidates>, ObjectError> {
        self.inner.candidates(now, of)
    }

    /// Whose a bucket is; none if it is gone.
    pub fn placed_for(&self, bucket: BucketId) -> Result<Option<PlacedFor>, ObjectError> {
        Ok(self.inner.buckets()?.get(&bucket).cloned())
    }
}

impl Inner {
    /// The sites of this view, if there are several.
    pub(crate) fn sites_now(&self, view: View) -> Result<Option<SitesNow>, ObjectError> {
        Ok(self.sites_all(view)?.filter(|now| now.map.sites().len() > 1))
    }

    /// The sites of this view.
    pub(crate) fn sites_all(&self, view: View) -> Result<Option<SitesNow>, ObjectError> {
        let epoch = view.map_epoch()?;
        if epoch == Epoch::ZERO {
            return Ok(None);
        }
        let Stated { map, facts } = self.stated(&view, epoch)?;
        let store = &self.parts.fragments;
        let sites = map.sites.iter().zip(facts.iter()).filter(|(site, _)| keeps(&map, site));
        let entries = sites.map(|(site, facts)| entry(&map, site, facts, store)).collect();
        let map = SiteMap::new(epoch, entries)
            .map_err(|error| ObjectError::NotPlaced { reason: error.to_string() })?;
        Ok(Some(SitesNow { map, view }))
    }

    fn stated(&self, view: &View, epoch: Epoch) -> Result<Stated, ObjectError> {
        if let Some(stated) = &*self.placings.stated.lock()
            && stated.map.epoch == epoch
        {
            return Ok(stated.clone());
        }
        let map = view.site_map()?;
        let facts = map.sites.iter().map(facts).collect::<Result<Vec<_>, _>>()?;
        let stated = Stated { map: Arc::new(map), facts: Arc::new(facts) };
        *self.placings.stated.lock() = Some(stated.clone());
        Ok(stated)
    }

    pub(crate) fn candidates(
        &self,
        now: &SitesNow,
        of: Option<&PlacedFor>,
    ) -> Result<Arc<Candidates>, ObjectError> {
        let (epoch, instant) = (now.map.epoch(), self.parts.clock.now());
        let bucket = of.map(|of| of.bucket);
        if let Some(kept) = self.placings.candidates.get(&bucket, epoch.get())
            && kept.until().is_none_or(|until| instant < until)
        {
            return Ok(kept);
        }
        let policy = self.policy(policy_text(now, of)?.unwrap_or_default())?;
        let subject = Subject {
            tenant: of.map_or("", |of| of.tenant_name.as_str()),
            bucket: of.map(|of| of.bucket_name.as_str()),
        };
        let candidates = Arc::new(Candidates::survey(&now.map, &policy, subject, instant));
        self.placings.candidates.put(bucket, epoch.get(), Arc::clone(&candidates));
        Ok(candidates)
    }

    /// The policy of this text: reading and checking one takes milliseconds.
    fn policy(&self, text: String) -> Result<Arc<Policy>, ObjectError> {
        /// A text means the same for ever.
        const FOR_EVER: u64 = 0;
        if let Some(policy) = self.placings.policies.get(&text, FOR_EVER) {
            return Ok(policy);
        }
        let policy = Policy::parse(&text).map_err(|error| ObjectError::NotPlaced {
            reason: format!("the placement policy cannot be read: {error}"),
        })?;
        let policy = Arc::new(policy);
        self.placings.policies.put(text, FOR_EVER, Arc::clone(&policy));
        Ok(policy)
    }

    /// All buckets by id.
    fn buckets(&self) -> Result<Buckets, ObjectError> {
        let revision = self.parts.consensus.directory_revision();
        if let Some((of, buckets)) = &*self.placings.buckets.lock()
            && *of == revision
        {
            return Ok(Arc::clone(buckets));
        }
        let view = self.view();
        let mut tenants: HashMap<TenantId, TenantName> = HashMap::new();
        let mut buckets = HashMap::new();
        let mut after: Option<BucketName> = None;
        loop {
            let page = view.buckets(after.as_ref(), WALK_PAGE)?;
            let is_last = page.len() < WALK_PAGE;
            after = page.last().map(|bucket| bucket.name.clone());
            for bucket in page {
                if !tenants.contains_key(&bucket.tenant)
                    && let Some(tenant) = view.tenant(bucket.tenant)?
                {
                    tenants.insert(bucket.tenant, tenant.name);
                }
                let Some(tenant_name) = tenants.get(&bucket.tenant).cloned() else { continue };
                let (bucket, bucket_name, tenant) = (bucket.id, bucket.name, bucket.tenant);
                buckets.insert(bucket, PlacedFor { bucket, bucket_name, tenant, tenant_name });
            }
            if is_last {
                break;
            }
        }
        let buckets = Arc::new(buckets);
        *self.placings.buckets.lock() = Some((revision, Arc::clone(&buckets)));
        Ok(buckets)
    }
}

/// Whether fragments may lie at a site: a witness keeps none, and is no place for placement.
fn keeps(map: &catalog::SiteMap, site: &catalog::Site) -> bool {
    map.nodes_at(site.id).any(|node| node.role != catalog::NodeRole::Witness)
}

/// The text of the policy that holds for somebody; none if none was set.
pub(crate) fn policy_text(
    now: &SitesNow,
    of: Option<&PlacedFor>,
) -> Result<Option<String>, ObjectError> {
    let own = of.map(|of| [PolicyScope::Bucket(of.bucket), PolicyScope::Tenant(of.tenant)]);
    for scope in own.into_iter().flatten().chain([PolicyScope::Cluster]) {
        if let Some(policy) = now.view.policy(scope)? {
            return Ok(Some(policy.text));
        }
    }
    Ok(None)
}

/// A disk as its store reported it last; one that nobody reaches has no room.
pub fn disk_facts(store: &ClusterStore, id: DiskId) -> DiskFacts {
    let space = store.space(id);
    DiskFacts {
        id,
        healthy: matches!(store.state(id), Some(DiskState::Healthy | DiskState::Full)),
        free: space.map_or(ByteCount::ZERO, |space| space.available),
        removed: space.map_or(ByteCount::ZERO, |space| space.dead),
    }
}

/// What a site states; of one that has stated nothing, that.
fn facts(site: &catalog::Site) -> Result<Arc<SiteFacts>, ObjectError> {
    let stated = site.statement.as_ref();
    let stated = stated.and_then(|signed| postcard::from_bytes(signed.bytes.as_slice()).ok());
    let statement = match stated {
        Some(statement) => statement,
        None => SiteStatement::unstated(site.name.as_str()).map_err(|error| {
            ObjectError::Internal { reason: format!("site {}: {error}", site.name) }
        })?,
    };
    Ok(Arc::new(SiteFacts { id: site.id, statement }))
}

/// A site as placement sees it now.
fn entry(
    map: &catalog::SiteMap,
    site: &catalog::Site,
    facts: &Arc<SiteFacts>,
    store: &ClusterStore,
) -> SiteEntry {
    let nodes: Vec<&catalog::Node> = map.nodes_at(site.id).collect();
    let mut disks = Vec::new();
    let mut reachable = false;
    for id in nodes.iter().flat_map(|node| node.disks.iter().copied()) {
        reachable |= store.reach(id).is_there();
        let capacity = store.space(id).map_or(ByteCount::ZERO, |space| space.total);
        disks.push(SiteDisk { facts: disk_facts(store, id), capacity });
    }
    let state = match site.state {
        catalog::SiteState::Active => placement::SiteState::Active,
        catalog::SiteState::Draining { .. } => placement::SiteState::Draining,
    };
    SiteEntry {
        facts: Arc::clone(facts),
        state,
        has_key: nodes.iter().any(|node| node.role == catalog::NodeRole::Full),
        reachable,
        disks,
    }
}
