//! One step at a time from where a part lies to where the policy wants it.
//!
//! The goal is a largest set of candidates that go together and leaves as many slots as
//! possible where they are. A step moves one slot towards such a goal, which may be
//! another one after each step; each step brings the nearest goal nearer, so they end.
//!
//! **Invariants**
//! - No step has more slots on sites that must not hold them, more slots that do not go
//!   together, or fewer fragments at home than it found.
//! - No step has fewer failure domains than it found, and none survives the loss of fewer,
//!   unless it has as many, and survives as many, as all candidates together allow. What
//!   home holds counts apart: a part with a home is not measured by what it survives.
//! - If no step keeps to that, nothing moves, and [`Stuck`] says why.

use thiserror::Error;
use units::{ByteCount, DiskId, Random, SiteId};

use super::candidates::Candidates;
use super::fill::Fill;
use super::guarantee::domains_survived;
use super::plan::disks_at;
use super::promise::Promise;
use super::search::{Set, TooLong, only, positions};
use crate::limits::REBALANCE_PERCENT;
use crate::place::draw_by_weight;
use crate::refusal::{Asked, Refusal};
use crate::{Drift, Drifted, Geometry, SiteEntry, SiteMap, SiteState};

/// One slot to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The fragment number.
    pub slot: usize,
    /// The disk it is on.
    pub from: DiskId,
    /// The disk it goes to.
    pub to: DiskId,
    /// The site of that disk.
    pub site: SiteId,
}

/// Why a part that drifts cannot be moved now.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Stuck {
    /// The map is of another epoch, or there are too few sites to go to.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The code survives too little, or is not the one that the rule names, which only
    /// another one mends ([`Candidates::recut`]).
    #[error("its code is not what the rule asks for, and it has no other for now")]
    Code,
    /// Every step on the way would do worse before it does better.
    #[error("no single step leads out of it without doing worse first: one more site would help")]
    NoStep,
}

/// How bad a state is, in all that no step may worsen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// Slots on disks or sites that must not hold them.
    refused: usize,
    /// Slots beyond the most that go together.
    pub(super) crowded: usize,
    /// Fragments that home lacks.
    short: usize,
    /// Failure domains, up to those that the candidates allow.
    domains: usize,
    /// Failure domains whose loss leaves it readable, and one more; none if it cannot be
    /// read. Up to those that the candidates allow.
    survives: usize,
    /// Slots that the nearest goal has elsewhere.
    far: usize,
}

impl Measure {
    /// Whether nothing that no step may worsen is worse.
    fn is_no_worse_than(&self, before: &Self) -> bool {
        self.refused <= before.refused
            && self.crowded <= before.crowded
            && self.short <= before.short
            && self.domains >= before.domains
            && self.survives >= before.survives
    }
}

/// A part on its way.
pub(super) struct Part<'a> {
    candidates: &'a Candidates,
    map: &'a SiteMap,
    geometry: Geometry,
    /// The candidates that take a slot now.
    open: Set,
    /// Failure domains that a part with this code may have, if all candidates took a slot.
    domains_max: usize,
}

/// Where the slots of a part lie.
pub(super) type Sites<'m> = Vec<Option<&'m SiteEntry>>;

impl Candidates {
    /// The next step for a part with this code on these disks, one for each slot, which
    /// needs `need` bytes per fragment. Nothing if it keeps the policy and its sites are
    /// about equally full.
    pub fn next_move(
        &self,
        map: &SiteMap,
        geometry: Geometry,
        slots: &[DiskId],
        need: ByteCount,
        random: &dyn Random,
    ) -> Result<Option<Move>, Stuck> {
        if self.epoch != map.epoch() && !units::planted::is_on("placement-stale-epoch") {
            return Err(Refusal::StaleMap { asked: self.epoch, map: map.epoch() }.into());
        }
        let too_long = |TooLong| Stuck::Refused(Refusal::SearchTooLong);
        let part = Part::new(self, map, geometry, need);
        let drifts = self.drifts(map, geometry, slots);
        if drifts.is_empty() {
            return part.balance(slots, need, random).map_err(too_long);
        }
        if self.promise == Promise::Disks {
            return part.to_the_site(slots, &drifts, need, random);
        }
        if let Some(step) = part.step(slots, need, random).map_err(too_long)? {
            return Ok(Some(step));
        }
        let is_of_code =
            |drift: &Drift| matches!(drift.what, Drifted::Survives { .. } | Drifted::Code { .. });
        if drifts.iter().all(is_of_code) {
            return Err(Stuck::Code);
        }
        Err(part.stuck().map_err(too_long)?)
    }

    /// Whether a slot may go to this disk: its site may hold it, and by no measure of this
    /// policy does the part do worse there. For a part that others' policies bind too.
    pub fn allows(
        &self,
        map: &SiteMap,
        geometry: Geometry,
        slots: &[DiskId],
        slot: usize,
        to: DiskId,
    ) -> bool {
        let measured = self.measures(map, geometry, slots, (slot, to));
        measured.is_some_and(|(before, then)| then.is_no_worse_than(&before))
    }

    /// Whether a slot that lies nowhere yet goes together with the others on this disk.
    pub fn completes(
        &self,
        map: &SiteMap,
        geometry: Geometry,
        slots: &[DiskId],
        slot: usize,
        to: DiskId,
    ) -> bool {
        let measured = self.measures(map, geometry, slots, (slot, to));
        // At the only site there is, disks are all that keeps fragments apart.
        measured.is_some_and(|(before, then)| {
            let goes = then.crowded < before.crowded || self.promise == Promise::Disks;
            goes && then.is_no_worse_than(&before)
        })
    }

    /// How bad a part is as it lies, and with a slot on another disk; none if that disk's
    /// site must not hold it.
    fn measures(
        &self,
        map: &SiteMap,
        geometry: Geometry,
        slots: &[DiskId],
        (slot, to): (usize, DiskId),
    ) -> Option<(Measure, Measure)> {
        let site = map.site_of(to).and_then(|site| map.site(site))?;
        if self.epoch != map.epoch() || !self.contains(site.id()) {
            return None;
        }
        let part = Part::new(self, map, geometry, ByteCount::ZERO);
        let sites = part.sites(slots);
        let mut after = sites.clone();
        *after.get_mut(slot)? = Some(site);
        Some((part.measure(&sites).ok()?, part.measure(&after).ok()?))
    }

    /// Fragments of a part that home is to hold: a readable set, if the code leaves enough
    /// beside it for the loss of home; else one, as any site; none if there is no home.
    pub(super) fn home_share(&self, geometry: Geometry) -> usize {
        let (data, parity) = (geometry.data(), geometry.parity());
        match self.home {
            None => 0,
            Some(_) if parity >= data => usize::from(data),
            Some(_) => 1,
        }
    }

    /// The candidates that answer and have room on a disk.
    fn open(&self, map: &SiteMap, need: ByteCount) -> Set {
        let takes = |site: &&SiteEntry| {
            site.reachable && site.disks_healthy().any(|disk| disk.free >= need)
        };
        let open = map.sites().iter().filter(takes).filter_map(|site| self.position(site.id()));
        open.fold(0, |open, at| open | only(at))
    }

    /// The positions of as many slots as possible that go together: the first of each of
    /// their sites, and as many at home as make a readable set.
    pub(super) fn kept(&self, geometry: Geometry, sites: &[Option<&SiteEntry>]) -> Vec<usize> {
        let at = |site: Option<&SiteEntry>| site.and_then(|site| self.position(site.id()));
        let places: Vec<Option<usize>> = sites.iter().copied().map(at).collect();
        let occupied = places.iter().flatten().fold(0, |set, at| set | only(*at));
        let order: Vec<usize> = positions(self.beside_home(occupied)).collect();
        let number = self.conflicts.clique_number(self.beside_home(occupied), order.len());
        let together = number.and_then(|number| self.conflicts.choose(&order, number, 0, 0));
        let together = together.unwrap_or_default().unwrap_or_default();
        let mut kept = Vec::new();
        let mut at_home = 0;
        let mut seen = 0;
        for (slot, place) in places.iter().enumerate() {
            let Some(place) = *place else { continue };
            if Some(place) == self.home {
                at_home += 1;
                if at_home <= self.home_share(geometry) {
                    kept.push(slot);
                }
            } else if together.contains(&place) && seen & only(place) == 0 {
                seen |= only(place);
                kept.push(slot);
            }
        }
        kept
    }
}

impl<'a> Part<'a> {
    pub(super) fn new(
        candidates: &'a Candidates,
        map: &'a SiteMap,
        geometry: Geometry,
        need: ByteCount,
    ) -> Self {
        let share = candidates.home_share(geometry);
        let elsewhere = usize::from(geometry.total()) - share;
        let beside = candidates.beside_home(candidates.all());
        // A search that ends at its limit allows no step to fewer domains.
        let number = candidates.conflicts.clique_number(beside, elsewhere).unwrap_or(elsewhere);
        let domains_max = number + usize::from(share > 0);
        Self { candidates, map, geometry, open: candidates.open(map, need), domains_max }
    }

    /// Whether a site may hold fragments, answers, and has room on a disk.
    pub(super) fn is_open(&self, site: &SiteEntry) -> bool {
        let at = self.candidates.position(site.id());
        at.is_some_and(|at| self.open & only(at) != 0)
    }

    pub(super) fn sites(&self, slots: &[DiskId]) -> Sites<'a> {
        let site = |disk: &DiskId| self.map.site_of(*disk).and_then(|site| self.map.site(site));
        slots.iter().map(site).collect()
    }

    /// How bad it is that a part lies on these sites.
    pub(super) fn measure(&self, sites: &Sites<'_>) -> Result<Measure, TooLong> {
        let candidates = self.candidates;
        let may = |site: &SiteEntry| {
            let permitted =
                candidates.contains(site.id()) || units::planted::is_on("placement-moves-anywhere");
            site.state == SiteState::Active && permitted
        };
        let good = sites.iter().flatten().filter(|site| may(site)).count();
        let is_home = |site: &SiteEntry| {
            candidates.home.and_then(|home| candidates.id(home)) == Some(site.id())
        };
        let at_home = sites.iter().flatten().filter(|site| is_home(site)).count();
        let wanted = self.candidates.home_share(self.geometry);
        let place = |site: &&SiteEntry| candidates.position(site.id());
        let occupied = sites.iter().flatten().filter_map(place).fold(0, |set, at| set | only(at));
        let elsewhere = usize::from(self.geometry.total()) - wanted;
        let occupied = candidates.beside_home(occupied);
        // What goes together of all that lies anywhere, on sites that must not hold it too.
        let together = self.together(sites)?;
        let goal = candidates.beside_home(self.open) | occupied;
        let number = candidates.conflicts.clique_number(goal, elsewhere)?;
        let order: Vec<usize> = positions(goal).collect();
        let mut fresh = 0;
        while candidates.conflicts.choose(&order, number, !occupied, fresh)?.is_none() {
            fresh += 1;
        }
        let domains = self.domains(sites).min(self.domains_max);
        let short = wanted.saturating_sub(at_home);
        Ok(Measure {
            refused: sites.len() - good,
            crowded: sites.len() - together - at_home.min(wanted),
            short,
            domains,
            survives: self.survives(sites),
            far: fresh + short,
        })
    }

    /// How many of the sites beside home go together, whatever the policy says of them.
    fn together(&self, sites: &Sites<'_>) -> Result<usize, TooLong> {
        let home = self.candidates.home.and_then(|home| self.candidates.id(home));
        let home_entry = home.and_then(|home| self.map.site(home));
        let clash =
            |one: &SiteEntry, other: &SiteEntry| self.candidates.clash(one, other).is_some();
        let mut distinct: Vec<&SiteEntry> = Vec::new();
        for site in sites.iter().flatten() {
            let is_new = distinct.iter().all(|other| other.id() != site.id());
            if is_new && !home_entry.is_some_and(|home| clash(home, site)) {
                distinct.push(site);
            }
        }
        let of = |one: &&SiteEntry| {
            let others = distinct.iter().enumerate();
            let others = others.filter(|(_, other)| other.id() != one.id() && clash(one, other));
            others.fold(0, |set, (at, _)| set | only(at))
        };
        let conflicts = super::search::Conflicts { of: distinct.iter().map(of).collect() };
        let all = (0..distinct.len()).fold(0, |set, at| set | only(at));
        conflicts.clique_number(all, distinct.len())
    }

    /// How many failure domains of the rule hold something.
    fn domains(&self, sites: &Sites<'_>) -> usize {
        let distinct = self.candidates.rule.distinct;
        let mut firsts: Vec<&SiteEntry> = Vec::new();
        for site in sites.iter().flatten() {
            if firsts.iter().all(|first| !distinct.is_same(&first.facts, &site.facts)) {
                firsts.push(site);
            }
        }
        firsts.len()
    }

    /// How many failure domains may be lost, and one more; see [`Measure::survives`].
    fn survives(&self, sites: &Sites<'_>) -> usize {
        if self.candidates.home.is_some() {
            return 0;
        }
        let lies: Vec<&SiteEntry> = sites.iter().flatten().copied().collect();
        let data = self.geometry.data();
        let survived = domains_survived(self.candidates.rule.distinct, data, &lies);
        let (total, domains) = (usize::from(self.geometry.total()), self.domains_max.max(1));
        // As evenly as so many domains may hold so many slots, the fullest first.
        let even = (0..domains).map(|at| (total + domains - 1 - at) / domains);
        let spare = total - usize::from(data);
        let most = even.scan(0, |lost, held| {
            *lost += held;
            (*lost <= spare).then_some(())
        });
        survived.map_or(0, |survived| survived + 1).min(most.count() + 1)
    }

    /// A step that brings the goal nearer: those slots first that must not stay, and
    /// roomy sites more often.
    fn step(
        &self,
        slots: &[DiskId],
        need: ByteCount,
        random: &dyn Random,
    ) -> Result<Option<Move>, TooLong> {
        let sites = self.sites(slots);
        let before = self.measure(&sites)?;
        let kept = self.candidates.kept(self.geometry, &sites);
        let mut order: Vec<usize> = (0..slots.len()).collect();
        order.sort_by_key(|slot| (kept.contains(slot), *slot));
        let targets = self.targets(&sites, before.short > 0, random);
        for slot in order {
            for target in &targets {
                let mut after = sites.clone();
                if let Some(site) = after.get_mut(slot) {
                    *site = Some(*target);
                }
                let then = self.measure(&after)?;
                let no_worse = then.is_no_worse_than(&before);
                let better = then.far < before.far
                    || (then.far == before.far && then.refused < before.refused)
                    || (then.far == before.far && then.crowded < before.crowded);
                if !(no_worse && better) {
                    continue;
                }
                if let Some(step) = Self::take(slots, slot, target, need, random) {
                    return Ok(Some(step));
                }
            }
        }
        Ok(None)
    }

    /// Sites that a slot may go to: those that hold none, drawn by their free room, and
    /// home if it is short.
    pub(super) fn targets(
        &self,
        sites: &Sites<'_>,
        home: bool,
        random: &dyn Random,
    ) -> Vec<&'a SiteEntry> {
        let candidates = self.candidates;
        let is_open = |site: &SiteEntry| {
            let any = units::planted::is_on("placement-moves-anywhere") && site.reachable;
            any || self.is_open(site)
        };
        let holds_none =
            |site: &SiteEntry| sites.iter().flatten().all(|held| held.id() != site.id());
        let home_id = candidates.home.and_then(|home| candidates.id(home));
        let mut left: Vec<&SiteEntry> = self.map.sites().iter().collect();
        left.retain(|site| {
            let may = if Some(site.id()) == home_id { home } else { holds_none(site) };
            may && is_open(site)
        });
        let free =
            |site: &&SiteEntry| site.disks_healthy().map(|disk| u128::from(disk.free.get())).sum();
        let mut weights: Vec<u128> = left.iter().map(free).collect();
        let mut targets = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let at = draw_by_weight(&weights, random);
            targets.push(left.swap_remove(at));
            weights.swap_remove(at);
        }
        targets.sort_by_key(|site| Some(site.id()) != self.map.preferred());
        targets
    }

    /// The move of a slot to a disk of a site that holds no other slot, if there is one.
    fn take(
        slots: &[DiskId],
        slot: usize,
        site: &SiteEntry,
        need: ByteCount,
        random: &dyn Random,
    ) -> Option<Move> {
        let from = *slots.get(slot)?;
        let mut spare = site.clone();
        spare.disks.retain(|disk| !slots.contains(&disk.facts.id));
        let to = disks_at(&spare, 1, need, random).pop()?.disk;
        Some(Move { slot, from, to, site: site.id() })
    }

    /// There is one site: a step moves a slot to one of its disks that holds none.
    fn to_the_site(
        &self,
        slots: &[DiskId],
        drifts: &[Drift],
        need: ByteCount,
        random: &dyn Random,
    ) -> Result<Option<Move>, Stuck> {
        let id = self.candidates.id(self.candidates.home.unwrap_or_default());
        let site = id.and_then(|id| self.map.site(id)).filter(|site| site.reachable);
        let slot = drifts.iter().find_map(|drift| drift.slot);
        let step =
            site.zip(slot).and_then(|(site, slot)| Self::take(slots, slot, site, need, random));
        match (step, slot) {
            (Some(step), _) => Ok(Some(step)),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Stuck::NoStep),
        }
    }

    /// A step from the fullest of the part's sites to the emptiest that goes with the
    /// others, if they are far from equally full.
    fn balance(
        &self,
        slots: &[DiskId],
        need: ByteCount,
        random: &dyn Random,
    ) -> Result<Option<Move>, TooLong> {
        if self.candidates.promise == Promise::Disks {
            return Ok(None);
        }
        let sites = self.sites(slots);
        let home = self.candidates.home.and_then(|home| self.candidates.id(home));
        let movable = sites.iter().enumerate().filter_map(|(slot, site)| Some((slot, (*site)?)));
        let fullest = movable
            .filter(|(_, site)| Some(site.id()) != home && site.reachable)
            .max_by_key(|(slot, site)| (Fill::of(site).percent(), core::cmp::Reverse(*slot)));
        let Some((slot, from)) = fullest else { return Ok(None) };
        let mut targets = self.targets(&sites, false, random);
        targets.sort_by_key(|site| Fill::of(site).percent());
        let before = self.measure(&sites)?;
        for target in targets {
            if Fill::of(from).percent()
                < Fill::of(target).percent().saturating_add(REBALANCE_PERCENT)
            {
                break;
            }
            let mut after = sites.clone();
            if let Some(site) = after.get_mut(slot) {
                *site = Some(target);
            }
            let then = self.measure(&after)?;
            if then.crowded == before.crowded && then.refused == 0 && then.domains >= before.domains
            {
                return Ok(Self::take(slots, slot, target, need, random));
            }
        }
        Ok(None)
    }

    /// Why no step leads on: sites are missing, or every step does worse first.
    pub(super) fn stuck(&self) -> Result<Stuck, TooLong> {
        let candidates = self.candidates;
        let home = usize::from(candidates.home.is_some());
        let wanted =
            usize::from(self.geometry.total()) - self.candidates.home_share(self.geometry) + home;
        if candidates.number(candidates.all())? >= wanted {
            return Ok(Stuck::NoStep);
        }
        let asked = Asked::Geometry(self.geometry);
        let refusal = candidates.too_few(asked, wanted, candidates.all(), Vec::new())?;
        Ok(Stuck::Refused(refusal))
    }
}
