//! Where the lead of the catalog should be: near the load.
//!
//! A command that comes in at the site that leads is written after one round trip to the
//! others; one that comes in elsewhere makes one more. So the lead goes to the site through
//! which nearly everything comes, and stays where it is if there is no such site.
//!
//! ```text
//!  slices of ten seconds, six of them        1 ▒▒░░░░░░▒░  1 leads
//!  commands by the node they came in at      2 ██████████  more than two thirds: 2 leads
//! ```
//! **Invariant**: what the cluster does for itself (repairs, moves, clean-up) is no load:
//! whoever leads does it, so it would keep the lead wherever it is.

use core::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use catalog::Command;
use catalog::command::PlacedCommand;
use catalog::{Node, NodeRole, Site, SiteMap};
use parking_lot::Mutex;
use units::{NodeId, SiteId};

use crate::limits::{LEAD_LOAD_MIN, LEAD_SHARE_OF, LEAD_SHARE_OVER, LEAD_SLICES_MAX};

/// Commands by the node at which they came in.
type Counts = BTreeMap<NodeId, u64>;

/// What came in lately, and where.
pub(crate) struct Loads {
    slice: Duration,
    /// When each slice began, by the stop-watch; the newest is last.
    slices: Mutex<VecDeque<(Duration, Counts)>>,
}

impl Loads {
    /// Counted in slices of this length.
    pub(crate) fn new(slice: Duration) -> Self {
        Self { slice, slices: Mutex::default() }
    }

    /// So many commands came in at a node.
    pub(crate) fn note(&self, at: NodeId, commands: u64, now: Duration) {
        let mut slices = self.slices.lock();
        let is_over = |began: Duration| now.saturating_sub(began) >= self.slice;
        if slices.back().is_none_or(|(began, _)| is_over(*began)) {
            slices.push_back((now, Counts::new()));
        }
        while slices.len() > LEAD_SLICES_MAX {
            slices.pop_front();
        }
        if let Some((_, counts)) = slices.back_mut() {
            let count = counts.entry(at).or_default();
            *count = count.saturating_add(commands);
        }
    }

    /// What came in before says nothing any more.
    pub(crate) fn forget(&self) {
        self.slices.lock().clear();
    }

    /// All that came in within the window.
    pub(crate) fn recent(&self, now: Duration) -> Counts {
        let window = self.slice * u32::try_from(LEAD_SLICES_MAX).unwrap_or(u32::MAX);
        let mut all = Counts::new();
        for (began, counts) in &*self.slices.lock() {
            if now.saturating_sub(*began) > window {
                continue;
            }
            for (node, count) in counts {
                let sum = all.entry(*node).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        all
    }
}

/// Whether a command comes from somebody who asked for it through this or another door.
pub(crate) const fn is_load(command: &Command) -> bool {
    match command {
        Command::Placed(placed) => !matches!(
            placed.command,
            PlacedCommand::PartSlotMove(_)
                | PlacedCommand::PartCopyAdd(_)
                | PlacedCommand::PartStep(_)
                | PlacedCommand::PartRecut(_)
        ),
        Command::ReleaseAdvance { .. }
        | Command::PartCondemn { .. }
        | Command::PartForget { .. }
        | Command::PartSlotMove(_)
        | Command::PartCopyAdd(_)
        | Command::PartStep(_)
        | Command::PartRecut(_)
        | Command::PartBucketsNote(_)
        | Command::FeedTrim { .. } => false,
        _ => true,
    }
}

/// Who should lead instead of this node, by what came in lately; nobody if this one should.
/// `may` says which voters could: those that answer, have the log, and are not this one.
pub(crate) fn goes_to(
    map: &SiteMap,
    me: NodeId,
    recent: &Counts,
    may: impl Fn(NodeId) -> bool,
) -> Option<NodeId> {
    let mut sites: BTreeMap<SiteId, u64> = BTreeMap::new();
    let mut all = 0_u64;
    for (node, count) in recent {
        // Of a node that has left nothing more will come.
        let Some(node) = map.node(*node) else { continue };
        let sum = sites.entry(node.site).or_default();
        *sum = sum.saturating_add(*count);
        all = all.saturating_add(*count);
    }
    if all < LEAD_LOAD_MIN {
        return None;
    }
    let (site, most) = sites.into_iter().max_by_key(|(_, count)| *count)?;
    let is_clear = most.saturating_mul(LEAD_SHARE_OF) > all.saturating_mul(LEAD_SHARE_OVER);
    let is_mine = map.node(me).is_some_and(|me| me.site == site);
    let stays = map.site(site).is_some_and(|site| !site.is_draining());
    if !is_clear || is_mine || !stays {
        return None;
    }
    // A witness leads nothing: it is the smallest machine, and serves nobody.
    let mut there = map.nodes_at(site).filter(|node| node.role == NodeRole::Full);
    there.find(|node| may(node.id)).map(|node| node.id)
}

/// Who should lead instead of this node if it is a witness: any voter that is none.
pub(crate) fn relieved_by(
    map: &SiteMap,
    me: NodeId,
    may: impl Fn(NodeId) -> bool,
) -> Option<NodeId> {
    if map.node(me)?.role != NodeRole::Witness {
        return None;
    }
    let mut full = map.nodes.iter().filter(|node| node.role == NodeRole::Full);
    full.find(|node| may(node.id)).map(|node| node.id)
}

/// Who could lead instead of this node, which stops, the best first: at sites that are not
/// being emptied, and where most came in lately; witnesses only after all others.
pub(crate) fn successors(
    map: &SiteMap,
    recent: &Counts,
    may: impl Fn(NodeId) -> bool,
) -> Vec<NodeId> {
    let load = |site: SiteId| {
        let nodes = map.nodes_at(site);
        nodes.fold(0_u64, |sum, node| {
            sum.saturating_add(recent.get(&node.id).copied().unwrap_or_default())
        })
    };
    let rank = |node: &&Node| {
        let is_draining = map.site(node.site).is_none_or(Site::is_draining);
        (node.role == NodeRole::Witness, is_draining, Reverse(load(node.site)), node.id)
    };
    let mut able: Vec<&Node> = map.nodes.iter().filter(|node| may(node.id)).collect();
    able.sort_by_key(rank);
    able.into_iter().map(|node| node.id).collect()
}

#[cfg(test)]
mod tests {
    use catalog::{SiteName, SiteState};
    use units::{NodePublicKey, Timestamp};

    use super::*;

    const fn id(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    /// Sites 1 to 3 with a node each of the same number; site 4 with the nodes 4 and 14.
    fn map(draining: u128, witness: u128) -> SiteMap {
        let at = Timestamp::from_seconds(1);
        let mut map = SiteMap::default();
        for number in 1..=4_u128 {
            let state = if number == draining {
                SiteState::Draining { since: at }
            } else {
                SiteState::Active
            };
            let name = SiteName::new(format!("site-{number}")).expect("a name");
            let id = SiteId::from_u128(number);
            map.sites.push(Site { id, name, statement: None, state, joined: at });
        }
        for number in [1, 2, 3, 4, 14_u128] {
            map.nodes.push(Node {
                id: id(number),
                site: SiteId::from_u128(number % 10),
                key: NodePublicKey([0; 32]),
                addresses: Vec::new(),
                role: if number == witness { NodeRole::Witness } else { NodeRole::Full },
                disks: Vec::new(),
                joined: at,
            });
        }
        map
    }

    fn check(map: &SiteMap, recent: &[(u128, u64)], not: &[u128], expected: Option<u128>) {
        let counts = recent.iter().map(|(node, count)| (id(*node), *count)).collect();
        let may = |node| node != id(1) && not.iter().all(|other| id(*other) != node);
        assert_eq!(goes_to(map, id(1), &counts, may), expected.map(id), "{recent:?} {not:?}");
    }

    #[test]
    fn the_lead_goes_where_nearly_all_comes_in() {
        let map = &map(0, 0);
        check(map, &[(1, 1_000), (2, 2_001)], &[], Some(2));
        check(map, &[(1, 1_000), (2, 2_000)], &[], None);
        check(map, &[(2, 500), (3, 500)], &[], None);
        check(map, &[(1, 9_000), (2, 10)], &[], None);
        // Two nodes of one site are one door.
        check(map, &[(1, 400), (4, 500), (14, 500)], &[], Some(4));
        check(map, &[(1, 400), (4, 500), (14, 500)], &[4], Some(14));
        // A site that has left the map is nobody's door.
        check(map, &[(1, 100), (9, 9_000)], &[], None);
    }

    #[test]
    fn the_lead_stays_for_little_and_goes_to_nobody_who_cannot() {
        let map = &map(3, 2);
        check(map, &[(4, LEAD_LOAD_MIN - 1)], &[], None);
        check(map, &[(4, LEAD_LOAD_MIN)], &[], Some(4));
        check(map, &[(4, 9_000)], &[4, 14], None);
        check(map, &[(2, 9_000)], &[], None);
        check(map, &[(3, 9_000)], &[], None);
    }

    #[test]
    fn a_witness_leads_only_while_nobody_else_can() {
        let may = |node| node != id(1);
        assert_eq!(relieved_by(&map(0, 0), id(1), may), None);
        assert_eq!(relieved_by(&map(0, 1), id(1), may), Some(id(2)));
        assert_eq!(relieved_by(&map(0, 1), id(1), |node| node == id(3)), Some(id(3)));
        assert_eq!(relieved_by(&map(0, 1), id(1), |_| false), None);
    }

    #[test]
    fn who_stops_is_followed_by_who_has_work_and_no_witness_before_others() {
        let check = |map: &SiteMap, recent: &[(u128, u64)], expected: &[u128]| {
            let recent = recent.iter().map(|(node, count)| (id(*node), *count)).collect();
            let able = |node| node != id(1) && node != id(14);
            let expected: Vec<NodeId> = expected.iter().copied().map(id).collect();
            assert_eq!(successors(map, &recent, able), expected);
        };
        check(&map(0, 0), &[], &[2, 3, 4]);
        check(&map(0, 0), &[(1, 90), (3, 10), (4, 7), (14, 8)], &[4, 3, 2]);
        check(&map(3, 2), &[(2, 90), (3, 50)], &[4, 3, 2]);
    }

    #[test]
    fn what_came_in_long_ago_is_forgotten() {
        let loads = Loads::new(crate::limits::LEAD_SLICE);
        let second = Duration::from_secs(1);
        for at in 0..120_u32 {
            loads.note(id(if at < 60 { 1 } else { 2 }), 10, second * at);
        }
        let counts = loads.recent(second * 120);
        assert_eq!(counts.get(&id(1)), None);
        assert_eq!(counts.get(&id(2)), Some(&600));
        assert_eq!(loads.recent(second * 300), Counts::new());
        loads.forget();
        assert_eq!(loads.recent(second * 120), Counts::new());
    }

    #[test]
    fn what_the_cluster_does_for_itself_is_no_load() {
        assert!(is_load(&Command::Nothing));
        assert!(!is_load(&Command::FeedTrim { through: units::Sequence::new(1) }));
    }
}
