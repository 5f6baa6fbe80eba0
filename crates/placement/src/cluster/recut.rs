//! Which code a part gets that is to be cut anew, and where it then lies: where no step
//! leads on, since the sites that are left are too few for the code it has, or since its
//! code survives too little.
//!
//! The code is what a new part would get if all sites answered. A site that is away for a
//! while is waited for: cutting everything anew costs more than it does to wait.
//!
//! **Invariants**
//! - What is returned keeps the policy, proved by [`SitePlacement::check`], and nothing of
//!   it drifts; so a part is not cut anew twice on one map.
//! - It survives no fewer losses than what of the part lies where it may.
//! - Where the disks of one site are all there is, nothing is cut anew.

use units::{ByteCount, DiskId, Random, SiteId};

use super::candidates::Candidates;
use super::guarantee::domains_survived;
use super::plan::SitePlacement;
use super::promise::{Code, Promise};
use super::search::{TooLong, positions};
use crate::{Geometry, SiteEntry, SiteMap};

impl Candidates {
    /// The code and the disks for a part of so many sealed bytes that has this code and
    /// lies on these disks, one for each slot. `is_gone` says of which sites nothing is to be
    /// expected any more. Nothing if it must stay as it is, for now at least.
    pub fn recut(
        &self,
        map: &SiteMap,
        (geometry, slots): (Geometry, &[DiskId]),
        sealed: ByteCount,
        is_gone: impl Fn(SiteId) -> bool,
        random: &dyn Random,
    ) -> Option<SitePlacement> {
        if self.epoch != map.epoch() || self.refusal.is_some() || self.promise == Promise::Disks {
            return None;
        }
        let least = self.survived_where_it_may(map, geometry, slots);
        for code in self.promise.codes(self.home.is_some()) {
            let need = ByteCount::new(sealed.get().div_ceil(code.geometry.data().max(1).into()));
            if !self.is_to_be_expected(map, code, need, &is_gone).ok()? {
                continue;
            }
            let placement = self.plan_whole(map, code, need, random).ok()??;
            let breach = placement.check(map, self, need);
            assert_eq!(breach, Ok(()), "a placement must keep what the policy asks for");
            let disks = placement.disks();
            let then = self.survived_where_it_may(map, placement.geometry, &disks);
            let is_right = self.drifts(map, placement.geometry, &disks).is_empty();
            return (is_right && then >= least).then_some(placement);
        }
        None
    }

    /// Whether a code could be written if every site answered that may again.
    fn is_to_be_expected(
        &self,
        map: &SiteMap,
        code: Code,
        need: ByteCount,
        is_gone: &impl Fn(SiteId) -> bool,
    ) -> Result<bool, TooLong> {
        let has_room = |site: &SiteEntry| site.disks_healthy().any(|disk| disk.free >= need);
        let may = |at: &usize| {
            let site = self.id(*at).and_then(|id| map.site(id));
            site.is_some_and(
                |site| {
                    if site.reachable { has_room(site) } else { !is_gone(site.id()) }
                },
            )
        };
        if self.home.is_some_and(|home| !may(&home)) {
            return Ok(false);
        }
        let order: Vec<usize> = positions(self.beside_home(self.all())).filter(may).collect();
        Ok(self.conflicts.choose(&order, code.elsewhere, 0, 0)?.is_some())
    }

    /// How many losses what of a part lies on candidates survives, and one more; nothing if
    /// it cannot be read.
    fn survived_where_it_may(&self, map: &SiteMap, geometry: Geometry, slots: &[DiskId]) -> usize {
        let site = |disk: &DiskId| map.site_of(*disk).and_then(|site| map.site(site));
        let sites: Vec<&SiteEntry> =
            slots.iter().filter_map(site).filter(|site| self.contains(site.id())).collect();
        domains_survived(self.rule.distinct, geometry.data(), &sites).map_or(0, |least| least + 1)
    }
}
