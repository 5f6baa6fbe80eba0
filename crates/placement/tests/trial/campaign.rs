//! A seeded history of a cluster: sites join, drain, leave, go away, come back, state
//! something else; certificates end, policies change, parts are written and moved step
//! by step. An independent judge counts violations at each step.
//!
//! What a policy permits is said twice: as a Cedar text to the planner, as a function to
//! the judge.

use std::sync::Arc;

use placement::{
    Candidates, Distinct, Policy, Refusal, SiteDisk, SiteEntry, SiteFacts, SiteMap, SiteState,
    SiteStatement, SpreadRule, Stuck, guarantee,
};
use units::{ByteCount, DiskId, Epoch, Random, SimRandom, Timestamp};

use super::judge::{goes_with, groups, most_together, survives};
use super::{GIB, NOW, OPERATORS, SUBJECT, TOWNS, certified, entry, statement};

const NEED: ByteCount = ByteCount::new(GIB);
const DAY_SECONDS: i64 = 86_400;
const SITES_MAX: usize = 9;

/// What a policy permits, for the judge.
type May = fn(&SiteStatement, Timestamp) -> bool;

/// Cedar texts, and what they mean.
const PERMISSIONS: [(&str, May); 6] = [
    ("", |_, _| true),
    (
        r#"permit (principal, action == Action::"store", resource)
           when { resource.country == "FR" && resource.control_in_eu };"#,
        |site, _| matches!(site.operator.control_country.as_str(), "FR" | "DE"),
    ),
    (
        r#"permit (principal, action == Action::"store", resource)
           when { resource.certifications.contains("HDS") };"#,
        |site, now| {
            let day = |date: placement::facts::Date| date.to_string();
            let today = day(placement::facts::Date::of(now));
            site.certifications.iter().any(|held| {
                held.name.as_str() == "HDS" && day(held.from) <= today && today <= day(held.until)
            })
        },
    ),
    (
        r#"permit (principal, action == Action::"store", resource);
           forbid (principal, action, resource)
           when { resource has siren && resource.siren == "732829320" };"#,
        |site, _| site.operator.name.as_str() != "Hébergeur Breton",
    ),
    (
        // An overflow west of 3.07 degrees: an error, and so a deny, at Brest only.
        r#"permit (principal, action == Action::"store", resource);
           forbid (principal, action, resource)
           when { resource.longitude * 3000000000000 > 0 };"#,
        |site, _| site.commune.as_str() != "29019",
    ),
    (
        r#"permit (principal, action in [Action::"store", Action::"process"], resource)
           unless { resource.departement == "35" };"#,
        |site, _| site.departement.as_str() != "35",
    ),
];

/// Rules of spread.
const SPREADS: [&str; 10] = [
    "",
    "prefer = 'space'",
    "survive = 2",
    "distinct = 'commune'",
    "distinct = 'departement'",
    "distinct = 'operator'\nsurvive = 1",
    "min_distance_km = 5",
    "min_distance_km = 90\nsurvive = 1",
    "distinct = 'commune'\nmin_distance_km = 6\nsurvive = 2",
    "geometry = '2+1'",
];

/// What happened in one history.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub placed: usize,
    pub refused: usize,
    pub stale: usize,
    pub rebuilt: usize,
    pub moves: usize,
    pub settled: usize,
    pub stuck: usize,
    /// Of those that are stuck, parts for which there were sites all the same.
    pub stuck_possible: usize,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.placed += other.placed;
        self.refused += other.refused;
        self.stale += other.stale;
        self.rebuilt += other.rebuilt;
        self.moves += other.moves;
        self.settled += other.settled;
        self.stuck += other.stuck;
        self.stuck_possible += other.stuck_possible;
    }
}

struct Part {
    geometry: placement::Geometry,
    slots: Vec<DiskId>,
}

struct World {
    random: SimRandom,
    now: Timestamp,
    epoch: u64,
    next: usize,
    sites: Vec<SiteEntry>,
    policies: Arc<Vec<Vec<Policy>>>,
    permission: usize,
    spread: usize,
    parts: Vec<Part>,
    cached: Option<Candidates>,
    tally: Tally,
}

/// Policies are read once: all pairs of a text and a rule, and each of them with a home.
fn policies() -> Vec<Vec<Policy>> {
    let read = |cedar: &str, spread: &str| {
        let cedar = if cedar.is_empty() { String::new() } else { format!("cedar = '''{cedar}'''") };
        super::policy(&format!("{cedar}\n[spread]\n{spread}\n"))
    };
    let all = |(cedar, _): &(&str, May)| {
        let plain = SPREADS.iter().map(|spread| read(cedar, spread));
        let homes = ["home = 'site 1'", "home = 'site 2'\nsurvive = 1\nmin_distance_km = 5"];
        plain.chain(homes.iter().map(|spread| read(cedar, spread))).collect()
    };
    PERMISSIONS.iter().map(all).collect()
}

/// Runs histories one after the other; policies are read once for all.
pub struct Campaign {
    policies: Arc<Vec<Vec<Policy>>>,
}

impl Campaign {
    pub fn new() -> Self {
        Self { policies: Arc::new(policies()) }
    }

    /// One history; an error names the first violation.
    pub fn run(&self, seed: u64, events: usize) -> Result<Tally, String> {
        let mut world = World {
            random: SimRandom::seeded(seed),
            now: NOW,
            epoch: 1,
            next: 0,
            sites: Vec::new(),
            policies: Arc::clone(&self.policies),
            permission: 0,
            spread: 0,
            parts: Vec::new(),
            cached: None,
            tally: Tally::default(),
        };
        world.begin();
        for event in 0..events {
            let told = |what| format!("seed {seed}, event {event}: {what}");
            world.event();
            world.write().map_err(told)?;
            for part in 0..world.parts.len() {
                world.rebuild(part).map_err(told)?;
                world.settle(part).map_err(told)?;
            }
        }
        Ok(world.tally)
    }
}

impl World {
    fn below(&self, end: usize) -> usize {
        let mut bytes = [0_u8; 8];
        self.random.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % end.max(1) as u64).unwrap_or(0)
    }

    fn begin(&mut self) {
        for _ in 0..2 + self.below(5) {
            self.join();
        }
        self.policy_change();
    }

    fn statement(&self, number: usize) -> SiteStatement {
        let name = format!("site {number}");
        if self.below(12) == 0 {
            return SiteStatement::unstated(&name).unwrap_or_else(|error| panic!("{error}"));
        }
        let (town, operator) = (self.below(TOWNS.len()), self.below(OPERATORS.len()));
        let mut said = statement(&name, town, operator);
        if self.below(3) > 0 {
            let until = ["2026-06-10", "2026-07-31", "2030-12-31"][self.below(3)];
            said.certifications.push(certified("HDS", "2026-01-01", until));
        }
        said
    }

    fn join(&mut self) {
        let number = self.next;
        self.next += 1;
        let mut site = entry(number, self.statement(number), 1 + self.below(3));
        for disk in &mut site.disks {
            disk.facts.free = ByteCount::new((5 + self.below(80) as u64) * GIB);
        }
        self.sites.push(site);
    }

    fn policy_change(&mut self) {
        self.permission = self.below(PERMISSIONS.len());
        self.spread = self.below(SPREADS.len() + 2);
        self.cached = None;
    }

    fn policy(&self) -> &Policy {
        &self.policies[self.permission][self.spread]
    }

    fn event(&mut self) {
        let at = self.below(self.sites.len());
        self.epoch += 1;
        match self.below(12) {
            0 | 1 if self.sites.len() < SITES_MAX => self.join(),
            2 => self.sites[at].state = SiteState::Draining,
            3 => self.sites[at].state = SiteState::Active,
            4 | 5 => {
                self.epoch -= 1;
                self.sites[at].reachable ^= true;
            }
            6 => {
                let number = self.sites[at].facts.statement.name.as_str().len();
                let mut said = self.statement(number);
                said.name = self.sites[at].facts.statement.name.clone();
                let id = self.sites[at].id();
                self.sites[at].facts = Arc::new(SiteFacts { id, statement: said });
            }
            7 => {
                // Time alone: the epoch stays.
                self.epoch -= 1;
                let days = i64::try_from(1 + self.below(20)).unwrap_or(1);
                self.now = Timestamp::from_seconds(self.now.seconds() + days * DAY_SECONDS);
            }
            8 => {
                self.epoch -= 1;
                let disk = self.below(self.sites[at].disks.len());
                self.sites[at].disks[disk].facts.healthy ^= true;
            }
            9 => self.leave(at),
            10 => {
                self.epoch -= 1;
                let free = ByteCount::new(self.below(100) as u64 * GIB);
                for SiteDisk { facts, .. } in &mut self.sites[at].disks {
                    facts.free = free;
                }
            }
            _ => self.policy_change(),
        }
    }

    /// A site leaves once nothing lies on it any more.
    fn leave(&mut self, at: usize) {
        let held =
            |disk: &SiteDisk| self.parts.iter().any(|part| part.slots.contains(&disk.facts.id));
        if self.sites.len() > 1 && !self.sites[at].disks.iter().any(held) {
            self.sites.remove(at);
        }
    }

    fn map(&self) -> Result<SiteMap, String> {
        SiteMap::new(Epoch::new(self.epoch), self.sites.clone()).map_err(|error| error.to_string())
    }

    /// Sites that may hold something, as the judge sees it.
    fn permitted<'m>(&self, map: &'m SiteMap) -> Vec<&'m SiteEntry> {
        let may = PERMISSIONS[self.permission].1;
        // All texts but the empty one ask for what a site states, and so do some rules.
        let spread = SPREADS.get(self.spread).copied().unwrap_or_default();
        let asks_stated = self.permission > 0
            || ["distinct", "min_distance"].iter().any(|field| spread.contains(field));
        let good = |site: &&SiteEntry| {
            let said = &site.facts.statement;
            let is_known = !asks_stated || said.country.as_str() == "FR";
            site.state == SiteState::Active && is_known && may(said, self.now)
        };
        map.sites().iter().filter(good).collect()
    }

    /// Candidates, asked for anew only when they must be.
    fn candidates(&mut self, map: &SiteMap) -> Result<Result<Candidates, Refusal>, String> {
        if let Some(cached) = &self.cached {
            let timely = cached.until().is_none_or(|until| self.now < until);
            if timely && cached.epoch() == map.epoch() {
                return Ok(Ok(cached.clone()));
            }
            if timely && cached.epoch() != map.epoch() {
                // Somebody who was slow to notice.
                let stale = cached.plan(map, NEED, &self.random);
                if !matches!(stale, Err(Refusal::StaleMap { .. })) {
                    return Err(format!("a stale map was used: {stale:?}"));
                }
                self.tally.stale += 1;
            }
        }
        self.cached = None;
        let policy = &self.policies[self.permission][self.spread];
        let asked = Candidates::of(map, policy, SUBJECT, self.now);
        self.cached = asked.as_ref().ok().cloned();
        Ok(asked)
    }

    fn write(&mut self) -> Result<(), String> {
        let map = self.map()?;
        let good = self.permitted(&map);
        let rule = self.policy().rule().clone();
        let placed = match self.candidates(&map)? {
            Ok(candidates) => candidates.plan(&map, NEED, &self.random),
            Err(refusal) => Err(refusal),
        };
        match placed {
            Err(_) => self.tally.refused += 1,
            Ok(placed) => {
                let slots = placed.disks();
                let sites = sites_of(&map, &slots);
                if let Some(site) = sites.iter().find(|site| !good.contains(site)) {
                    return Err(format!("written to {}, which must not hold it", site.id()));
                }
                let together = beyond(&map, &rule, placed.geometry, &slots);
                let expected = most_together(&rule, &good);
                if together > 0 && expected > 1 && !is_alone(&rule, &map, &good) {
                    return Err(format!("{together} slots do not go with the others: {placed:?}"));
                }
                let data = usize::from(placed.geometry.data());
                let survived = survives(data, &groups(&rule, &sites)).unwrap_or(0);
                let least = rule.survive_least().map_or(0, usize::from);
                if survived < least {
                    return Err(format!("survives {survived}, not {least}"));
                }
                Self::guaranteed(
                    &map,
                    &placed.slots.iter().map(|slot| slot.disk).collect::<Vec<_>>(),
                    placed.geometry,
                )?;
                self.tally.placed += 1;
                if self.parts.len() < 4 {
                    self.parts.push(Part { geometry: placed.geometry, slots });
                } else {
                    let at = self.below(4);
                    self.parts[at] = Part { geometry: placed.geometry, slots };
                }
            }
        }
        Ok(())
    }

    /// What is said to survive must do so.
    fn guaranteed(
        map: &SiteMap,
        slots: &[DiskId],
        geometry: placement::Geometry,
    ) -> Result<(), String> {
        let said = guarantee(geometry, slots, map);
        let rule = SpreadRule::default();
        assert_eq!(rule.distinct, Distinct::Site);
        let there: Vec<&SiteEntry> = slots
            .iter()
            .filter_map(|disk| {
                let site = map.site(map.site_of(*disk)?)?;
                site.disks
                    .iter()
                    .any(|held| held.facts.id == *disk && held.facts.healthy)
                    .then_some(site)
            })
            .collect();
        let found = survives(usize::from(geometry.data()), &groups(&rule, &there));
        if said.sites == found {
            Ok(())
        } else {
            Err(format!("said to survive {:?} sites, and survives {found:?}", said.sites))
        }
    }

    /// Rebuilds what lies on a disk that is gone, unhealthy or away, where that can be.
    fn rebuild(&mut self, at: usize) -> Result<(), String> {
        let map = self.map()?;
        let Ok(candidates) = self.candidates(&map)? else { return Ok(()) };
        let good = self.permitted(&map);
        let rule = self.policy().rule().clone();
        let geometry = self.parts[at].geometry;
        for lost in 0..self.parts[at].slots.len() {
            let slots = self.parts[at].slots.clone();
            let takes = |disk: &DiskId| {
                let site = map.site_of(*disk).and_then(|site| map.site(site));
                site.is_some_and(|site| {
                    let held = site.disks.iter().find(|held| held.facts.id == *disk);
                    site.reachable && held.is_some_and(|held| held.facts.healthy)
                })
            };
            if takes(&slots[lost]) {
                continue;
            }
            let built = candidates.rebuild(&map, geometry, &slots, lost, NEED, &self.random);
            let Ok(built) = built else { continue };
            let site = map.site(built.site).ok_or("rebuilt at no site")?;
            if !good.contains(&site) || !takes(&built.disk) || slots.contains(&built.disk) {
                return Err(format!("rebuilt at {}, which cannot take it", built.site));
            }
            let mut rest = slots.clone();
            rest.remove(lost);
            let mut after = rest.clone();
            after.push(built.disk);
            let alone = is_alone(&rule, &map, &good);
            if !alone
                && beyond(&map, &rule, geometry, &after) > beyond(&map, &rule, geometry, &rest)
            {
                return Err(format!("rebuilt where it does not go with the others: {built:?}"));
            }
            self.parts[at].slots[lost] = built.disk;
            self.tally.rebuilt += 1;
        }
        Ok(())
    }

    /// Moves a part step by step until there is nothing to do; counts what gets worse.
    fn settle(&mut self, at: usize) -> Result<(), String> {
        let map = self.map()?;
        let policy = &self.policies[self.permission][self.spread];
        let candidates = match self.cached.clone().filter(|held| held.epoch() == map.epoch()) {
            Some(candidates) if candidates.until().is_none_or(|until| self.now < until) => {
                candidates
            }
            _ => Candidates::survey(&map, policy, SUBJECT, self.now),
        };
        let good = self.permitted(&map);
        let rule = self.policy().rule().clone();
        if candidates.refusal().is_some() && rule.home.is_some() {
            // Without its home the judge has no measure for such a rule.
            return Ok(());
        }
        let alone = is_alone(&rule, &map, &good) && candidates.refusal().is_none();
        let geometry = self.parts[at].geometry;
        let refused = |slots: &[DiskId]| {
            let sites = sites_of(&map, slots);
            slots.len() - sites.iter().filter(|site| good.contains(site)).count()
        };
        let domains = |slots: &[DiskId]| groups(&rule, &sites_of(&map, slots)).len();
        for _ in 0..4 * self.parts[at].slots.len() {
            let slots = self.parts[at].slots.clone();
            let wrong = refused(&slots);
            let crowded = beyond(&map, &rule, geometry, &slots);
            let drifts = candidates.drifts(&map, geometry, &slots);
            let told = drifts.iter().filter(|drift| drift.slot.is_some()).count();
            if !alone && told < wrong.max(crowded) {
                return Err(format!("{told} slots are said to drift, {wrong} and {crowded} do"));
            }
            let step = candidates.next_move(&map, geometry, &slots, NEED, &self.random);
            let step = match step {
                Ok(Some(step)) => step,
                Ok(None) => {
                    if wrong > 0 || (crowded > 0 && !alone) {
                        return Err(format!("nothing moves: {wrong} refused, {crowded} crowded"));
                    }
                    self.tally.settled += 1;
                    return Ok(());
                }
                Err(Stuck::Refused(Refusal::StaleMap { .. })) => return Err("stale".to_owned()),
                Err(why) => {
                    self.tally.stuck += 1;
                    let ready = |site: &&SiteEntry| {
                        let roomy = |disk: &SiteDisk| disk.facts.healthy && disk.facts.free >= NEED;
                        let holds = sites_of(&map, &slots).contains(site);
                        (site.reachable && site.disks.iter().any(roomy)) || holds
                    };
                    let ready: Vec<&SiteEntry> = good.iter().copied().filter(ready).collect();
                    let enough = most_together(&rule, &ready) >= slots.len();
                    let possible = enough && why == Stuck::NoStep && rule.home.is_none();
                    self.tally.stuck_possible += usize::from(possible);
                    return Ok(());
                }
            };
            let target = map.site(step.site).ok_or("moved to no site")?;
            let disk = target.disks.iter().find(|disk| disk.facts.id == step.to);
            let takes = disk.is_some_and(|disk| disk.facts.healthy && disk.facts.free >= NEED);
            if !good.contains(&target) || !target.reachable || !takes || slots.contains(&step.to) {
                return Err(format!("moved to {}, which cannot take it", step.site));
            }
            let mut after = slots.clone();
            after[step.slot] = step.to;
            if slots[step.slot] != step.from {
                return Err("moved from where it is not".to_owned());
            }
            if refused(&after) > wrong {
                return Err("a step onto a site that must not hold it".to_owned());
            }
            if !alone && beyond(&map, &rule, geometry, &after) > crowded {
                return Err(format!("a step after which less goes together: {step:?} {rule:?}"));
            }
            // A home holds several fragments, if the code lets it: so many sites less.
            let home = rule.home.as_ref();
            let home = home.and_then(|home| map.sites().iter().find(|site| home.means(site)));
            let goal = match home {
                None => most_together(&rule, &good),
                Some(home) => {
                    let goes = |site: &&SiteEntry| goes_with(&rule, home, site);
                    let beside: Vec<&SiteEntry> = good.iter().copied().filter(goes).collect();
                    1 + most_together(&rule, &beside).min(slots.len() - home_share(geometry))
                }
            };
            let least = domains(&slots).min(goal);
            if domains(&after) < least && !alone {
                return Err(format!("a step to fewer than {least} domains: {step:?} {rule:?}"));
            }
            self.parts[at].slots = after;
            self.tally.moves += 1;
        }
        Err("the steps do not end".to_owned())
    }
}

fn sites_of<'m>(map: &'m SiteMap, slots: &[DiskId]) -> Vec<&'m SiteEntry> {
    slots.iter().filter_map(|disk| map.site(map.site_of(*disk)?)).collect()
}

/// Whether there is nothing to spread over: one site is all there is for the rule.
fn is_alone(rule: &SpreadRule, map: &SiteMap, good: &[&SiteEntry]) -> bool {
    let home = rule.home.as_ref().and_then(|home| map.sites().iter().find(|site| home.means(site)));
    match home {
        Some(home) => !good.iter().any(|site| goes_with(rule, home, site)),
        None => most_together(rule, good) < 2,
    }
}

/// Fragments that a home is to hold: a readable set, if as many are left without it.
fn home_share(geometry: placement::Geometry) -> usize {
    let (data, parity) = (geometry.data(), geometry.parity());
    usize::from(if parity >= data { data } else { 1 })
}

/// Slots beyond the most that go together, a home's share apart.
fn beyond(
    map: &SiteMap,
    rule: &SpreadRule,
    geometry: placement::Geometry,
    slots: &[DiskId],
) -> usize {
    let sites = sites_of(map, slots);
    let home = rule.home.as_ref().and_then(|home| map.sites().iter().find(|site| home.means(site)));
    let is_home = |site: &SiteEntry| home.is_some_and(|home| home.id() == site.id());
    let mut others: Vec<&SiteEntry> = Vec::new();
    for site in &sites {
        let clashes = home.is_some_and(|home| !goes_with(rule, home, site));
        if !is_home(site) && !clashes && !others.contains(site) {
            others.push(site);
        }
    }
    let at_home = sites.iter().filter(|site| is_home(site)).count().min(home_share(geometry));
    slots.len() - most_together(rule, &others) - at_home
}
