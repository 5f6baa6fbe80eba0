//! Where a part goes: what the planner is asked, and what it says.
//!
//! **Invariants**
//! - A site that is alone keeps its promise by its disks, several sites by sites.
//! - The policy is that of the bucket, else of its tenant, else of the cluster, as of the
//!   directory revision that holds now. One that cannot be read refuses every write.

use std::sync::Arc;

use catalog::{PolicyScope, SiteState};
use fragments::{ClusterStore, DiskState};
use parking_lot::Mutex;
use placement::{
    Candidates, DiskFacts, Geometry, PlaceError, Policy, SiteDisk, SiteEntry, SiteFacts, SiteMap,
    SiteStatement, Subject,
};
use units::{BucketId, ByteCount, DiskId};

use crate::ObjectError;
use crate::directory::Kept;
use crate::gateway::Inner;
use crate::limits::PLACINGS_CACHED_MAX;
use crate::seen::Seen;

/// Where the fragments of a part go.
pub(crate) struct Placed {
    pub(crate) geometry: Geometry,
    pub(crate) slots: Vec<DiskId>,
}

/// What is kept of the site map and the policies while the directory does not change.
pub(crate) struct Placings {
    map: Mutex<Option<(u64, Arc<catalog::SiteMap>)>>,
    candidates: Kept<BucketId, Arc<Candidates>>,
}

impl Default for Placings {
    fn default() -> Self {
        Self { map: Mutex::default(), candidates: Kept::new(PLACINGS_CACHED_MAX) }
    }
}

impl Inner {
    /// The disks that are counted on, as placement sees them: also those that are missing
    /// or on nodes that do not answer.
    pub(crate) fn disks(&self) -> Vec<DiskFacts> {
        let store = &self.parts.fragments;
        store.expected().into_iter().map(|disk| disk_facts(store, disk)).collect()
    }

    /// The site map, as of this directory revision.
    fn site_map(&self, revision: u64) -> Result<Arc<catalog::SiteMap>, ObjectError> {
        if let Some((of, map)) = &*self.placings.map.lock()
            && *of == revision
        {
            return Ok(Arc::clone(map));
        }
        let map = Arc::new(self.view().site_map()?);
        *self.placings.map.lock() = Some((revision, Arc::clone(&map)));
        Ok(map)
    }

    /// Chooses where a part goes that has up to so many bytes.
    pub(crate) fn place(&self, seen: &Seen, bytes: u64) -> Result<Placed, ObjectError> {
        // With one data fragment each disk takes it all; with more, less: the bound is safe.
        let need = seal::sealed_length(ByteCount::new(bytes));
        let revision = self.parts.consensus.directory_revision();
        let map = self.site_map(revision)?;
        if map.sites.len() < 2 {
            return self.place_alone(need);
        }
        let entries = map.sites.iter().map(|site| entry(&map, site, &self.parts.fragments));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let sites = SiteMap::new(map.epoch, entries)
            .map_err(|error| ObjectError::NotPlaced { reason: error.to_string() })?;
        let candidates = self.candidates(seen, &sites, revision)?;
        let planned = candidates.plan(&sites, need, &*self.parts.random);
        let planned = planned.map_err(|refusal| not_placed(&refusal))?;
        Ok(Placed { geometry: planned.geometry, slots: planned.disks() })
    }

    fn place_alone(&self, need: ByteCount) -> Result<Placed, ObjectError> {
        match placement::place(&self.disks(), need, &*self.parts.random) {
            Ok(placed) => Ok(Placed { geometry: placed.geometry, slots: placed.slots }),
            Err(PlaceError::NoRoom { .. }) => Err(ObjectError::Full),
            Err(PlaceError::OneDiskLeft { expected }) => Err(ObjectError::OneDiskLeft { expected }),
            Err(error) => Err(ObjectError::NotPlaced { reason: error.to_string() }),
        }
    }

    /// The sites that the bucket's policy leaves.
    fn candidates(
        &self,
        seen: &Seen,
        sites: &SiteMap,
        revision: u64,
    ) -> Result<Arc<Candidates>, ObjectError> {
        let now = self.parts.clock.now();
        let id = seen.bucket.id;
        if let Some(kept) = self.placings.candidates.get(&id, revision)
            && kept.epoch() == sites.epoch()
            && kept.until().is_none_or(|until| now < until)
        {
            return Ok(kept);
        }
        let scopes =
            [PolicyScope::Bucket(id), PolicyScope::Tenant(seen.tenant.id), PolicyScope::Cluster];
        let mut text = String::new();
        for scope in scopes {
            if let Some(policy) = seen.view.policy(scope)? {
                text = policy.text;
                break;
            }
        }
        let policy = Policy::parse(&text).map_err(|error| ObjectError::NotPlaced {
            reason: format!("the placement policy cannot be read: {error}"),
        })?;
        let (tenant, bucket) = (seen.tenant.name.as_str(), Some(seen.bucket.name.as_str()));
        let subject = Subject { tenant, bucket };
        let candidates = Candidates::of(sites, &policy, subject, now);
        let candidates = Arc::new(candidates.map_err(|refusal| not_placed(&refusal))?);
        self.placings.candidates.put(id, revision, Arc::clone(&candidates));
        Ok(candidates)
    }
}

fn not_placed(refusal: &placement::Refusal) -> ObjectError {
    ObjectError::NotPlaced { reason: refusal.explain(placement::Language::English) }
}

fn disk_facts(store: &ClusterStore, id: DiskId) -> DiskFacts {
    DiskFacts {
        id,
        healthy: matches!(store.state(id), Some(DiskState::Healthy | DiskState::Full)),
        free: store.space(id).map_or(ByteCount::ZERO, |space| space.available),
    }
}

/// A site as placement sees it now.
fn entry(
    map: &catalog::SiteMap,
    site: &catalog::Site,
    store: &ClusterStore,
) -> Result<SiteEntry, ObjectError> {
    let stated = site.statement.as_ref();
    let stated = stated.and_then(|signed| postcard::from_bytes(signed.bytes.as_slice()).ok());
    let statement = match stated {
        Some(statement) => statement,
        None => SiteStatement::unstated(site.name.as_str()).map_err(|error| {
            ObjectError::Internal { reason: format!("site {}: {error}", site.name) }
        })?,
    };
    let nodes: Vec<&catalog::Node> = map.nodes_at(site.id).collect();
    let mut disks = Vec::new();
    let mut reachable = false;
    for id in nodes.iter().flat_map(|node| node.disks.iter().copied()) {
        reachable |= store.reach(id).is_there();
        let capacity = store.space(id).map_or(ByteCount::ZERO, |space| space.total);
        disks.push(SiteDisk { facts: disk_facts(store, id), capacity });
    }
    let state = match site.state {
        SiteState::Active => placement::SiteState::Active,
        SiteState::Draining { .. } => placement::SiteState::Draining,
    };
    Ok(SiteEntry {
        facts: Arc::new(SiteFacts { id: site.id, statement }),
        state,
        has_key: nodes.iter().any(|node| node.role == catalog::NodeRole::Full),
        reachable,
        disks,
    })
}
