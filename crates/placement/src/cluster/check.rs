//! The proof of a placement, by looking at it: nothing here searches.

use std::collections::BTreeSet;

use thiserror::Error;
use units::{ByteCount, DiskId, Epoch, SiteId};

use super::guarantee::domains_survived;
use super::plan::SitePlacement;
use super::promise::Promise;
use crate::facts::Metres;
use crate::{Candidates, Geometry, SiteEntry, SiteMap, SiteState};

/// What a placement gets wrong.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Breach {
    /// It was made for other sites.
    #[error("it was made at epoch {made}, and the map is of {map}")]
    Epoch {
        /// The placement's epoch.
        made: Epoch,
        /// The map's.
        map: Epoch,
    },
    /// It has more or fewer slots than its code has fragments.
    #[error("{slots} slots for {fragments} fragments")]
    Slots {
        /// How many slots it has.
        slots: usize,
        /// How many it must have.
        fragments: u8,
    },
    /// A slot is on a disk that is not at the site, unhealthy, or too full.
    #[error("the disk {disk} is not at the site {site}, takes no writes or has no room")]
    Disk {
        /// The site.
        site: SiteId,
        /// The disk.
        disk: DiskId,
    },
    /// A slot is on a disk that no site has.
    #[error("the disk {disk} is at no site")]
    UnknownDisk {
        /// The disk.
        disk: DiskId,
    },
    /// A site may not hold it.
    #[error("the site {site} is not there, drains, or is not permitted")]
    Site {
        /// The site.
        site: SiteId,
    },
    /// Two fragments are on one failure domain.
    #[error("the sites {one} and {other} are of one failure domain")]
    SameDomain {
        /// One site.
        one: SiteId,
        /// The other; the same if it holds both.
        other: SiteId,
    },
    /// Two fragments are too near to each other.
    #[error("the sites {one} and {other} are too near to each other")]
    TooClose {
        /// One site.
        one: SiteId,
        /// The other.
        other: SiteId,
    },
    /// Home does not hold a readable set.
    #[error("home holds {held} fragments, and {needed} make a readable set")]
    Home {
        /// How many it holds.
        held: usize,
        /// How many it must hold.
        needed: u8,
    },
    /// It survives too little.
    #[error("it survives {survived} failure domains, and the rule asks for {asked}")]
    Survives {
        /// How many may vanish.
        survived: usize,
        /// How many must be able to.
        asked: u8,
    },
}

impl SitePlacement {
    /// Whether it keeps what the policy and the rule ask for, on this map.
    pub fn check(
        &self,
        map: &SiteMap,
        candidates: &Candidates,
        need: ByteCount,
    ) -> Result<(), Breach> {
        if self.epoch != map.epoch() {
            return Err(Breach::Epoch { made: self.epoch, map: map.epoch() });
        }
        let (slots, fragments) = (self.slots.len(), self.geometry.total());
        if slots != usize::from(fragments) {
            return Err(Breach::Slots { slots, fragments });
        }
        let mut sites = Vec::with_capacity(slots);
        for slot in &self.slots {
            let site = candidates.holder(map, slot.site)?;
            let given = self.slots.iter().filter(|other| other.disk == slot.disk).count();
            let needed = need.get().saturating_mul(u64::try_from(given).unwrap_or(u64::MAX));
            if !site.disks_healthy().any(|disk| disk.id == slot.disk && disk.free.get() >= needed) {
                return Err(Breach::Disk { site: slot.site, disk: slot.disk });
            }
            sites.push(site);
        }
        let breach = candidates.check_spread(self.geometry, &sites);
        let disks: BTreeSet<_> = self.slots.iter().map(|slot| slot.disk).collect();
        let is_apart = candidates.rule().home.is_some() || disks.len() == self.slots.len();
        assert!(breach.is_err() || is_apart, "sites share no disk");
        breach
    }
}

impl Candidates {
    /// Whether a part that is written already, with this code on these disks, one for each
    /// slot, keeps what the policy and the rule ask for on this map. What its disks can
    /// take now does not matter any more.
    pub fn keeps(&self, map: &SiteMap, geometry: Geometry, slots: &[DiskId]) -> Result<(), Breach> {
        if self.epoch() != map.epoch() {
            return Err(Breach::Epoch { made: self.epoch(), map: map.epoch() });
        }
        if slots.len() != usize::from(geometry.total()) {
            return Err(Breach::Slots { slots: slots.len(), fragments: geometry.total() });
        }
        let mut sites = Vec::with_capacity(slots.len());
        for disk in slots {
            let site = map.site_of(*disk).ok_or(Breach::UnknownDisk { disk: *disk })?;
            sites.push(self.holder(map, site)?);
        }
        // At the only site there is, disks are all that keeps fragments apart.
        if self.promise == Promise::Disks {
            return Ok(());
        }
        self.check_spread(geometry, &sites)
    }

    /// A site of the map that may hold fragments.
    fn holder<'m>(&self, map: &'m SiteMap, id: SiteId) -> Result<&'m SiteEntry, Breach> {
        let site = map.site(id).filter(|site| site.state == SiteState::Active);
        site.filter(|_| self.contains(id)).ok_or(Breach::Site { site: id })
    }

    fn check_spread(&self, geometry: Geometry, sites: &[&SiteEntry]) -> Result<(), Breach> {
        let rule = self.rule();
        let home = rule.home.as_ref();
        let is_home = |site: &SiteEntry| home.is_some_and(|home| home.means(site));
        let data = geometry.data();
        if home.is_some() {
            let held = sites.iter().filter(|site| is_home(site)).count();
            if held != usize::from(data) {
                return Err(Breach::Home { held, needed: data });
            }
        }
        for (at, one) in sites.iter().enumerate() {
            for other in sites.iter().take(at) {
                if one.id() == other.id() && is_home(one) {
                    continue;
                }
                let (id, other_id) = (one.id(), other.id());
                if rule.distinct.is_same(&one.facts, &other.facts) {
                    return Err(Breach::SameDomain { one: id, other: other_id });
                }
                let (here, there) = (&one.facts.statement, &other.facts.statement);
                let is_near = here.position.distance(there.position) < rule.min_distance;
                if rule.min_distance > Metres::default() && is_near {
                    return Err(Breach::TooClose { one: id, other: other_id });
                }
            }
        }
        let asked = rule.survive_least().unwrap_or(1);
        let survived = domains_survived(rule.distinct, data, sites).unwrap_or(0);
        if survived < usize::from(asked) {
            return Err(Breach::Survives { survived, asked });
        }
        Ok(())
    }
}
