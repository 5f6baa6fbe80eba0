//! Choosing the sites and disks of a part.
//!
//! Codes are tried from those that survive most to those that survive what the rule asks
//! for. Of codes that survive as much, the one with most data fragments whose sites all
//! answer is taken, and only if there is none, one of which as few as possible are away.
//! Sites are drawn by their free room, so that unequal ones
//! fill evenly.
//!
//! **Invariant**: what is returned was proved by [`SitePlacement::check`], which knows
//! nothing of the search.

use units::{ByteCount, DiskId, Epoch, Random, SiteId, Timestamp};

use super::candidates::Candidates;
use super::promise::{Code, Promise};
use super::search::{Set, TooLong, only, positions};
use crate::limits::SITES_MAX;
use crate::place::{draw, draw_by_weight};
use crate::refusal::{Asked, Refusal, Refused, SiteShown, Why};
use crate::{DiskFacts, Geometry, Policy, SiteEntry, SiteMap, Subject, place};

/// Where one fragment of each stripe of a part lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The site.
    pub site: SiteId,
    /// The disk there.
    pub disk: DiskId,
}

/// The sites and disks of a part, slot by slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitePlacement {
    /// The epoch of the site map it was made for.
    pub epoch: Epoch,
    /// How stripes are cut.
    pub geometry: Geometry,
    /// Where each fragment number goes. Sites that are away now come last; with a home
    /// its fragments come first, which are the data.
    pub slots: Vec<Slot>,
}

impl SitePlacement {
    /// The disks alone, slot by slot.
    pub fn disks(&self) -> Vec<DiskId> {
        self.slots.iter().map(|slot| slot.disk).collect()
    }
}

/// Chooses code, sites and disks for a part that needs up to `need` bytes per fragment.
///
/// Who places many parts keeps the [`Candidates`] and calls [`Candidates::plan`].
pub fn plan(
    map: &SiteMap,
    policy: &Policy,
    subject: Subject<'_>,
    now: Timestamp,
    need: ByteCount,
    random: &dyn Random,
) -> Result<SitePlacement, Refusal> {
    Candidates::of(map, policy, subject, now)?.plan(map, need, random)
}

/// What the candidates can take now.
struct Now<'m> {
    /// The entry of each candidate.
    entries: Vec<&'m SiteEntry>,
    /// Those with room on a disk.
    roomy: Set,
    /// Those of them that answer.
    ready: Set,
}

impl Candidates {
    /// Chooses code, sites and disks for a part that needs up to `need` bytes per
    /// fragment. The map is of the same epoch; what its sites can take may have changed.
    pub fn plan(
        &self,
        map: &SiteMap,
        need: ByteCount,
        random: &dyn Random,
    ) -> Result<SitePlacement, Refusal> {
        if self.epoch != map.epoch() && !units::planted::is_on("placement-stale-epoch") {
            return Err(Refusal::StaleMap { asked: self.epoch, map: map.epoch() });
        }
        if let Some(refusal) = &self.refusal {
            return Err(Refusal::clone(refusal));
        }
        let now = self.now(map, need);
        if self.promise == Promise::Disks {
            return self.plan_disks(&now, need, random);
        }
        let order = now.order(random);
        let codes = self.promise.codes(self.home.is_some());
        // Of codes that survive as much, one that is whole at once comes before any that
        // waits for a site.
        for same in codes.chunk_by(|one, other| one.survive == other.survive) {
            for may_wait in [false, true] {
                for code in same {
                    let chosen = self.choose(&now, *code, may_wait, &order, need);
                    let chosen = chosen.map_err(|TooLong| Refusal::SearchTooLong)?;
                    let Some(chosen) = chosen else { continue };
                    let placement = self.fill(&now, *code, &chosen, need, random);
                    let breach = placement.check(map, self, need);
                    assert_eq!(breach, Ok(()), "a placement must keep what the policy asks for");
                    return Ok(placement);
                }
            }
        }
        Err(self.not_now(&now, need).unwrap_or(Refusal::SearchTooLong))
    }

    /// A placement by this code, of which every site answers; nothing if there is none now.
    pub(super) fn plan_whole(
        &self,
        map: &SiteMap,
        code: Code,
        need: ByteCount,
        random: &dyn Random,
    ) -> Result<Option<SitePlacement>, TooLong> {
        let now = self.now(map, need);
        let chosen = self.choose(&now, code, false, &now.order(random), need)?;
        Ok(chosen.map(|chosen| self.fill(&now, code, &chosen, need, random)))
    }

    fn now<'m>(&self, map: &'m SiteMap, need: ByteCount) -> Now<'m> {
        let entries: Vec<&SiteEntry> =
            self.sites.iter().filter_map(|facts| map.site(facts.id)).collect();
        // With the same epoch no candidate is missing; with a bug planted, whatever is there.
        let mut now = Now { roomy: 0, ready: 0, entries };
        for (at, entry) in now.entries.iter().enumerate() {
            if entry.disks_healthy().any(|disk| disk.free >= need) {
                now.roomy |= only(at);
                now.ready |= if entry.reachable { only(at) } else { 0 };
            }
        }
        now
    }

    /// A placement on the disks of the only site there is.
    fn plan_disks(
        &self,
        now: &Now<'_>,
        need: ByteCount,
        random: &dyn Random,
    ) -> Result<SitePlacement, Refusal> {
        let at = self.home.unwrap_or_default();
        let Some(entry) = now.entries.get(at) else {
            return Err(Refusal::NoSite { refused: self.refused.clone() });
        };
        let disks: Vec<DiskFacts> = entry.disks.iter().map(|disk| disk.facts).collect();
        let site = entry.id();
        let refusal = |why| Refusal::Disks { site: Box::new(SiteShown::from(*entry)), why };
        let placement = place(&disks, need, random).map_err(refusal)?;
        let slots = placement.slots.into_iter().map(|disk| Slot { site, disk }).collect();
        Ok(SitePlacement { epoch: self.epoch, geometry: placement.geometry, slots })
    }

    /// The sites elsewhere for a code, in the order of their slots: as few as possible
    /// that are away.
    fn choose(
        &self,
        now: &Now<'_>,
        code: Code,
        may_wait: bool,
        order: &[usize],
        need: ByteCount,
    ) -> Result<Option<Vec<usize>>, TooLong> {
        let mut home_is_away = false;
        if let Some(home) = self.home {
            let room = now.entries.get(home).map_or(0, |site| room(site, need));
            if room < code.at_home {
                return Ok(None);
            }
            home_is_away = now.ready & only(home) == 0;
        }
        let Some(away_max) = code.away_max(home_is_away) else { return Ok(None) };
        if home_is_away && !may_wait {
            return Ok(None);
        }
        let away_max = if may_wait { away_max } else { 0 };
        let open = self.beside_home(now.roomy);
        let order: Vec<usize> = order.iter().copied().filter(|at| open & only(*at) != 0).collect();
        for away in 0..=away_max {
            let chosen = self.conflicts.choose(&order, code.elsewhere, !now.ready, away)?;
            if chosen.is_some() {
                return Ok(chosen);
            }
        }
        Ok(None)
    }

    fn fill(
        &self,
        now: &Now<'_>,
        code: Code,
        chosen: &[usize],
        need: ByteCount,
        random: &dyn Random,
    ) -> SitePlacement {
        let mut slots = Vec::with_capacity(usize::from(code.geometry.total()));
        if let Some(entry) = self.home.and_then(|home| now.entries.get(home)) {
            let count = code.at_home - usize::from(units::planted::is_on("placement-home-short"));
            slots.extend(disks_at(entry, count, need, random));
        }
        for entry in chosen.iter().filter_map(|at| now.entries.get(*at)) {
            slots.extend(disks_at(entry, 1, need, random));
        }
        SitePlacement { epoch: self.epoch, geometry: code.geometry, slots }
    }

    /// Why what the rule promises cannot be kept now.
    fn not_now(&self, now: &Now<'_>, need: ByteCount) -> Result<Refusal, TooLong> {
        let away = |at: usize| {
            let entry = now.entries.get(at)?;
            let most = entry.disks_healthy().map(|disk| disk.free).max();
            let why = match most {
                None => Why::NoHealthyDisk,
                Some(free) if free < need => Why::NoRoom { need, free },
                Some(_) if !entry.reachable => Why::Unreachable,
                Some(_) => return None,
            };
            Some((at, Refused { site: SiteShown::from(*entry), why }))
        };
        let away: Vec<(usize, Refused)> = positions(self.all()).filter_map(away).collect();
        if let Some((_, refused)) = away.iter().find(|(at, _)| Some(*at) == self.home) {
            return Ok(Refusal::HomeRefused(Box::new(refused.clone())));
        }
        let asked = match (self.promise, self.rule.survive_least()) {
            (Promise::Exact { geometry, .. }, _) => Asked::Geometry(geometry),
            (_, Some(survive)) => Asked::Survive(survive),
            _ => Asked::Cluster,
        };
        let wanted = self.promise.sites_least(self.home.is_some());
        let not_now = away.into_iter().map(|(_, refused)| refused).collect();
        self.too_few(asked, wanted, now.ready, not_now)
    }

    /// A set of sites that keeps the rule if all answer and have room.
    pub(super) fn example(&self) -> Result<(Option<Geometry>, Vec<SiteId>), TooLong> {
        let order: Vec<usize> = positions(self.beside_home(self.all())).collect();
        for code in self.promise.codes(self.home.is_some()) {
            if let Some(chosen) = self.conflicts.choose(&order, code.elsewhere, 0, 0)? {
                let all = self.home.iter().chain(&chosen);
                return Ok((Some(code.geometry), all.filter_map(|at| self.id(*at)).collect()));
            }
        }
        let first = self.home.unwrap_or_default();
        Ok((None, self.id(first).into_iter().collect()))
    }
}

impl Now<'_> {
    /// All candidates with room, drawn by their free room; those that answer first.
    fn order(&self, random: &dyn Random) -> Vec<usize> {
        let mut order = Vec::with_capacity(SITES_MAX);
        for set in [self.ready, self.roomy & !self.ready] {
            let mut left: Vec<usize> = positions(set).collect();
            let mut weights: Vec<u128> =
                left.iter().map(|at| self.entries.get(*at).map_or(0, |site| free(site))).collect();
            while !left.is_empty() {
                let at = draw_by_weight(&weights, random);
                order.push(left.swap_remove(at));
                weights.swap_remove(at);
            }
        }
        order
    }
}

/// Free room of a site, the sum of its healthy disks.
fn free(site: &SiteEntry) -> u128 {
    site.disks_healthy().map(|disk| u128::from(disk.free.get())).sum()
}

/// How many fragments of this size fit on the disks of a site, up to a few more than any
/// code has.
fn room(site: &SiteEntry, need: ByteCount) -> usize {
    let most = u64::try_from(units::limits::FRAGMENTS_MAX).unwrap_or(u64::MAX);
    let fit = |disk: DiskFacts| disk.free.get().checked_div(need.get()).unwrap_or(most).min(most);
    let all: u64 = site.disks_healthy().map(fit).fold(0, u64::saturating_add);
    usize::try_from(all).unwrap_or(usize::MAX)
}

/// Disks of one site for so many fragments of a part: each on a disk of its own as long
/// as there are enough, drawn by free room.
pub(super) fn disks_at(
    site: &SiteEntry,
    count: usize,
    need: ByteCount,
    random: &dyn Random,
) -> Vec<Slot> {
    let roomy = |disk: &DiskFacts| disk.free >= need;
    let all: Vec<DiskFacts> = site.disks_healthy().filter(roomy).collect();
    let mut left = all.clone();
    let mut slots = Vec::with_capacity(count);
    while slots.len() < count && !left.is_empty() {
        let at = draw(&left, random);
        let disk = left.swap_remove(at);
        slots.push(Slot { site: site.id(), disk: disk.id });
        if left.is_empty() {
            // Another round, on those with room for one more than they were given.
            let given = |disk: &DiskFacts| slots.iter().filter(|slot| slot.disk == disk.id).count();
            let fits = |disk: &&DiskFacts| {
                let given = u64::try_from(given(disk)).unwrap_or(u64::MAX);
                disk.free.get() >= need.get().saturating_mul(given.saturating_add(1))
            };
            left = all.iter().filter(fits).copied().collect();
        }
    }
    slots
}
