//! The sites that a policy leaves, and which of them go together: what a policy and a
//! site map say before anything is known of free room.
//!
//! It is made once per policy, subject and epoch, and asked for every part that is
//! written; [`Candidates::until`] says when time alone makes it stale.
//!
//! **Invariant**: [`Candidates::of`] gives some only if the sites there are can keep the
//! rule; otherwise there is a [`Refusal`].

use std::sync::Arc;

use units::{Epoch, SiteId, Timestamp};

use super::promise::Promise;
use super::search::{Conflicts, Set, TooLong, only, positions};
use crate::facts::Metres;
use crate::limits::SITES_MAX;
use crate::refusal::{Asked, Refusal, Refused, SiteShown, TooFew, Unstated, Why};
use crate::{
    Action, Distinct, Policy, SiteEntry, SiteFacts, SiteMap, SiteState, SpreadRule, Subject,
    Verdict,
};

/// The sites that may hold fragments, of those that a map shows at one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    pub(super) epoch: Epoch,
    pub(super) rule: SpreadRule,
    /// Active and permitted, ordered by id.
    pub(super) sites: Vec<Arc<SiteFacts>>,
    pub(super) conflicts: Conflicts,
    pub(super) home: Option<usize>,
    pub(super) refused: Vec<Refused>,
    pub(super) promise: Promise,
    /// Why the rule cannot be kept, if it cannot: then nothing new is placed.
    pub(super) refusal: Option<Box<Refusal>>,
    until: Option<Timestamp>,
}

impl Candidates {
    /// Asks a policy about every site of a map, and whether its rule can be kept.
    pub fn of(
        map: &SiteMap,
        policy: &Policy,
        subject: Subject<'_>,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut candidates = Self::survey(map, policy, subject, now);
        candidates.refusal.take().map_or(Ok(candidates), |refusal| Err(*refusal))
    }

    /// The same also if the rule cannot be kept ([`Self::refusal`] says why): parts that
    /// lie where they must not drift all the same, and are moved as far as can be. Nothing
    /// new is placed then.
    pub fn survey(map: &SiteMap, policy: &Policy, subject: Subject<'_>, now: Timestamp) -> Self {
        let rule = policy.rule().clone();
        let mut sites = Vec::new();
        let mut refused = Vec::new();
        let all: Vec<&SiteEntry> = map.sites().iter().collect();
        let verdicts = policy.verdicts(Action::Store, subject, &all, now);
        assert_eq!(verdicts.len(), all.len(), "a verdict for each site");
        for (entry, verdict) in all.into_iter().zip(verdicts) {
            let why = match (entry.state, verdict) {
                (SiteState::Draining, _) => Why::Draining,
                (SiteState::Active, Verdict::Permitted) => match unstated(&rule, entry) {
                    None => {
                        sites.push(Arc::clone(&entry.facts));
                        continue;
                    }
                    Some(asked) => Why::NotStated { asked },
                },
                (SiteState::Active, verdict) => Why::Policy(verdict),
            };
            refused.push(Refused { site: SiteShown::from(entry), why });
        }
        let home = home(map, &rule, &sites, &refused);
        let conflicts = conflicts(&rule, &sites);
        let changes = map.sites().iter().filter_map(|site| site.facts.statement.next_change(now));
        let least = rule.survive_least().unwrap_or(1);
        let mut candidates = Self {
            epoch: map.epoch(),
            rule,
            sites,
            conflicts,
            home: home.as_ref().ok().copied().flatten(),
            refused,
            promise: Promise::Table { data_max: 1, best: least, least },
            refusal: None,
            until: changes.min(),
        };
        let refusal = match home {
            Err(refusal) => Some(refusal),
            Ok(_) if candidates.sites.is_empty() => {
                Some(Refusal::NoSite { refused: candidates.refused.clone() })
            }
            Ok(_) => match candidates.promised() {
                Ok(promise) => {
                    candidates.promise = promise;
                    None
                }
                Err(refusal) => Some(refusal),
            },
        };
        candidates.refusal = refusal.map(Box::new);
        candidates
    }

    /// Why the rule cannot be kept; nothing if it can.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_deref()
    }

    /// The epoch of the map that was asked.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The rule they were made for.
    pub fn rule(&self) -> &SpreadRule {
        &self.rule
    }

    /// The instant from which the policy may say something else, since a certificate
    /// begins or ends; nothing if only another map changes it.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The sites that may hold fragments.
    pub fn sites(&self) -> impl Iterator<Item = &SiteFacts> {
        self.sites.iter().map(|site| &**site)
    }

    /// Whether a site may hold fragments.
    pub fn contains(&self, site: SiteId) -> bool {
        self.position(site).is_some()
    }

    /// The sites that may not, and why.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    pub(super) fn position(&self, site: SiteId) -> Option<usize> {
        self.sites.iter().position(|facts| facts.id == site)
    }

    pub(super) fn id(&self, at: usize) -> Option<SiteId> {
        self.sites.get(at).map(|facts| facts.id)
    }

    pub(super) fn all(&self) -> Set {
        (0..self.sites.len()).fold(0, |all, at| all | only(at))
    }

    /// Those of a set that may be chosen beside home: all if there is none.
    pub(super) fn beside_home(&self, set: Set) -> Set {
        match self.home {
            Some(home) => set & !only(home) & !self.conflicts.with(home),
            None => set,
        }
    }

    /// How many of a set go together, home among them if there is one.
    pub(super) fn number(&self, set: Set) -> Result<usize, TooLong> {
        let home = usize::from(self.home.is_some());
        Ok(home + self.conflicts.clique_number(self.beside_home(set), SITES_MAX)?)
    }

    /// The refusal for want of sites: what of `open` goes together is too little.
    /// `not_now` are those of the candidates that are out of the question now.
    pub(super) fn too_few(
        &self,
        asked: Asked,
        wanted: usize,
        open: Set,
        not_now: Vec<Refused>,
    ) -> Result<Refusal, TooLong> {
        let beside = self.beside_home(open);
        let number = self.conflicts.clique_number(beside, SITES_MAX)?;
        let order: Vec<usize> = positions(beside).collect();
        let mut fitting: Vec<usize> = self.home.into_iter().collect();
        fitting.extend(self.conflicts.choose(&order, number, 0, 0)?.unwrap_or_default());
        let mut refused = self.refused.clone();
        refused.extend(not_now);
        for at in positions(open).filter(|at| !fitting.contains(at)) {
            refused.extend(self.spread_conflict(at, &fitting));
        }
        refused.sort_by_key(|refused| (refused.why.step(), refused.site.id));
        let shown = |at: &usize| self.sites.get(*at).map(|facts| SiteShown::from(&**facts));
        Ok(Refusal::TooFew(Box::new(TooFew {
            asked,
            distinct: self.rule.distinct,
            min_distance: self.rule.min_distance,
            home: self.home.as_ref().and_then(shown),
            wanted,
            fitting: fitting.iter().filter_map(shown).collect(),
            refused,
        })))
    }

    /// Why a site does not go with those chosen.
    fn spread_conflict(&self, at: usize, chosen: &[usize]) -> Option<Refused> {
        let facts = self.sites.get(at)?;
        let with = chosen.iter().filter(|other| self.conflicts.with(at) & only(**other) != 0);
        let with = self.sites.get(*with.min()?)?;
        let distinct = self.rule.distinct;
        let shown = SiteShown::from(&**with);
        let why = if distinct.is_same(facts, with) {
            Why::SameDomain { distinct, with: shown }
        } else {
            let distance = facts.statement.position.distance(with.statement.position);
            Why::TooClose { with: shown, distance, least: self.rule.min_distance }
        };
        Some(Refused { site: SiteShown::from(&**facts), why })
    }
}

/// The position of the home among the candidates.
fn home(
    map: &SiteMap,
    rule: &SpreadRule,
    sites: &[Arc<SiteFacts>],
    refused: &[Refused],
) -> Result<Option<usize>, Refusal> {
    let Some(home) = &rule.home else { return Ok(None) };
    let mut meant = map.sites().iter().filter(|site| home.means(site));
    let Some(site) = meant.next() else {
        return Err(Refusal::HomeUnknown { home: home.clone() });
    };
    if meant.next().is_some() {
        return Err(Refusal::HomeAmbiguous { home: home.clone() });
    }
    if let Some(refused) = refused.iter().find(|refused| refused.site.id == site.id()) {
        return Err(Refusal::HomeRefused(Box::new(refused.clone())));
    }
    Ok(sites.iter().position(|facts| facts.id == site.id()))
}

/// What the rule goes by and the site has not stated, if so.
fn unstated(rule: &SpreadRule, site: &SiteEntry) -> Option<Unstated> {
    if !site.facts.statement.is_unstated() || units::planted::is_on("placement-trusts-unstated") {
        None
    } else if rule.min_distance > Metres::default() {
        Some(Unstated::Distance)
    } else {
        (rule.distinct != Distinct::Site).then_some(Unstated::Distinct(rule.distinct))
    }
}

fn conflicts(rule: &SpreadRule, sites: &[Arc<SiteFacts>]) -> Conflicts {
    let others = |facts: &Arc<SiteFacts>| {
        let clashes = |(at, other): (usize, &Arc<SiteFacts>)| {
            (facts.id != other.id && !goes_with(rule, facts, other)).then_some(only(at))
        };
        sites.iter().enumerate().filter_map(clashes).fold(0, |set, one| set | one)
    };
    Conflicts { of: sites.iter().map(others).collect() }
}

/// Whether two sites may each hold fragments of one part.
pub(super) fn goes_with(rule: &SpreadRule, one: &SiteFacts, other: &SiteFacts) -> bool {
    let distinct = !rule.distinct.is_same(one, other)
        || (one.id != other.id && units::planted::is_on("placement-two-on-one-domain"));
    let is_far = rule.min_distance == Metres::default()
        || units::planted::is_on("placement-forgets-distance")
        || one.statement.position.distance(other.statement.position) >= rule.min_distance;
    distinct && is_far
}
