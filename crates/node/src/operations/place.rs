//! Where the bytes of an object lie, and what may vanish.

use std::collections::BTreeMap;

use admin::model::{DiskReach, Keeping, Where, WhereAsk, WhereCatalog, WhereFragment, WherePart};
use admin::{Fault, FaultKind};
use catalog::{Content, Found, ObjectKey, PartReference, SiteMap, VersionAsk, VersionName, View};
use units::{DiskId, PartNumber, SiteId};

use super::sites::is_witness;
use super::{SiteOperations, unread};
use crate::cluster::statement;
use crate::limits::{WHERE_PARTS_SHOWN_MAX, WHERE_ROWS};

/// What is shown of a site.
#[derive(Clone, Default)]
struct Shown {
    name: String,
    commune: Option<String>,
    operator: Option<String>,
    proved: Option<String>,
}

impl SiteOperations {
    pub(super) fn object_place(&self, ask: &WhereAsk) -> Result<Where, Fault> {
        let bucket = self.bucket_row(&ask.bucket)?;
        let missing = || {
            let message = format!("there is no object {:?} in {}", ask.key, ask.bucket);
            Fault::new(FaultKind::NotFound, message, "list what there is with an S3 client")
        };
        let key = ObjectKey::new(ask.key.as_str()).map_err(|_| missing())?;
        let version = match ask.version_id.as_deref() {
            None => VersionAsk::Current,
            Some(text) => VersionAsk::from(text.parse::<VersionName>().map_err(|_| missing())?),
        };
        let view = self.view();
        let found = view.object(bucket.id, &key, version).map_err(|error| unread(&error))?;
        let Found::Object(object) = found else { return Err(missing()) };
        let map = self.map()?;
        let shown = self.sites_shown(&map)?;
        let reference = object.detail.reference;
        let mut place = Where {
            bucket: ask.bucket.clone(),
            key: ask.key.clone(),
            version_id: object.head.name().to_string(),
            bytes: object.head.size.get(),
            keeping: Keeping::Fragments,
            sites_may_vanish: None,
            parts: Vec::new(),
            parts_count: 0,
            catalog: Vec::new(),
        };
        let mut least = None;
        let mut add = |part: &PartReference| -> Result<(), Fault> {
            let told = self.part_place(&view, &map, &shown, part)?;
            place.parts_count = place.parts_count.saturating_add(1);
            // None, a part that cannot be read, is the least of all.
            least = Some(least.map_or(told.sites_may_vanish, |least: Option<u64>| {
                least.min(told.sites_may_vanish)
            }));
            if place.parts.len() < WHERE_PARTS_SHOWN_MAX {
                place.parts.push(told);
            }
            Ok(())
        };
        match &object.detail.content {
            Content::Empty => place.keeping = Keeping::Empty,
            Content::Inline { .. } => {
                place.keeping = Keeping::Catalog;
                place.catalog = self.catalog_places(&map, &shown);
            }
            Content::Part(part) => add(part)?,
            Content::Manifest { .. } => {
                let mut after = PartNumber::new(0);
                loop {
                    let page = view.manifest_parts(reference, after, WHERE_ROWS);
                    let page = page.map_err(|error| unread(&error))?;
                    let Some(last) = page.last() else { break };
                    after = last.number;
                    page.iter().try_for_each(&mut add)?;
                }
            }
        }
        place.sites_may_vanish = least.flatten();
        Ok(place)
    }

    fn part_place(
        &self,
        view: &View,
        map: &SiteMap,
        shown: &BTreeMap<SiteId, Shown>,
        part: &PartReference,
    ) -> Result<WherePart, Fault> {
        let row = view.part(part.part).map_err(|error| unread(&error))?;
        let row = row.ok_or_else(|| {
            let message = format!("the catalog does not know part {}", part.part);
            Fault::new(FaultKind::Internal, message, "see essaim status: what is unreadable")
        })?;
        let fragment = |(slot, disk): (usize, &DiskId)| {
            let node = map.node_of(*disk);
            let site = node.and_then(|node| shown.get(&node.site)).cloned();
            let Shown { name, commune, operator, proved } = site.clone().unwrap_or_default();
            WhereFragment {
                slot: slot as u64,
                disk: disk.to_string(),
                reach: self.reach(*disk),
                node: node.map(|node| node.id.to_string()),
                site: site.map(|_| name),
                commune,
                operator,
                proved,
            }
        };
        let fragments: Vec<WhereFragment> = row.slots.iter().enumerate().map(fragment).collect();
        let counts = |fragment: &&WhereFragment| {
            matches!(fragment.reach, DiskReach::There | DiskReach::Unreachable)
        };
        let (mut sites, mut disks) = (BTreeMap::new(), BTreeMap::new());
        for fragment in fragments.iter().filter(counts) {
            *sites.entry(fragment.site.clone()).or_insert(0_usize) += 1;
            *disks.entry(fragment.disk.clone()).or_insert(0_usize) += 1;
        }
        let data = usize::from(row.data);
        let there = fragments.iter().filter(|one| one.reach == DiskReach::There).count();
        Ok(WherePart {
            number: u64::from(part.number.get()),
            part: part.part.to_string(),
            bytes: part.size.get(),
            data: u64::from(row.data),
            parity: u64::from(row.parity),
            sites: sites.len() as u64,
            sites_may_vanish: may_vanish(sites.into_values().collect(), data),
            disks_may_vanish: may_vanish(disks.into_values().collect(), data),
            there: there as u64,
            fragments,
        })
    }

    fn catalog_places(&self, map: &SiteMap, shown: &BTreeMap<SiteId, Shown>) -> Vec<WhereCatalog> {
        let seats = self.consensus.status();
        let mut places = Vec::new();
        for site in &map.sites {
            let keeps = |node: &&catalog::Node| {
                seats.voters.contains(&node.id) || seats.learners.contains(&node.id)
            };
            let keepers: Vec<_> = map.nodes_at(site.id).filter(keeps).collect();
            if keepers.is_empty() {
                continue;
            }
            let answers: Vec<_> = keepers.iter().map(|node| self.answers(node.id)).collect();
            let Shown { name, commune, operator, .. } =
                shown.get(&site.id).cloned().unwrap_or_default();
            places.push(WhereCatalog {
                site: name,
                commune,
                operator,
                witness: is_witness(map, site.id),
                votes: keepers.iter().any(|node| seats.voters.contains(&node.id)),
                reachable: match () {
                    () if answers.contains(&Some(true)) => Some(true),
                    () if answers.contains(&None) => None,
                    () => Some(false),
                },
            });
        }
        places.sort_by(|one, other| one.site.cmp(&other.site));
        places
    }

    fn sites_shown(&self, map: &SiteMap) -> Result<BTreeMap<SiteId, Shown>, Fault> {
        let custodies = self.custodies()?;
        let shown = |site: &catalog::Site| {
            let said = site.statement.as_ref().and_then(|signed| {
                let key = map.node(signed.signed.node)?.key;
                statement::verified(signed, self.cluster.cluster, site.id, key)
            });
            let shown = Shown {
                name: site.name.to_string(),
                commune: said.as_ref().map(placement::SiteStatement::commune_shown),
                operator: said.as_ref().map(|said| said.operator.name.to_string()),
                proved: custodies.get(&site.id).and_then(|kept| kept.last_held.clone()),
            };
            (site.id, shown)
        };
        Ok(map.sites.iter().map(shown).collect())
    }
}

/// How many of these groups of fragments may vanish, whichever they are, and leave `data`;
/// none if there are fewer now.
fn may_vanish(mut groups: Vec<usize>, data: usize) -> Option<u64> {
    let mut spare = groups.iter().sum::<usize>().checked_sub(data)?;
    groups.sort_unstable_by_key(|count| core::cmp::Reverse(*count));
    let mut lost = 0;
    for count in groups {
        let Some(rest) = spare.checked_sub(count) else { break };
        spare = rest;
        lost += 1;
    }
    Some(lost)
}

#[cfg(test)]
mod tests {
    use super::may_vanish;

    #[test]
    fn the_largest_groups_vanish_first() {
        for (groups, data, expected) in [
            (vec![1, 1, 1, 1, 1], 3, Some(2)),
            (vec![1, 1, 1], 1, Some(2)),
            (vec![2, 1, 1, 1], 3, Some(1)),
            (vec![3, 1, 1], 3, Some(0)),
            (vec![1], 1, Some(0)),
            (vec![1, 1], 3, None),
            (vec![], 1, None),
        ] {
            assert_eq!(may_vanish(groups.clone(), data), expected, "{groups:?} {data}");
        }
    }
}
