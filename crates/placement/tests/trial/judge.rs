//! What a placement is worth, found out by looking at every set: nothing here is shared
//! with the planner but the great-circle distance.

use placement::facts::Metres;
use placement::{Action, Distinct, Policy, SiteEntry, SiteMap, SiteState, SpreadRule};
use units::{DiskId, Timestamp};

use super::SUBJECT;

/// Whether two different sites may each hold a fragment.
pub fn goes_with(rule: &SpreadRule, one: &SiteEntry, other: &SiteEntry) -> bool {
    let (here, there) = (&one.facts.statement, &other.facts.statement);
    let is_same = match rule.distinct {
        Distinct::Site => one.id() == other.id(),
        Distinct::Commune => here.commune == there.commune,
        Distinct::Departement => here.departement == there.departement,
        Distinct::Operator => here.operator.siren == there.operator.siren,
    };
    let far = here.position.distance(there.position) >= rule.min_distance;
    one.id() != other.id() && !is_same && (far || rule.min_distance == Metres::new(0))
}

/// The most of these sites that go together, by trying every set of them.
pub fn most_together(rule: &SpreadRule, sites: &[&SiteEntry]) -> usize {
    let together = |set: u32| {
        let members: Vec<&SiteEntry> =
            (0..sites.len()).filter(|at| set & (1 << at) != 0).map(|at| sites[at]).collect();
        let all = members
            .iter()
            .enumerate()
            .all(|(at, one)| members.iter().take(at).all(|other| goes_with(rule, one, other)));
        all.then_some(members.len())
    };
    (0..1_u32 << sites.len()).filter_map(together).max().unwrap_or(0)
}

/// The sites that may hold fragments: active, and permitted by the policy now.
pub fn permitted<'m>(map: &'m SiteMap, policy: &Policy, now: Timestamp) -> Vec<&'m SiteEntry> {
    let rule = policy.rule();
    let by_place = rule.distinct != Distinct::Site || rule.min_distance > Metres::new(0);
    let may = |site: &&SiteEntry| {
        site.state == SiteState::Active
            && (!by_place || site.facts.statement.country.as_str() != "ZZ")
            && policy.verdict(Action::Store, SUBJECT, site, now).is_permit()
    };
    map.sites().iter().filter(may).collect()
}

/// How many groups of fragments may be lost in any case, by trying every set of groups.
pub fn survives(data: usize, groups: &[usize]) -> Option<usize> {
    let all: usize = groups.iter().sum();
    if all < data {
        return None;
    }
    let kills = |set: u32| {
        let lost: usize =
            (0..groups.len()).filter(|at| set & (1 << at) != 0).map(|at| groups[at]).sum();
        all - lost < data
    };
    let deadly = (0..1_u32 << groups.len()).filter(|set| kills(*set)).map(u32::count_ones).min();
    Some(deadly.map_or(groups.len(), |deadly| deadly as usize - 1))
}

/// How many fragments each group of sites holds that makes one failure domain.
pub fn groups(rule: &SpreadRule, sites: &[&SiteEntry]) -> Vec<usize> {
    let key = |site: &SiteEntry| {
        let said = &site.facts.statement;
        match rule.distinct {
            Distinct::Site => site.id().to_string(),
            Distinct::Commune => said.commune.to_string(),
            Distinct::Departement => said.departement.to_string(),
            Distinct::Operator => said.operator.name.to_string(),
        }
    };
    let mut counts = std::collections::BTreeMap::new();
    for site in sites {
        *counts.entry(key(site)).or_insert(0) += 1;
    }
    counts.into_values().collect()
}

/// How much a part on these disks violates a policy: slots where they must not be, and
/// slots beyond the most that go together (and, with a home, than it may hold).
pub fn violations(
    map: &SiteMap,
    policy: &Policy,
    data: u8,
    slots: &[DiskId],
    now: Timestamp,
) -> (usize, usize) {
    let site = |disk: &DiskId| map.site_of(*disk).and_then(|site| map.site(site));
    let sites: Vec<&SiteEntry> = slots.iter().filter_map(site).collect();
    let good = permitted(map, policy, now);
    let refused = slots.len() - sites.iter().filter(|site| good.contains(site)).count();
    let rule = policy.rule();
    let is_home = |site: &SiteEntry| rule.home.as_ref().is_some_and(|home| home.means(site));
    let home = map.sites().iter().find(|site| is_home(site));
    let mut others: Vec<&SiteEntry> = Vec::new();
    for site in &sites {
        let clashes = home.is_some_and(|home| !goes_with(rule, home, site));
        if !is_home(site) && !clashes && !others.contains(site) {
            others.push(site);
        }
    }
    let at_home = sites.iter().filter(|site| is_home(site)).count().min(usize::from(data));
    (refused, slots.len() - most_together(rule, &others) - at_home)
}
