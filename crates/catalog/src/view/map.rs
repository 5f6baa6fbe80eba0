//! Questions about the site map.

use units::{DiskId, Epoch, InviteId, NodeId, SiteId};

use super::{ReadError, View};
use crate::limits::{
    CUSTODY_NODES_MAX, INVITES_CLOSED_MAX, INVITES_OPEN_MAX, NODES_MAX, SITES_MAX,
};
use crate::record::{Custody, Invite, Map, Node, Policy, PolicyScope, Record, Site};
use crate::table;

/// The site map, whole: it is small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteMap {
    /// Its version; zero if no site has said yet who it is.
    pub epoch: Epoch,
    /// The sites, in the order of their ids.
    pub sites: Vec<Site>,
    /// The nodes, in the order of their ids.
    pub nodes: Vec<Node>,
}

impl SiteMap {
    /// Whether a site has said who it is.
    pub fn is_founded(&self) -> bool {
        self.epoch > Epoch::ZERO
    }

    /// The site with this id.
    pub fn site(&self, id: SiteId) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == id)
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The nodes of a site.
    pub fn nodes_at(&self, site: SiteId) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.site == site)
    }

    /// The node that lists a disk; none if the disk is on no map, as one of a lost site.
    pub fn node_of(&self, disk: DiskId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.disks.contains(&disk))
    }

    /// The site at which a disk is.
    pub fn site_of(&self, disk: DiskId) -> Option<&Site> {
        self.site(self.node_of(disk)?.site)
    }
}

impl View {
    /// The site map.
    pub fn site_map(&self) -> Result<SiteMap, ReadError> {
        let map = self.record::<Map>(&table::map())?;
        let Some(Map { epoch }) = map else { return Ok(SiteMap::default()) };
        let site = |_: &[u8], value: &[u8]| Ok(Site::decode(value)?);
        let node = |_: &[u8], value: &[u8]| Ok(Node::decode(value)?);
        Ok(SiteMap {
            epoch,
            sites: self.page(&[table::SITE], None, SITES_MAX, site)?,
            nodes: self.page(&[table::NODE], None, NODES_MAX, node)?,
        })
    }

    /// The version of the site map; zero if there is none.
    pub fn map_epoch(&self) -> Result<Epoch, ReadError> {
        let map = self.record::<Map>(&table::map())?;
        Ok(map.map_or(Epoch::ZERO, |map| map.epoch))
    }

    /// The site with this id.
    pub fn site(&self, id: SiteId) -> Result<Option<Site>, ReadError> {
        self.record(&table::site(id))
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> Result<Option<Node>, ReadError> {
        self.record(&table::node(id))
    }

    /// What a node has answered when it was asked for what it keeps.
    pub fn custody(&self, node: NodeId) -> Result<Option<Custody>, ReadError> {
        self.record(&table::custody(node))
    }

    /// The same of all nodes, those that have left with a failure among them, in the order
    /// of their ids.
    pub fn custodies(&self) -> Result<Vec<Custody>, ReadError> {
        let row = |_: &[u8], value: &[u8]| Ok(Custody::decode(value)?);
        self.page(&[table::CUSTODY], None, CUSTODY_NODES_MAX, row)
    }

    /// The invitation with this id, open or not.
    pub fn invite(&self, id: InviteId) -> Result<Option<Invite>, ReadError> {
        self.record(&table::invite(id))
    }

    /// All invitations, open or not, in the order of their ids.
    pub fn invites(&self) -> Result<Vec<Invite>, ReadError> {
        let most = INVITES_OPEN_MAX + INVITES_CLOSED_MAX;
        self.page(&[table::INVITE], None, most, |_, value| Ok(Invite::decode(value)?))
    }

    /// The placement policy that was set for exactly this.
    pub fn policy(&self, scope: PolicyScope) -> Result<Option<Policy>, ReadError> {
        self.record(&table::policy(scope))
    }

    /// Placement policies, after that of this scope.
    pub fn policies(
        &self,
        after: Option<PolicyScope>,
        limit: usize,
    ) -> Result<Vec<(PolicyScope, Policy)>, ReadError> {
        let after = after.map(table::policy);
        self.page(&[table::POLICY], after.as_deref(), limit, |key, value| {
            Ok((table::policy_of(key)?, Policy::decode(value)?))
        })
    }
}
