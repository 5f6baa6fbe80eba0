//! Who should vote.
//!
//! Every node that keeps the catalog has a seat; one node of a site may vote. Of three
//! or four sites three vote, of more five. Two sites vote both: what was acknowledged
//! is then at both, and neither goes on without the other; a third one, if only a
//! witness, changes that. A witness beside one site votes not: it would take that site's
//! say without giving it anything. Beside three others it is a spare.
//!
//! **Invariants**
//! - No two voters are at one site.
//! - Whoever votes goes on voting, unless it has left, is being drained, is away for too
//!   long or is a witness while another could: seats do not change for nothing.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Node, NodeRole, SiteMap};
use units::{NodeId, SiteId, planted};

use crate::limits::VOTERS_MAX;

/// Who should have a seat, and who of them should vote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seats {
    /// All that have a seat, and their sites.
    pub(crate) members: BTreeMap<NodeId, SiteId>,
    pub(crate) voters: BTreeSet<NodeId>,
}

/// How many vote, of so many sites.
const fn voters_of(sites: usize) -> usize {
    match sites {
        0 => 0,
        1 => 1,
        2 => 2,
        3 | 4 => 3,
        _ => VOTERS_MAX,
    }
}

/// The seats of this map. `voters` vote now; `is_away` says who was not heard of for so
/// long that another should vote instead.
pub(crate) fn seats(
    map: &SiteMap,
    voters: &BTreeSet<NodeId>,
    is_away: impl Fn(NodeId) -> bool,
) -> Seats {
    let may: Vec<&Node> = map.nodes.iter().filter(|node| node.role != NodeRole::Storage).collect();
    let members = may.iter().map(|node| (node.id, node.site)).collect();
    let is_staying = |site: SiteId| map.site(site).is_some_and(|site| !site.is_draining());
    let mut candidates: Vec<&Node> =
        may.iter().copied().filter(|node| is_staying(node.site)).collect();
    // With nobody left to stay, those who leave still have to agree.
    if candidates.is_empty() {
        candidates = may;
    }
    let sites: BTreeSet<SiteId> = candidates.iter().map(|node| node.site).collect();
    let is_full = |site: &&SiteId| {
        let mut of = candidates.iter().filter(|node| node.site == **site);
        of.any(|node| node.role != NodeRole::Witness)
    };
    let count = match (sites.len(), sites.iter().filter(is_full).count()) {
        (2, 1) => 1,
        (sites, _) => voters_of(sites),
    };
    candidates.sort_by_key(|node| {
        let away = is_away(node.id);
        (away, node.role == NodeRole::Witness, !voters.contains(&node.id), node.joined, node.id)
    });
    let mut chosen = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for node in candidates {
        let is_free = taken.insert(node.site) || planted::is_on("consensus-seats-share-a-site");
        if chosen.len() < count && is_free {
            chosen.insert(node.id);
        }
    }
    Seats { members, voters: chosen }
}

#[cfg(test)]
mod tests {
    use catalog::{Site, SiteName, SiteState};
    use units::{NodePublicKey, Timestamp};

    use super::*;

    const fn node_id(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    /// Sites 1, 2, …, with one node each of the same number, as `roles` say; those in
    /// `draining` are being drained.
    fn map(roles: &[NodeRole], draining: &[u128]) -> SiteMap {
        let mut map = SiteMap::default();
        for (number, role) in (1_u128..).zip(roles) {
            let (id, at) = (SiteId::from_u128(number), Timestamp::from_seconds(1));
            let state = if draining.contains(&number) {
                SiteState::Draining { since: at }
            } else {
                SiteState::Active
            };
            let name = SiteName::new(format!("site-{number}")).expect("a name");
            map.sites.push(Site { id, name, statement: None, state, joined: at });
            map.nodes.push(Node {
                id: node_id(number),
                site: id,
                key: NodePublicKey([0; 32]),
                addresses: Vec::new(),
                role: *role,
                disks: Vec::new(),
                joined: Timestamp::from_seconds(100 - i64::try_from(number).unwrap_or(0)),
            });
        }
        map
    }

    fn set(numbers: &[u128]) -> BTreeSet<NodeId> {
        numbers.iter().copied().map(node_id).collect()
    }

    fn check(map: &SiteMap, voters: &[u128], away: &[u128], expected: &[u128]) {
        let away = set(away);
        let found = seats(map, &set(voters), |node| away.contains(&node));
        assert_eq!(found.voters, set(expected), "voters {voters:?}, away {away:?}");
    }

    #[test]
    fn one_node_a_site_votes_and_an_odd_number_of_them() {
        use NodeRole::{Full, Storage, Witness};
        check(&map(&[Full], &[]), &[1], &[], &[1]);
        check(&map(&[Full, Full], &[]), &[1], &[], &[1, 2]);
        check(&map(&[Full, Full, Witness], &[]), &[1], &[], &[1, 2, 3]);
        check(&map(&[Full, Witness], &[]), &[1], &[], &[1]);
        check(&map(&[Full, Witness], &[]), &[1, 2], &[], &[1]);
        // A third full site takes the seat of the witness, which is there when one is away.
        check(&map(&[Full, Full, Witness, Full], &[]), &[1, 2, 3], &[], &[1, 2, 4]);
        check(&map(&[Full, Full, Witness, Full], &[]), &[1, 2, 4], &[2], &[1, 3, 4]);
        check(&map(&[Full, Storage, Full], &[]), &[1], &[], &[1, 3]);
        // Whoever came later joined earlier in this map: voters stay all the same.
        check(&map(&[Full; 4], &[]), &[1, 2, 3], &[], &[1, 2, 3]);
        check(&map(&[Full; 5], &[]), &[1, 2, 3], &[], &[1, 2, 3, 4, 5]);
        check(&map(&[Full; 7], &[]), &[1], &[], &[1, 4, 5, 6, 7]);
        check(&map(&[Witness, Full, Full, Full], &[]), &[], &[], &[2, 3, 4]);
        let mut twice = map(&[Full; 4], &[]);
        twice.nodes[1].site = twice.nodes[0].site;
        check(&twice, &[1], &[], &[1, 3, 4]);
        check(&twice, &[2], &[], &[2, 3, 4]);
    }

    #[test]
    fn whoever_is_away_or_leaves_is_replaced_if_somebody_can_be_found() {
        use NodeRole::Full;
        check(&map(&[Full; 4], &[]), &[1, 2, 3], &[2], &[1, 3, 4]);
        check(&map(&[Full; 3], &[]), &[1, 2, 3], &[2], &[1, 2, 3]);
        check(&map(&[Full; 4], &[1]), &[1, 2, 3], &[], &[2, 3, 4]);
        check(&map(&[Full; 4], &[1, 2]), &[1, 2, 3], &[], &[3, 4]);
        check(&map(&[Full; 2], &[1, 2]), &[1, 2], &[], &[1, 2]);
        check(&map(&[Full; 6], &[]), &[1, 2, 3, 4, 5], &[1, 2], &[2, 3, 4, 5, 6]);
    }
}
