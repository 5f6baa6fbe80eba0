//! The site map: which sites there are, what they state, what they can take now.
//!
//! Its epoch is that of the catalog: it grows when a site joins, leaves, drains or
//! states something else. What a site can take *now* (reachable, disks, free room)
//! changes all the time and has no epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;
use units::{ByteCount, DiskId, Epoch, SiteId};

use crate::limits::{DISKS_PER_SITE_MAX, SITES_MAX};
use crate::{DiskFacts, SiteFacts};

/// Whether a site takes new fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteState {
    /// It keeps what it has and takes more.
    Active,
    /// Everything is to be moved off it; it takes nothing.
    Draining,
}

/// One disk of one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteDisk {
    /// What its store reported last.
    pub facts: DiskFacts,
    /// All that may ever be written to it, the reserve not counted.
    pub capacity: ByteCount,
}

/// One site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteEntry {
    /// Which site, and what it states.
    pub facts: Arc<SiteFacts>,
    /// Whether it takes new fragments.
    pub state: SiteState,
    /// Whether it holds keys that open data.
    pub has_key: bool,
    /// Whether it answers now.
    pub reachable: bool,
    /// Its disks, as reported last.
    pub disks: Vec<SiteDisk>,
}

impl SiteEntry {
    /// Which site.
    pub fn id(&self) -> SiteId {
        self.facts.id
    }

    /// Its disks that take writes, as reported last.
    pub fn disks_healthy(&self) -> impl Iterator<Item = DiskFacts> + '_ {
        self.disks.iter().map(|disk| disk.facts).filter(|disk| disk.healthy)
    }
}

/// What is wrong with a list of sites.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SiteMapError {
    /// More sites than a cluster has.
    #[error("a cluster has at most {SITES_MAX} sites, not {found}: found a second cluster")]
    TooManySites {
        /// How many there are.
        found: usize,
    },
    /// More disks than a site has.
    #[error("a site has at most {DISKS_PER_SITE_MAX} disks, and {site} has {found}")]
    TooManyDisks {
        /// Which site.
        site: SiteId,
        /// How many it has.
        found: usize,
    },
    /// One site stands there twice.
    #[error("the site {site} is listed twice")]
    SiteTwice {
        /// Which site.
        site: SiteId,
    },
    /// One disk stands there twice.
    #[error("the disk {disk} is listed twice")]
    DiskTwice {
        /// Which disk.
        disk: DiskId,
    },
}

/// The sites of a cluster at one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteMap {
    epoch: Epoch,
    /// Ordered by id.
    sites: Vec<SiteEntry>,
    site_of: BTreeMap<DiskId, SiteId>,
    preferred: Option<SiteId>,
}

impl SiteMap {
    /// The map of these sites at this epoch.
    pub fn new(epoch: Epoch, mut sites: Vec<SiteEntry>) -> Result<Self, SiteMapError> {
        if sites.len() > SITES_MAX {
            return Err(SiteMapError::TooManySites { found: sites.len() });
        }
        sites.sort_by_key(SiteEntry::id);
        let mut seen = BTreeSet::new();
        let mut site_of = BTreeMap::new();
        for entry in &sites {
            let site = entry.id();
            if !seen.insert(site) {
                return Err(SiteMapError::SiteTwice { site });
            }
            let found = entry.disks.len();
            if found > DISKS_PER_SITE_MAX {
                return Err(SiteMapError::TooManyDisks { site, found });
            }
            for disk in entry.disks.iter().map(|disk| disk.facts.id) {
                if site_of.insert(disk, site).is_some() {
                    return Err(SiteMapError::DiskTwice { disk });
                }
            }
        }
        Ok(Self { epoch, sites, site_of, preferred: None })
    }

    /// Which version of the sites' facts it shows.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The same, with a site that slots which move or are rebuilt go to before any other
    /// that is as good: one that takes the place of another.
    #[must_use]
    pub fn preferring(mut self, site: SiteId) -> Self {
        self.preferred = Some(site);
        self
    }

    pub(super) fn preferred(&self) -> Option<SiteId> {
        self.preferred
    }

    /// All sites, ordered by id.
    pub fn sites(&self) -> &[SiteEntry] {
        &self.sites
    }

    /// The site of this id.
    pub fn site(&self, id: SiteId) -> Option<&SiteEntry> {
        let at = self.sites.binary_search_by_key(&id, SiteEntry::id).ok()?;
        self.sites.get(at)
    }

    /// The site that a disk belongs to.
    pub fn site_of(&self, disk: DiskId) -> Option<SiteId> {
        self.site_of.get(&disk).copied()
    }
}
