//! Where a lost fragment is rebuilt: the cluster's half of [`crate::replacement`].
//!
//! **Invariant**: what is rebuilt goes with all that the part has elsewhere, at a site
//! that may hold it; if there is none, the part stays as it is until there is one.

use units::{ByteCount, DiskId, Random};

use super::candidates::Candidates;
use super::moves::{Part, Stuck};
use super::plan::{Slot, disks_at};
use super::promise::Promise;
use super::search::TooLong;
use crate::refusal::Refusal;
use crate::{Geometry, SiteEntry, SiteMap};

impl Candidates {
    /// A disk for the fragment of one slot that is lost or bad: its own if that takes
    /// writes (a bad fragment is then rewritten in place), else another one of its site,
    /// else one at a site that goes with the others.
    pub fn rebuild(
        &self,
        map: &SiteMap,
        geometry: Geometry,
        slots: &[DiskId],
        lost: usize,
        need: ByteCount,
        random: &dyn Random,
    ) -> Result<Slot, Stuck> {
        if self.epoch != map.epoch() {
            return Err(Refusal::StaleMap { asked: self.epoch, map: map.epoch() }.into());
        }
        let part = Part::new(self, map, geometry, need);
        let too_long = |TooLong| Stuck::Refused(Refusal::SearchTooLong);
        let mut without = part.sites(slots);
        let own = without.get(lost).copied().flatten();
        if let Some(site) = without.get_mut(lost) {
            *site = None;
        }
        let fits = |site: &SiteEntry| part.is_open(site);
        if let Some(site) = own.filter(|site| fits(site)) {
            let disk = slots.get(lost).copied();
            let healthy = site.disks_healthy().find(|held| Some(held.id) == disk);
            if let Some(disk) = healthy.filter(|held| held.free >= need) {
                return Ok(Slot { site: site.id(), disk: disk.id });
            }
        }
        let spare = |site: &SiteEntry| {
            let mut spare = site.clone();
            spare.disks.retain(|disk| !slots.contains(&disk.facts.id));
            disks_at(&spare, 1, need, random).pop()
        };
        let before = part.measure(&without).map_err(too_long)?;
        let all = part.targets(&without, true, random);
        let is_own = |site: &&SiteEntry| own.is_some_and(|own| own.id() == site.id());
        let first = own.into_iter().filter(|site| fits(site));
        for site in first.chain(all.into_iter().filter(|site| !is_own(site))) {
            let mut after = without.clone();
            if let Some(slot) = after.get_mut(lost) {
                *slot = Some(site);
            }
            let then = part.measure(&after).map_err(too_long)?;
            // At the only site there is, disks are all that keeps fragments apart.
            let goes = then.crowded < before.crowded || self.promise == Promise::Disks;
            if let Some(slot) = goes.then(|| spare(site)).flatten() {
                return Ok(slot);
            }
        }
        Err(part.stuck().map_err(too_long)?)
    }
}
