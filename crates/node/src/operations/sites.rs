//! The sites of the cluster as this node knows them at this moment.
//!
//! **Invariant**: what this node cannot know now is none. A node answers only if it was
//! heard of a moment ago; what it once said of its disks is not shown for what is.

use core::time::Duration;
use std::collections::BTreeSet;

use admin::Fault;
use admin::model::{
    CatalogSeat, ClusterStatus, DiskReach, DiskState, Site, SiteDisk, SiteNode, SiteState, Sites,
    date_text,
};
use catalog::{NodeRole, SiteMap};
use consensus::Status;
use fragments::Reach;
use units::{DiskId, NodeId, SiteId};
use wire::{Contact, Transport as _};

use super::site_moves::site_moves;
use super::vouched::vouched;
use super::{SiteOperations, unread};
use crate::cluster_gauges::ClusterNumbers;
use crate::limits::{CURRENT_WITHIN, HEARD_MAX};

impl SiteOperations {
    pub(super) async fn list_sites(&self) -> Result<Sites, Fault> {
        let asked = tokio::time::timeout(CURRENT_WITHIN, self.consensus.catch_up()).await;
        let is_current = asked.is_ok_and(|asked| asked.is_ok());
        let map = self.map()?;
        let seats = self.consensus.status();
        let moves = self.moves(&map)?;
        let replacement = steward::Replacement::of(&self.view()).map_err(|error| unread(&error))?;
        let mut custodies = self.custodies()?;
        let mut model = |site: &catalog::Site| {
            let mut model = self.site_model(&map, site, &seats, is_current);
            model.custody = custodies.remove(&site.id);
            // Before it was counted nothing is known of what leaves.
            model.moves =
                moves.as_ref().filter(|said| said.counted).map(|said| site_moves(said, site.id));
            let by = replacement.filter(|replacement| replacement.old == site.id);
            model.replaced_by = by.and_then(|by| Some(map.site(by.new)?.name.to_string()));
            model
        };
        let mut sites: Vec<Site> = map.sites.iter().map(&mut model).collect();
        sites.sort_by(|one, other| one.name.cmp(&other.name));
        let voting = voting(&map, &seats);
        let is_away = |site: &&SiteId| {
            let mut voters = map.nodes_at(**site).filter(|node| seats.voters.contains(&node.id));
            voters.any(|node| self.answers(node.id) == Some(false))
        };
        Ok(Sites {
            is_current,
            voting: voting.len() as u64,
            may_be_away: may_be_away(voting.len()),
            voting_unreachable: voting.iter().filter(is_away).count() as u64,
            moves: moves.as_ref().map(|said| self.moves_model(said)).transpose()?,
            sites,
        })
    }

    pub(super) async fn show_site(&self, name: &str) -> Result<Site, Fault> {
        let id = self.site_named(name)?;
        let sites = self.list_sites().await?.sites;
        let id = id.to_string();
        sites.into_iter().find(|site| site.id == id).ok_or_else(|| unknown(name))
    }

    pub(super) fn map(&self) -> Result<SiteMap, Fault> {
        self.view().site_map().map_err(|error| unread(&error))
    }

    /// The site of this name, or whose id begins so.
    pub(super) fn site_named(&self, name: &str) -> Result<SiteId, Fault> {
        /// Digits of an id by which a site may be named.
        const ID_DIGITS_MIN: usize = 8;
        let map = self.map()?;
        if let Some(site) = map.sites.iter().find(|site| site.name.as_str() == name) {
            return Ok(site.id);
        }
        let begins = |id: SiteId| name.len() >= ID_DIGITS_MIN && id.to_string().starts_with(name);
        let mut named = map.sites.iter().filter(|site| begins(site.id));
        match (named.next(), named.next()) {
            (Some(site), None) => Ok(site.id),
            _ => Err(unknown(name)),
        }
    }

    /// The cluster in a few words, without asking anybody.
    pub(super) fn cluster_status(&self) -> Result<ClusterStatus, Fault> {
        let map = self.map()?;
        let seats = self.consensus.status();
        let voting = voting(&map, &seats).len();
        let leads = |node: NodeId| self.answers(node) == Some(true);
        let leader = seats.leader.filter(|node| leads(*node));
        let leader = leader.and_then(|node| map.site(map.node(node)?.site));
        let is_away = |site: &&catalog::Site| {
            map.nodes_at(site.id).any(|node| self.answers(node.id) == Some(false))
        };
        let away = map.sites.iter().filter(is_away);
        let witnesses = map.sites.iter().filter(|site| is_witness(&map, site.id));
        Ok(ClusterStatus {
            sites: map.sites.len() as u64,
            voting: voting as u64,
            may_be_away: may_be_away(voting),
            leader: leader.map(|site| site.name.to_string()),
            unreachable: away.map(|site| site.name.to_string()).collect(),
            witnesses: witnesses.map(|site| site.name.to_string()).collect(),
            is_witness: is_witness(&map, self.cluster.site),
        })
    }

    /// What the gauges of the cluster are made of.
    pub(crate) fn cluster_numbers(&self) -> Result<ClusterNumbers, Fault> {
        let map = self.map()?;
        let leader = self.consensus.status().leader;
        let is_cut_off = self.consensus.cut_off().is_some();
        Ok(ClusterNumbers {
            leads: leader == Some(self.cluster.node) && !is_cut_off,
            moves: self.moves(&map)?,
            steward: self.scrub.steward(),
        })
    }

    /// Whether a node answers now; none if that is not known.
    pub(super) fn answers(&self, node: NodeId) -> Option<bool> {
        if node == self.cluster.node {
            return Some(true);
        }
        let is_asked = self.disks_everywhere().map().values().any(|of| *of == node);
        answers(self.cluster.transport.contact(node), is_asked)
    }

    pub(super) fn disks_everywhere(&self) -> &fragments::ClusterStore {
        &self.objects.parts().fragments
    }

    pub(super) fn reach(&self, disk: DiskId) -> DiskReach {
        match self.disks_everywhere().reach(disk) {
            Reach::Here | Reach::There { .. } => DiskReach::There,
            Reach::Unreachable { .. } => DiskReach::Unreachable,
            Reach::Missing => DiskReach::Missing,
            Reach::Unknown => DiskReach::Unknown,
        }
    }

    fn site_model(
        &self,
        map: &SiteMap,
        row: &catalog::Site,
        seats: &Status,
        is_current: bool,
    ) -> Site {
        let (state, draining_since) = match row.state {
            catalog::SiteState::Active => (SiteState::Active, None),
            catalog::SiteState::Draining { since } => (SiteState::Draining, Some(date_text(since))),
        };
        let nodes = map.nodes_at(row.id).map(|node| self.node_model(node, seats, is_current));
        let now = self.clock.now();
        Site {
            id: row.id.to_string(),
            name: row.name.to_string(),
            is_this: row.id == self.cluster.site,
            witness: is_witness(map, row.id),
            state,
            draining_since,
            joined: date_text(row.joined),
            replaced_by: None,
            moves: None,
            custody: None,
            vouched: row
                .statement
                .as_ref()
                .map(|signed| vouched(map, self.cluster.cluster, row.id, signed, now)),
            nodes: nodes.collect(),
        }
    }

    fn node_model(&self, row: &catalog::Node, seats: &Status, is_current: bool) -> SiteNode {
        let is_this = row.id == self.cluster.node;
        let contact = self.cluster.transport.contact(row.id);
        let reachable = self.answers(row.id);
        let leads = seats.leader == Some(row.id) && is_current && reachable == Some(true);
        let heard = contact.heard_ago.filter(|_| !is_this);
        let round_trip = contact.round_trip.filter(|_| reachable == Some(true) && !is_this);
        SiteNode {
            id: row.id.to_string(),
            is_this,
            reachable,
            heard_seconds_ago: heard.map(|ago| ago.as_secs()),
            round_trip_micros: round_trip
                .map(|trip| u64::try_from(trip.as_micros()).unwrap_or(u64::MAX)),
            catalog: if leads {
                CatalogSeat::Leads
            } else if seats.voters.contains(&row.id) {
                CatalogSeat::Votes
            } else if seats.learners.contains(&row.id) {
                CatalogSeat::Keeps
            } else {
                CatalogSeat::None
            },
            role: role_text(row.role).to_owned(),
            addresses: row.addresses.iter().map(ToString::to_string).collect(),
            joined: date_text(row.joined),
            disks: row.disks.iter().map(|disk| self.site_disk(*disk)).collect(),
        }
    }

    fn site_disk(&self, id: DiskId) -> SiteDisk {
        let store = self.disks_everywhere();
        let space = store.space(id);
        let state = store.state(id).map(|state| match state {
            fragments::DiskState::Healthy => DiskState::Healthy,
            fragments::DiskState::Full => DiskState::Full,
            fragments::DiskState::Poisoned => DiskState::Poisoned,
            fragments::DiskState::Hanging => DiskState::Hanging,
        });
        SiteDisk {
            id: id.to_string(),
            reach: self.reach(id),
            state,
            total_bytes: space.map(|space| space.total.get()),
            free_bytes: space.map(|space| space.available.get()),
            used_bytes: space.map(|space| space.live.plus(space.dead).get()),
        }
    }
}

pub(super) fn unknown(name: &str) -> Fault {
    Fault::not_found("site", name, "essaim site list")
}

pub(super) const fn role_text(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Full => "full",
        NodeRole::Storage => "storage",
        NodeRole::Witness => "witness",
    }
}

/// Whether a site keeps no data and is there to vote.
pub(super) fn is_witness(map: &SiteMap, site: SiteId) -> bool {
    let mut nodes = map.nodes_at(site).peekable();
    nodes.peek().is_some() && nodes.all(|node| node.role == NodeRole::Witness)
}

/// The sites of the nodes that vote.
fn voting(map: &SiteMap, seats: &Status) -> BTreeSet<SiteId> {
    let voters = map.nodes.iter().filter(|node| seats.voters.contains(&node.id));
    voters.map(|node| node.site).collect()
}

/// How many of so many voters may be away and leave a majority.
const fn may_be_away(voting: usize) -> u64 {
    (voting.saturating_sub(1) / 2) as u64
}

/// Whether a node answers. One that is asked every second and was not heard of for some is
/// away; of one that nobody has asked lately, it is not known.
fn answers(contact: Contact, is_asked: bool) -> Option<bool> {
    let is_fresh = contact.heard_ago.is_some_and(|ago: Duration| ago <= HEARD_MAX);
    match contact.reached {
        Some(true) if is_fresh => Some(true),
        // Nobody asks a witness for its disks: what comes from it says that it is there.
        Some(false) if is_fresh && !is_asked => Some(true),
        Some(true) if !is_asked => None,
        Some(_) => Some(false),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_long_ago_is_no_answer() {
        let contact = |reached, seconds: Option<u64>| Contact {
            reached,
            round_trip: None,
            heard_ago: seconds.map(Duration::from_secs),
        };
        for (reached, heard, is_asked, expected) in [
            (None, None, true, None),
            (Some(true), Some(0), true, Some(true)),
            (Some(true), Some(0), false, Some(true)),
            (Some(true), Some(60), true, Some(false)),
            (Some(true), Some(60), false, None),
            (Some(true), None, true, Some(false)),
            (Some(false), Some(0), true, Some(false)),
            (Some(false), Some(0), false, Some(true)),
            (Some(false), Some(60), false, Some(false)),
            (Some(false), None, false, Some(false)),
        ] {
            assert_eq!(
                answers(contact(reached, heard), is_asked),
                expected,
                "{reached:?} {heard:?}"
            );
        }
    }

    #[test]
    fn a_majority_must_be_left() {
        let away: Vec<u64> = (0..6).map(may_be_away).collect();
        assert_eq!(away, [0, 0, 0, 1, 1, 2]);
    }
}
