//! What is to be done with one part: whether it drifts, and its next step.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::PartRow;
use fragments::Reach;
use objects::SitesNow;
use placement::{
    Candidates, DiskFacts, Drifted, Geometry, Language, Move, SiteMap, SiteState, Stuck,
};
use seal::SealedLayout;
use units::{ByteCount, DiskId, PartId, SiteId, Timestamp, planted};

use crate::limits::GOAL_DRAWS_MAX;
use crate::planted::{MOVE_ANYWHERE, MOVE_TO_DRAINED};
use crate::recut::Recut;
use crate::{Steward, StewardError};

/// What is to be done with a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing: it lies as it should.
    Rests,
    /// A repair comes first, or its buckets are not known yet. The sites that slots are to
    /// leave.
    Waits(Vec<SiteId>),
    /// One slot moves, of those that are to leave these sites.
    Drifts(Move, Vec<SiteId>),
    /// One slot moves to where there is more room.
    Balances(Move, SiteId),
    /// It gets one copy more.
    Copies,
    /// It is cut anew, and leaves these sites by that.
    Recuts(Recut, Vec<SiteId>),
    /// Slots are to leave these sites and no step leads on.
    Stuck {
        /// The sites.
        leave: Vec<SiteId>,
        /// Whether it survives less than its policy asks for.
        at_risk: bool,
        /// Why.
        why: String,
    },
}

/// What a part is under.
pub(crate) struct Bound {
    pub(crate) binding: Vec<Arc<Candidates>>,
}

impl Bound {
    /// When time alone makes the policies say something else.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.binding.iter().filter_map(|one| one.until()).min()
    }
}

impl Steward {
    /// What is to be done with a part now.
    pub(crate) fn plan(
        &self,
        now: &SitesNow,
        part: PartId,
        row: &PartRow,
    ) -> Result<(Plan, Bound), StewardError> {
        let unbound = |plan| Ok((plan, Bound { binding: Vec::new() }));
        let (Some(geometry), Some(layout)) =
            (Geometry::new(row.data, row.parity), SealedLayout::new(row.size, row.stripe_bytes))
        else {
            return unbound(Plan::Rests);
        };
        let Some(binding) = self.binding(now, row)? else {
            return unbound(Plan::Waits(Vec::new()));
        };
        let need = ByteCount::new(layout.sealed_total().get() / u64::from(row.data.max(1)));
        let plan = self.plan_bound(now, (part, row), (geometry, need), &binding);
        let is_put_off =
            matches!(plan, Plan::Recuts(..)) && self.recut_is_put_off(part, now.map.epoch());
        let plan = match plan {
            Plan::Recuts(_, leave) if is_put_off => Plan::Waits(leave),
            plan => plan,
        };
        Ok((plan, Bound { binding }))
    }

    fn plan_bound(
        &self,
        now: &SitesNow,
        (part, row): (PartId, &PartRow),
        (geometry, need): (Geometry, ByteCount),
        binding: &[Arc<Candidates>],
    ) -> Plan {
        let (map, slots) = (&now.map, &row.slots);
        let mut leaving: BTreeSet<usize> = BTreeSet::new();
        let (mut drifts, mut weak) = (false, false);
        for candidates in binding {
            let found = candidates.drifts(map, geometry, slots);
            drifts |= !found.is_empty();
            weak |= found.iter().any(|drift| matches!(drift.what, Drifted::Survives { .. }));
            leaving.extend(found.iter().filter_map(|drift| drift.slot));
        }
        let leave = sites(map, slots, &leaving);
        if slots.iter().any(|disk| self.disk_is_lost(*disk)) {
            return match self.recut_of_lost(now, (part, row), (geometry, need), binding) {
                Some(recut) => Plan::Recuts(recut, leave),
                None => Plan::Waits(leave),
            };
        }
        let random = &*self.shared.objects.parts().random;
        let mut why = None;
        for candidates in binding {
            for _ in 0..GOAL_DRAWS_MAX {
                let step = match candidates.next_move(map, geometry, slots, need, random) {
                    Ok(Some(step)) => step,
                    Ok(None) => break,
                    Err(stuck) => {
                        why.get_or_insert(stuck);
                        break;
                    }
                };
                let step = Self::misled(map, slots, step);
                if !Self::goes(binding, now, geometry, slots, step.slot, step.to) {
                    continue;
                }
                if self.is_unreachable(step.from) {
                    return Plan::Waits(leave);
                }
                return match (drifts, map.site_of(step.from)) {
                    (true, _) => Plan::Drifts(step, leave),
                    (false, Some(from)) => Plan::Balances(step, from),
                    (false, None) => Plan::Rests,
                };
            }
        }
        if !drifts {
            return Plan::Rests;
        }
        // A code that survives too little is mended where each slot has the whole.
        let mut is_full = false;
        if row.data == 1 && weak && Self::copy_has_place(now, row, binding, need) {
            let has_room = |disk: DiskFacts| {
                let goes = || Self::copy_goes(binding, now, row, disk.id);
                disk.healthy && disk.free >= need && goes()
            };
            if self.copy_disks().any(has_room) {
                return Plan::Copies;
            }
            is_full = true;
        }
        if let Some(recut) = self.recut(now, (part, row), geometry, binding).filter(|_| !is_full) {
            if slots.iter().any(|disk| self.is_unreachable(*disk)) {
                return Plan::Waits(leave);
            }
            return Plan::Recuts(recut, leave);
        }
        let at_risk = !binding.iter().all(|one| one.survives(map, geometry, slots));
        let why = if is_full { NO_ROOM_FOR_COPIES.to_owned() } else { words(why) };
        Plan::Stuck { leave, at_risk, why }
    }

    /// What a part is to be cut into that cannot stay as it is, if the policies that bind it
    /// have a code in common.
    fn recut(
        &self,
        now: &SitesNow,
        (part, row): (PartId, &PartRow),
        geometry: Geometry,
        binding: &[Arc<Candidates>],
    ) -> Option<Recut> {
        let map = &now.map;
        let layout = SealedLayout::new(row.size, row.stripe_bytes)?;
        let sealed = layout.sealed_total();
        let is_gone = |site: SiteId| {
            let mut disks = map.site(site).into_iter().flat_map(|site| &site.disks);
            disks.all(|disk| self.disk_is_lost(disk.facts.id))
        };
        let random = &*self.shared.objects.parts().random;
        for candidates in binding {
            for _ in 0..GOAL_DRAWS_MAX {
                let ask = (geometry, row.slots.as_slice());
                let Some(found) = candidates.recut(map, ask, sealed, is_gone, random) else {
                    break;
                };
                let disks = found.disks();
                let suits = |one: &Arc<Candidates>| {
                    one.keeps(map, found.geometry, &disks).is_ok()
                        && one.drifts(map, found.geometry, &disks).is_empty()
                };
                if binding.iter().all(suits) {
                    let home = candidates.rule().home.is_some();
                    return Some(Recut::of(&found, part, row, home));
                }
            }
        }
        None
    }

    /// The same of a part that has lost fragments: only if no repair has a place for them,
    /// and if they are lost for good or it survives too little without them.
    fn recut_of_lost(
        &self,
        now: &SitesNow,
        (part, row): (PartId, &PartRow),
        (geometry, need): (Geometry, ByteCount),
        binding: &[Arc<Candidates>],
    ) -> Option<Recut> {
        let map = &now.map;
        let is_lost = |disk: &DiskId| self.disk_is_lost(*disk);
        let lost: Vec<usize> =
            (0..).zip(&row.slots).filter(|(_, disk)| is_lost(disk)).map(|(slot, _)| slot).collect();
        let left: Vec<DiskId> = row.slots.iter().copied().filter(|disk| !is_lost(disk)).collect();
        let is_for_good =
            row.slots.iter().filter(|disk| is_lost(disk)).all(|disk| map.site_of(*disk).is_none());
        let is_at_risk = !binding.iter().all(|one| one.survives(map, geometry, &left));
        let is_readable = left.len() >= usize::from(row.data);
        let is_there = !left.iter().any(|disk| self.is_unreachable(*disk));
        if !is_readable || !is_there || !(is_for_good || is_at_risk) {
            return None;
        }
        let random = &*self.shared.objects.parts().random;
        let mut disks = self.disk_facts();
        disks.retain(|disk| disk.healthy && disk.free >= need && !row.slots.contains(&disk.id));
        let has_place = |slot: usize| {
            let completes = |disk: &DiskFacts| {
                binding.iter().all(|one| one.completes(map, geometry, &row.slots, slot, disk.id))
            };
            let rebuilds = |one: &Arc<Candidates>| {
                one.rebuild(map, geometry, &row.slots, slot, need, random).is_ok()
            };
            disks.iter().any(completes) || binding.iter().all(rebuilds)
        };
        if lost.into_iter().any(has_place) {
            return None;
        }
        self.recut(now, (part, row), geometry, binding)
    }

    /// A step, or with a planted bug one to a site that is being emptied, or to any.
    fn misled(map: &SiteMap, slots: &[DiskId], step: Move) -> Move {
        let state = match (planted::is_on(MOVE_TO_DRAINED), planted::is_on(MOVE_ANYWHERE)) {
            (true, _) => SiteState::Draining,
            (_, true) => SiteState::Active,
            _ => return step,
        };
        let wrong = map.sites().iter().filter(|site| site.state == state);
        let mut disks = wrong.flat_map(|site| {
            site.disks_healthy().map(|disk| (site.id(), disk.id)).collect::<Vec<_>>()
        });
        match disks.find(|(_, disk)| !slots.contains(disk)) {
            Some((site, to)) => Move { to, site, ..step },
            None => step,
        }
    }

    /// Whether there is a disk for one copy more, however little it leaves.
    fn copy_has_place(
        now: &SitesNow,
        row: &PartRow,
        binding: &[Arc<Candidates>],
        need: ByteCount,
    ) -> bool {
        let mut disks = now.map.sites().iter().flat_map(placement::SiteEntry::disks_healthy);
        disks.any(|disk| disk.free >= need && Self::copy_goes(binding, now, row, disk.id))
    }

    fn is_unreachable(&self, disk: DiskId) -> bool {
        matches!(self.fragments().reach(disk), Reach::Unreachable { .. })
    }
}

/// Why a copy is not made that there is a place for.
const NO_ROOM_FOR_COPIES: &str = "a copy of it at another site would leave less than an eighth \
    of the disk there free, which is kept for what clients write: make room on the disks of the \
    other sites, or add one";

fn words(why: Option<Stuck>) -> String {
    match why {
        Some(Stuck::Refused(refusal)) => refusal.explain(Language::English),
        Some(stuck) => stuck.to_string(),
        None => "the policies of the buckets that share it leave no place in common".to_owned(),
    }
}

/// The site of each of these slots, as far as it is known.
fn sites(map: &SiteMap, slots: &[DiskId], which: &BTreeSet<usize>) -> Vec<SiteId> {
    which.iter().filter_map(|slot| map.site_of(*slots.get(*slot)?)).collect()
}
