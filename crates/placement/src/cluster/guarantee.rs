//! What a real placement survives, counted on where its fragments lie.

use units::{DiskId, SiteId};

use crate::facts::Metres;
use crate::{Distinct, Geometry, SiteEntry, SiteMap};

/// How many of each kind may vanish, all their fragments with them, and the object can
/// still be read. Nothing if it cannot be read as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// Any so many sites.
    pub sites: Option<usize>,
    /// All sites of any so many communes.
    pub communes: Option<usize>,
    /// All sites of any so many départements.
    pub departements: Option<usize>,
    /// All sites of any so many operators.
    pub operators: Option<usize>,
    /// Any so many disks.
    pub disks: Option<usize>,
    /// How far the two nearest of its sites are from each other; nothing with one site.
    pub nearest: Option<Metres>,
    /// Sites that hold a whole readable set of (sealed) fragments.
    pub whole_at: Vec<SiteId>,
    /// Fragments on disks that are known and healthy.
    pub fragments: usize,
}

/// How many failure domains may be lost and leave `data` fragments in any case, with one fragment on each
/// of `sites` (one that holds several stands there as often); nothing if there are fewer.
pub(super) fn domains_survived(
    distinct: Distinct,
    data: u8,
    sites: &[&SiteEntry],
) -> Option<usize> {
    let is_same = |one: usize, other: usize| {
        let pair = sites.get(one).zip(sites.get(other));
        pair.is_some_and(|(one, other)| distinct.is_same(&one.facts, &other.facts))
    };
    survived(usize::from(data), sites.len(), is_same)
}

/// How many groups of fragments may be lost, the largest first, until fewer than `data`
/// are left.
fn survived(
    data: usize,
    fragments: usize,
    is_same: impl Fn(usize, usize) -> bool,
) -> Option<usize> {
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for at in 0..fragments {
        match groups.iter_mut().find(|(first, _)| is_same(*first, at)) {
            Some((_, count)) => *count += 1,
            None => groups.push((at, 1)),
        }
    }
    groups.sort_unstable_by_key(|(_, count)| core::cmp::Reverse(*count));
    let mut left = fragments.checked_sub(data)?;
    let mut lost = 0;
    for (_, count) in groups {
        let Some(rest) = left.checked_sub(count) else { break };
        left = rest;
        lost += 1;
    }
    Some(lost + usize::from(units::planted::is_on("placement-counts-one-more")))
}

/// What a part survives whose fragments lie on these disks, one for each slot. A slot on
/// an unknown or unhealthy disk holds nothing; a site that is away holds what it has.
pub fn guarantee(geometry: Geometry, slots: &[DiskId], map: &SiteMap) -> Guarantee {
    let mut found: Vec<(DiskId, &SiteEntry)> = Vec::with_capacity(slots.len());
    for disk in slots {
        let site = map.site_of(*disk).and_then(|site| map.site(site));
        let site = site.filter(|site| site.disks_healthy().any(|facts| facts.id == *disk));
        found.extend(site.map(|site| (*disk, site)));
    }
    let sites: Vec<&SiteEntry> = found.iter().map(|(_, site)| *site).collect();
    let data = geometry.data();
    let domain = |distinct| domains_survived(distinct, data, &sites);
    let same_disk = |one: usize, other: usize| {
        found.get(one).zip(found.get(other)).is_some_and(|(one, other)| one.0 == other.0)
    };
    let holds = |site: &SiteEntry| sites.iter().filter(|other| other.id() == site.id()).count();
    let mut whole_at: Vec<SiteId> = sites
        .iter()
        .filter(|site| holds(site) >= usize::from(data))
        .map(|site| site.id())
        .collect();
    whole_at.sort_unstable();
    whole_at.dedup();
    Guarantee {
        sites: domain(Distinct::Site),
        communes: domain(Distinct::Commune),
        departements: domain(Distinct::Departement),
        operators: domain(Distinct::Operator),
        disks: survived(usize::from(data), found.len(), same_disk),
        nearest: nearest(&sites),
        whole_at,
        fragments: found.len(),
    }
}

/// The least distance between two different sites.
fn nearest(sites: &[&SiteEntry]) -> Option<Metres> {
    let mut least = None;
    for (at, one) in sites.iter().enumerate() {
        for other in sites.iter().take(at).filter(|other| other.id() != one.id()) {
            let distance = one.facts.statement.position.distance(other.facts.statement.position);
            least = Some(least.map_or(distance, |least: Metres| least.min(distance)));
        }
    }
    least
}
