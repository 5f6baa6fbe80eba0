//! What of a part that was placed earlier does not keep the policy now.
//!
//! Sites drain, state something else, lose a certificate; policies change. A part does
//! not move by that: it *drifts*, until it was moved slot by slot ([`super::moves`]).

use units::{DiskId, SiteId};

use super::candidates::Candidates;
use super::guarantee::domains_survived;
use super::promise::Promise;
use crate::refusal::{Refused, SiteShown, Why};
use crate::{Geometry, SiteEntry, SiteMap, SiteState};

/// What is wrong with a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drifted {
    /// A slot lies on a disk that no site has.
    UnknownDisk {
        /// Which disk.
        disk: DiskId,
    },
    /// A slot lies where it must not: the site drains, is not permitted, or does not go
    /// with another one.
    Site(Box<Refused>),
    /// Home holds too few fragments to be read alone.
    Home {
        /// How many it holds.
        held: usize,
        /// How many it must hold.
        needed: usize,
    },
    /// The code itself survives less than the rule asks for: only another one mends that.
    Survives {
        /// How many failure domains may vanish, wherever the slots lie.
        survived: u8,
        /// How many must be able to.
        asked: u8,
    },
    /// The rule names one code, and it has another that survives no more: only that one
    /// mends it.
    Code {
        /// The code it has.
        has: Geometry,
        /// The one that the rule names.
        asked: Geometry,
    },
}

/// One thing that is wrong with a part, and in which slot if in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The fragment number; nothing if the part as a whole is wrong.
    pub slot: Option<usize>,
    /// What is wrong.
    pub what: Drifted,
}

impl Candidates {
    /// What of a part with this code on these disks, one for each slot, does not keep
    /// the policy now; nothing if all of it does. Of slots that do not go together as
    /// many as possible are left in peace.
    pub fn drifts(&self, map: &SiteMap, geometry: Geometry, slots: &[DiskId]) -> Vec<Drift> {
        let mut drifts = Vec::new();
        let sites: Vec<Option<&SiteEntry>> =
            slots.iter().map(|disk| map.site_of(*disk).and_then(|site| map.site(site))).collect();
        let kept = self.kept(geometry, &sites);
        for (at, (disk, site)) in slots.iter().zip(&sites).enumerate() {
            let what = match site {
                None => Drifted::UnknownDisk { disk: *disk },
                Some(site) => {
                    let Some(why) = self.why_not(map, at, &sites, &kept) else { continue };
                    Drifted::Site(Box::new(Refused { site: SiteShown::from(*site), why }))
                }
            };
            drifts.push(Drift { slot: Some(at), what });
        }
        drifts.extend(self.whole(geometry, &sites).map(|what| Drift { slot: None, what }));
        drifts
    }

    /// Whether a part with this code on these disks survives what the rule asks for, at
    /// least the loss of one failure domain if several go together; also if it lies as it
    /// should not.
    pub fn survives(&self, map: &SiteMap, geometry: Geometry, slots: &[DiskId]) -> bool {
        let asked = match self.promise {
            Promise::Disks => return true,
            Promise::Exact { survive, .. } => survive,
            Promise::Table { least, .. } => least,
        };
        let site = |disk: &DiskId| map.site_of(*disk).and_then(|site| map.site(site));
        let sites: Vec<&SiteEntry> = slots.iter().filter_map(site).collect();
        let survived = domains_survived(self.rule.distinct, geometry.data(), &sites);
        survived.is_some_and(|survived| survived >= usize::from(asked))
    }

    /// Why the slot at this position must move, if it must.
    fn why_not(
        &self,
        map: &SiteMap,
        at: usize,
        sites: &[Option<&SiteEntry>],
        kept: &[usize],
    ) -> Option<Why> {
        let site = (*sites.get(at)?)?;
        if !self.contains(site.id()) {
            let is_draining = site.state == SiteState::Draining;
            if is_draining && units::planted::is_on("placement-forgets-drains") {
                return None;
            }
            let refused = self.refused.iter().find(|refused| refused.site.id == site.id());
            return Some(refused.map_or(Why::Draining, |refused| refused.why.clone()));
        }
        if kept.contains(&at) || self.promise == Promise::Disks {
            return None;
        }
        // It does not go with one that stays, or with home, whether or not that holds any.
        let home = self.home.and_then(|home| map.site(self.id(home)?));
        let kept = kept.iter().filter_map(|other| *sites.get(*other)?);
        kept.chain(home).find_map(|other| self.clash(site, other))
    }

    /// Why two sites do not go together, if they do not; a site does not with itself.
    pub(super) fn clash(&self, site: &SiteEntry, other: &SiteEntry) -> Option<Why> {
        let with = SiteShown::from(other);
        let distinct = self.rule.distinct;
        if distinct.is_same(&site.facts, &other.facts) {
            return Some(Why::SameDomain { distinct, with });
        }
        let distance = site.facts.statement.position.distance(other.facts.statement.position);
        let least = self.rule.min_distance;
        (distance < least).then_some(Why::TooClose { with, distance, least })
    }

    /// What is wrong with a part as a whole.
    fn whole(
        &self,
        geometry: Geometry,
        sites: &[Option<&SiteEntry>],
    ) -> impl Iterator<Item = Drifted> {
        let home = self.home.and_then(|home| self.id(home));
        let needed = self.home_share(geometry);
        let held = |home: SiteId| sites.iter().flatten().filter(|site| site.id() == home).count();
        let held = home.map(held).filter(|held| *held < needed);
        let short = held.map(|held| Drifted::Home { held, needed });
        let asked = match self.promise {
            Promise::Disks => 0,
            Promise::Exact { survive, .. } => survive,
            Promise::Table { least, .. } => least,
        };
        // On sites that all go together.
        let survives = |code: Geometry| {
            let lone = if home.is_some() { code.data() } else { 1 };
            (code.parity() + 1).saturating_sub(lone)
        };
        let survived = survives(geometry);
        let weak = (survived < asked).then_some(Drifted::Survives { survived, asked });
        let other = match self.promise {
            Promise::Exact { geometry: asked, .. }
                if asked != geometry && survived <= survives(asked) =>
            {
                Some(Drifted::Code { has: geometry, asked })
            }
            _ => None,
        };
        short.into_iter().chain(weak.or(other))
    }
}
