//! What a placement is worth, found out by looking at every set: nothing here is shared
//! with the planner.

use placement::facts::Metres;
use placement::{Distinct, SiteEntry, SpreadRule};

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
