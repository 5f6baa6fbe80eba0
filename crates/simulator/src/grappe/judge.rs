//! A judge that looks at every change of where a part lies, in the order of the log, and
//! knows nothing of how placements are found.
//!
//! A fragment may come to a site only if the site is not being emptied and the policies of
//! all buckets of its part permit it, by the catalog as it was just before the batch or
//! just after it (one entry of the log may hold a policy and a part). By none of these
//! policies may a step leave fewer fragments that go together, or a part that fewer losses
//! take away (unless the sites there are allow no more), or as many fragments at one site as
//! can be read.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use catalog::{PartRow, PolicyScope, SiteMap, View};
use parking_lot::Mutex;
use placement::SiteStatement;
use units::{BucketId, DiskId, PartId};

use super::rules::Rule;

/// What it knows and has seen.
#[derive(Default)]
pub(crate) struct Judge {
    /// What the policies that were set mean.
    rules: Mutex<BTreeMap<String, Rule>>,
    violations: Mutex<Vec<String>>,
    judged: Mutex<u64>,
}

/// The sites of a view, and what they state.
pub(crate) struct Sites {
    pub(crate) map: SiteMap,
    pub(crate) statements: Vec<SiteStatement>,
}

impl Sites {
    pub(crate) fn of(view: &View) -> Result<Self> {
        let map = view.site_map()?;
        let said = |site: &catalog::Site| match &site.statement {
            Some(signed) => Ok(postcard::from_bytes(signed.bytes.as_slice())?),
            None => Ok(SiteStatement::unstated(site.name.as_str())?),
        };
        let statements = map.sites.iter().map(said).collect::<Result<_>>()?;
        Ok(Self { map, statements })
    }

    /// The position of the site at which a disk is.
    fn at(&self, disk: DiskId) -> Option<usize> {
        let site = self.map.site_of(disk)?.id;
        self.map.sites.iter().position(|other| other.id == site)
    }

    /// The sites that may take fragments under all these rules.
    fn may(&self, rules: &[Rule]) -> Vec<usize> {
        let all = self.map.sites.iter().zip(&self.statements).enumerate();
        let may = all.filter(|(_, (site, said))| {
            !site.is_draining() && rules.iter().all(|rule| rule.permits(said))
        });
        may.map(|(at, _)| at).collect()
    }

    /// How many pairs of these sites a rule keeps apart.
    fn clashes(&self, rule: &Rule, at: &[Option<usize>]) -> usize {
        let sites: Vec<usize> = at.iter().copied().flatten().collect();
        let pairs = sites
            .iter()
            .enumerate()
            .flat_map(|(first, one)| sites.iter().skip(first + 1).map(move |other| (*one, *other)));
        let said = |at: usize| &self.statements[at];
        pairs.filter(|(one, other)| !rule.go_together(said(*one), said(*other))).count()
    }

    /// The most of these sites that go together.
    fn together(&self, rule: &Rule, sites: &[usize]) -> usize {
        let sets = 0_u32..1 << sites.len().min(16);
        let sizes = sets.filter_map(|set| {
            let chosen: Vec<Option<usize>> = (0..sites.len())
                .filter(|position| set & (1 << position) != 0)
                .map(|position| Some(sites[position]))
                .collect();
            (self.clashes(rule, &chosen) == 0).then_some(chosen.len())
        });
        sizes.max().unwrap_or(0)
    }

    /// The most sites that may hold a part together.
    pub(crate) fn most_together(&self, rule: &Rule) -> usize {
        let may = self.may(core::slice::from_ref(rule));
        self.together(rule, &may)
    }
}

/// How a part is spread, by a rule.
#[derive(Debug)]
struct Spread {
    /// The site of each slot; none where its disk is on no map.
    lies: Vec<Option<String>>,
    /// The most slots that go together.
    together: usize,
    /// How many failure domains may be lost, and one more; none if it cannot be read.
    survives: usize,
    /// Most fragments of a stripe at one site, and as many as can be read.
    fullest: usize,
    data: usize,
    /// All of it is at one site.
    is_alone: bool,
    /// What it could survive, and one more, on the sites that there are.
    survives_most: usize,
    /// The most that go together of the sites that there are.
    together_most: usize,
}

impl Spread {
    fn of(sites: &Sites, rule: &Rule, row: &PartRow) -> Self {
        let at: Vec<Option<usize>> = row.slots.iter().map(|disk| sites.at(*disk)).collect();
        let present: Vec<usize> = at.iter().copied().flatten().collect();
        let said = |at: usize| &sites.statements[at];
        let apart = Rule { min_km: None, ..rule.clone() };
        let mut domains: Vec<(usize, usize)> = Vec::new();
        for site in &present {
            let is_of = |first: usize| !apart.go_together(said(first), said(*site));
            match domains.iter_mut().find(|(first, _)| is_of(*first)) {
                Some((_, held)) => *held += 1,
                None => domains.push((*site, 1)),
            }
        }
        let mut held: Vec<usize> = domains.iter().map(|(_, held)| *held).collect();
        held.sort_unstable_by_key(|held| core::cmp::Reverse(*held));
        let data = usize::from(row.data);
        let mut left = present.len();
        let mut survives = usize::from(left >= data);
        for one in held {
            left -= one;
            survives += usize::from(left >= data);
        }
        // On as many sites as go together now, as evenly as may be.
        let most = sites.most_together(rule).clamp(1, at.len());
        let mut rest = at.len();
        let mut survives_most = 1;
        for one in (0..most).map(|first| (at.len() + most - 1 - first) / most) {
            rest -= one;
            survives_most += usize::from(rest >= data);
        }
        let count = |site: &usize| present.iter().filter(|other| *other == site).count();
        let name = |at: Option<usize>| at.map(|at| sites.map.sites[at].name.to_string());
        Self {
            together: sites.together(rule, &present),
            survives,
            fullest: present.iter().map(count).max().unwrap_or(0),
            data,
            survives_most,
            together_most: most,
            is_alone: present.len() == at.len() && at.iter().all(|one| *one == at[0]),
            lies: at.into_iter().map(name).collect(),
        }
    }

    /// What is worse than it was, or for something new than it must be.
    fn worse_than(&self, before: Option<&Self>, rule: &Rule) -> Option<&'static str> {
        let Some(before) = before else {
            // A site that nothing else goes with spreads over its disks.
            let is_apart = self.together == self.lies.len();
            let may = is_apart || (self.is_alone && rule.survive.is_none());
            return (!may).then_some("slots that do not go together");
        };
        // What is spread over fewer sites than it was is so since there are no more.
        let lost = |of: &Self| of.lies.iter().filter(|site| site.is_none()).count();
        if lost(before) > lost(self) && self.together <= before.together && !self.is_alone {
            return Some("what was lost came beside another of its part");
        }
        if self.data > 1 && self.fullest >= self.data && self.fullest > before.fullest {
            return Some("one site can read it alone");
        }
        if self.together < before.together.min(self.together_most) {
            return Some("fewer go together");
        }
        let least = before.survives.min(self.survives_most);
        (self.survives < least).then_some("fewer losses take it away")
    }
}

/// Whether a part has another code than it had. One copy more is none.
fn is_recut(was: &PartRow, is: &PartRow) -> bool {
    let is_copied = is.data == 1 && is.parity > was.parity;
    was.codec != is.codec || was.data != is.data || (was.parity != is.parity && !is_copied)
}

impl Judge {
    /// Learns what a policy means, before it is set.
    pub(crate) fn learn(&self, rule: &Rule) -> String {
        let text = rule.text();
        self.rules.lock().insert(text.clone(), rule.clone());
        text
    }

    /// Where parts came to lie that must not lie there.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.lock().clone()
    }

    /// How many changes it has looked at.
    pub(crate) fn judged(&self) -> u64 {
        *self.judged.lock()
    }

    /// A part has changed.
    pub(crate) fn changed(&self, part: PartId, before: &View, after: &View) {
        match self.look(part, before, after) {
            Ok(None) => {}
            Ok(Some(said)) => self.violations.lock().push(said),
            Err(error) => self.violations.lock().push(format!("{part}: {error:#}")),
        }
    }

    fn look(&self, part: PartId, before: &View, after: &View) -> Result<Option<String>> {
        let (was, is) = (before.part(part)?, after.part(part)?);
        let Some(is) = is.filter(|row| row.references > 0) else { return Ok(None) };
        let kept = was.as_ref().filter(|was| !is_recut(was, &is));
        let old = kept.map(|row| row.slots.as_slice()).unwrap_or_default();
        let fresh: Vec<usize> =
            (0..is.slots.len()).filter(|at| old.get(*at) != is.slots.get(*at)).collect();
        if fresh.is_empty() {
            return Ok(None);
        }
        *self.judged.lock() += 1;
        let Some(said) = self.fault(after, was.as_ref(), &is, &fresh)? else { return Ok(None) };
        if self.fault(before, was.as_ref(), &is, &fresh)?.is_none() {
            return Ok(None);
        }
        Ok(Some(format!("{part}: {said}")))
    }

    /// What is wrong with these fresh slots by the rules and the map of a view.
    fn fault(
        &self,
        view: &View,
        was: Option<&PartRow>,
        is: &PartRow,
        fresh: &[usize],
    ) -> Result<Option<String>> {
        let sites = Sites::of(view)?;
        let rules = self.rules_of(view, &is.buckets)?;
        let at: Vec<Option<usize>> = is.slots.iter().map(|disk| sites.at(*disk)).collect();
        let may = sites.may(&rules);
        for slot in fresh {
            let Some(site) = at[*slot] else {
                return Ok(Some(format!("slot {slot} came to a disk that no node lists")));
            };
            if !may.contains(&site) {
                let (name, may) = (&sites.map.sites[site].name, names(&sites, &may));
                return Ok(Some(format!("slot {slot} came to {name}, may be at {may:?}")));
            }
        }
        for rule in &rules {
            let before = was.map(|was| Spread::of(&sites, rule, was));
            let then = Spread::of(&sites, rule, is);
            // What is cut anew lies like something new, and survives no less than it did.
            let recut_of = before.as_ref().filter(|_| was.is_some_and(|was| is_recut(was, is)));
            if let Some(before) = recut_of {
                let least = before.survives.min(then.survives_most);
                if then.survives < least || then.worse_than(None, rule).is_some() {
                    return Ok(Some(format!("{before:?} was cut into {then:?}, {rule:?}")));
                }
                continue;
            }
            if let Some(worse) = then.worse_than(before.as_ref(), rule) {
                let came = before.map_or_else(
                    || "written anew".to_owned(),
                    |before| format!("slots {fresh:?} of {before:?}"),
                );
                let epoch = sites.map.epoch;
                return Ok(Some(format!("{worse}: {then:?}, {came}, {epoch:?}, {rule:?}")));
            }
            if was.is_none() && rule.survive.is_some_and(|survive| is.parity < survive) {
                return Ok(Some(format!("{}+{} for {rule:?}", is.data, is.parity)));
            }
        }
        Ok(None)
    }

    /// What binds a part of these buckets; nothing of those that are gone.
    fn rules_of(&self, view: &View, of: &[BucketId]) -> Result<Vec<Rule>> {
        let mut rules = Vec::new();
        for bucket in view.buckets(None, 100)? {
            if of.contains(&bucket.id) {
                rules.push(self.rule_of(view, &bucket)?);
            }
        }
        Ok(rules)
    }

    /// What holds for a bucket.
    pub(crate) fn rule_of(&self, view: &View, bucket: &catalog::Bucket) -> Result<Rule> {
        let scopes = [
            PolicyScope::Bucket(bucket.id),
            PolicyScope::Tenant(bucket.tenant),
            PolicyScope::Cluster,
        ];
        for scope in scopes {
            if let Some(policy) = view.policy(scope)? {
                let known = self.rules.lock().get(&policy.text).cloned();
                return known.context("a policy that nobody has set");
            }
        }
        Ok(Rule::NONE)
    }

    /// Of all parts that are used: those that lie where they should; those that do not, and
    /// could.
    pub(crate) fn settled(&self, view: &View) -> Result<(u64, Vec<String>)> {
        let sites = Sites::of(view)?;
        let (mut fine, mut wrong) = (0, Vec::new());
        for (part, row) in view.parts(None, 10_000)? {
            let rules = self.rules_of(view, &row.buckets)?;
            // Policies that bind one part together may leave no step to take.
            let [rule] = rules.as_slice() else { continue };
            if row.references == 0 || sites.most_together(rule) < row.slots.len() {
                continue;
            }
            let at: Vec<Option<usize>> = row.slots.iter().map(|disk| sites.at(*disk)).collect();
            let may = sites.may(&rules);
            let is_fine = at.iter().all(|site| site.is_some_and(|site| may.contains(&site)))
                && sites.clashes(rule, &at) == 0;
            if is_fine {
                fine += 1;
                continue;
            }
            let lies: Vec<usize> = at.into_iter().flatten().collect();
            let (lies, may) = (names(&sites, &lies), names(&sites, &may));
            wrong.push(format!("{part} lies at {lies:?}, may at {may:?}, {rule:?}"));
        }
        Ok((fine, wrong))
    }
}

fn names(sites: &Sites, at: &[usize]) -> Vec<String> {
    at.iter().map(|at| sites.map.sites[*at].name.to_string()).collect()
}
