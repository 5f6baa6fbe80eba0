//! The model of the site map: which sites and nodes there are, who may join, and which
//! refusals may be given. Where several reasons hold, which is given is not said.

use std::collections::{BTreeMap, BTreeSet};

use catalog::command::{
    InviteCreate, MapFound, NodeJoin, NodeNew, NodeSet, PolicySet, PolicyTarget, SiteJoin, SiteNew,
    SiteRemove, SiteStatementSet,
};
use catalog::{Command, NodeAddress, NodeRole, PolicyScope, SignedStatement};
use units::{DiskId, InviteId, NodeId, NodePublicKey, PartId, SiteId, Timestamp};

use super::model::Said;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    pub name: String,
    pub statement: Option<SignedStatement>,
    pub is_draining: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub site: SiteId,
    pub key: NodePublicKey,
    pub role: NodeRole,
    pub addresses: Vec<NodeAddress>,
    pub disks: Vec<DiskId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    pub key: NodePublicKey,
    pub role: NodeRole,
    pub expires: Timestamp,
    pub used: Option<(NodeId, Timestamp)>,
}

/// The map; at epoch zero there is none.
#[derive(Clone, Debug, Default)]
pub struct MapModel {
    pub epoch: u64,
    pub sites: BTreeMap<SiteId, Site>,
    pub nodes: BTreeMap<NodeId, Node>,
    pub invites: BTreeMap<InviteId, Invite>,
    pub policies: BTreeMap<PolicyScope, (String, u64)>,
    /// Disks that parts lie on although no node lists them, and need not.
    pub adrift: BTreeSet<DiskId>,
    /// The site that is searched for, in which epoch, and the last part looked at.
    search: Option<(SiteId, u64, PartId)>,
}

type Slots = BTreeMap<PartId, Vec<DiskId>>;

impl MapModel {
    pub fn is_founded(&self) -> bool {
        self.epoch > 0
    }

    pub fn site_of(&self, disk: DiskId) -> Option<SiteId> {
        self.nodes.values().find(|node| node.disks.contains(&disk)).map(|node| node.site)
    }

    fn mapped(&self) -> Said {
        Said::Mapped { epoch: self.epoch }
    }

    fn moved_on(&mut self) -> Said {
        self.epoch += 1;
        self.mapped()
    }

    /// Why slots may not lie on these disks, if they may not.
    pub fn unfit(&self, slots: &[DiskId], is_moved: bool) -> Option<&'static str> {
        if !self.is_founded() {
            return None;
        }
        slots.iter().find_map(|disk| match self.site_of(*disk) {
            None => Some("DiskUnknown"),
            Some(site) if is_moved && self.sites[&site].is_draining => Some("SiteDraining"),
            Some(_) => None,
        })
    }

    /// A search minds what comes to its site.
    pub fn come(&mut self, slots: &[DiskId]) {
        let sites: Vec<_> = slots.iter().filter_map(|disk| self.site_of(*disk)).collect();
        self.search = self.search.filter(|(site, ..)| !sites.contains(site));
    }

    pub fn forget(&mut self, disk: DiskId) {
        if self.site_of(disk).is_some() {
            self.nodes.values_mut().for_each(|node| node.disks.retain(|listed| *listed != disk));
            self.epoch += 1;
        }
    }

    pub fn policy_drop(&mut self, scope: PolicyScope) {
        if self.policies.remove(&scope).is_some() {
            self.epoch += 1;
        }
    }

    /// What a command about the map does; `None` if it is about something else.
    pub fn apply(
        &mut self,
        now: Timestamp,
        command: &Command,
        slots: &Slots,
        forgotten: &BTreeSet<DiskId>,
    ) -> Option<Said> {
        let is_about_it = matches!(
            command,
            Command::InviteCreate(_)
                | Command::InviteRevoke(_)
                | Command::NodeJoin(_)
                | Command::NodeSet(_)
                | Command::SiteStatementSet(_)
                | Command::SiteDrain(_)
                | Command::SiteRemove(_)
                | Command::PolicySet(_)
        );
        if is_about_it && !self.is_founded() {
            return Some(Said::Refused("NoMap"));
        }
        Some(match command {
            Command::MapFound(ask) => self.found(ask, slots, forgotten),
            Command::InviteCreate(ask) => self.invite(now, ask),
            Command::InviteRevoke(ask) => match self.invites.get(&ask.id) {
                None => Said::Refused("NoSuchInvite"),
                Some(Invite { used: Some(_), .. }) => Said::Refused("InviteUsed"),
                Some(_) => {
                    self.sweep(now);
                    self.invites.remove(&ask.id);
                    self.mapped()
                }
            },
            Command::NodeJoin(ask) => self.join(now, ask, forgotten),
            Command::NodeSet(ask) => self.node_set(ask, forgotten),
            Command::SiteStatementSet(ask) => self.statement(ask),
            Command::SiteDrain(ask) => {
                let Some(site) = self.sites.get(&ask.site) else {
                    return Some(Said::Refused("NoSuchSite"));
                };
                let is_last = self.keepers(ask.site).all(|site| site.is_draining);
                match (site.is_draining == ask.on, ask.on && is_last) {
                    (true, _) => self.mapped(),
                    (false, true) => Said::Refused("LastSite"),
                    (false, false) => {
                        self.sites.get_mut(&ask.site)?.is_draining = ask.on;
                        self.moved_on()
                    }
                }
            }
            Command::SiteRemove(ask) => self.remove(ask, slots),
            _ => return None,
        })
    }

    fn found(&mut self, ask: &MapFound, slots: &Slots, forgotten: &BTreeSet<DiskId>) -> Said {
        if self.is_founded() {
            let there = self.nodes.get(&ask.node.id);
            let is_same =
                there.is_some_and(|node| node.key == ask.node.key && node.site == ask.site.id);
            return if is_same { self.mapped() } else { Said::Refused("MapFounded") };
        }
        let faults =
            [self.site_faults(&ask.site, ask.node.id), self.node_faults(&ask.node, forgotten)];
        let faults = faults.concat();
        if !faults.is_empty() {
            return Said::RefusedAny(faults);
        }
        self.add(ask.site.id, Some(&ask.site), &ask.node);
        let all = slots.values().flatten().copied();
        self.adrift = all.filter(|disk| !ask.node.disks.contains(disk)).collect();
        self.moved_on()
    }

    fn add(&mut self, id: SiteId, site: Option<&SiteNew>, node: &NodeNew) {
        if let Some(new) = site {
            let (name, statement) = (new.name.to_string(), new.statement.clone());
            self.sites.insert(id, Site { name, statement, is_draining: false });
        }
        let node = (
            node.id,
            Node {
                site: id,
                key: node.key,
                role: node.role,
                addresses: node.addresses.clone(),
                disks: node.disks.clone(),
            },
        );
        self.nodes.extend([node]);
    }

    fn site_faults(&self, new: &SiteNew, with: NodeId) -> Vec<&'static str> {
        let mut faults = Vec::new();
        if self.sites.contains_key(&new.id) {
            faults.push("SiteExists");
        }
        if self.sites.values().any(|site| site.name == new.name.as_str()) {
            faults.push("SiteNameTaken");
        }
        if let Some(statement) = &new.statement {
            let other = statement.countersigned.map(|by| by.node);
            let fit = other
                .is_none_or(|other| self.nodes.get(&other).is_some_and(|node| node.site != new.id));
            if statement.signed.node != with || !fit {
                faults.push("SignerUnfit");
            }
        }
        faults
    }

    fn node_faults(&self, new: &NodeNew, forgotten: &BTreeSet<DiskId>) -> Vec<&'static str> {
        let mut faults = disk_faults(new.role, &new.disks, forgotten);
        if self.nodes.contains_key(&new.id) {
            faults.push("NodeExists");
        }
        let keys = self.nodes.values().map(|node| node.key);
        if keys.chain(self.invites.values().map(|invite| invite.key)).any(|key| key == new.key) {
            faults.push("NodeKeyTaken");
        }
        if new.disks.iter().any(|disk| self.site_of(*disk).is_some()) {
            faults.push("DiskListed");
        }
        faults
    }

    /// What is over is dropped: a trial never has too many.
    fn sweep(&mut self, now: Timestamp) {
        let week = catalog::limits::INVITE_CLOSED_KEPT;
        self.invites.retain(|_, invite| {
            let closed = invite.used.map_or(invite.expires, |(_, at)| at);
            (invite.used.is_none() && now < invite.expires) || now.since(closed) < week
        });
    }

    fn invite(&mut self, now: Timestamp, ask: &InviteCreate) -> Said {
        if ask.expires <= now {
            return Said::Refused("InviteExpired");
        }
        let before = self.invites.clone();
        self.sweep(now);
        let new = Invite { key: ask.key, role: ask.role, expires: ask.expires, used: None };
        let mut faults = Vec::new();
        match self.invites.get(&ask.id) {
            Some(same) if *same == new => return self.mapped(),
            Some(_) => faults.push("InviteExists"),
            None => {}
        }
        if self.invites.values().any(|other| other.key == ask.key) {
            faults.push("InviteExists");
        }
        if self.nodes.values().any(|node| node.key == ask.key) {
            faults.push("NodeKeyTaken");
        }
        let open = self.invites.values().filter(|one| one.used.is_none() && now < one.expires);
        if open.count() >= catalog::limits::INVITES_OPEN_MAX {
            faults.push("TooLarge");
        }
        if !faults.is_empty() {
            self.invites = before;
            return Said::RefusedAny(faults);
        }
        self.invites.insert(ask.id, new);
        self.mapped()
    }

    fn join(&mut self, now: Timestamp, ask: &NodeJoin, forgotten: &BTreeSet<DiskId>) -> Said {
        let Some(invite) = self.invites.get(&ask.invite).cloned() else {
            return Said::Refused("NoSuchInvite");
        };
        let there = self.nodes.get(&ask.node.id);
        if invite.used.is_some_and(|(by, _)| by == ask.node.id)
            && there.is_some_and(|node| node.key == ask.node.key)
        {
            return self.mapped();
        }
        let mut faults = Vec::new();
        if invite.used.is_some() {
            faults.push("InviteUsed");
        }
        if invite.expires <= now {
            faults.push("InviteExpired");
        }
        if invite.role != ask.node.role {
            faults.push("InviteForRole");
        }
        let (id, new) = match &ask.site {
            SiteJoin::New(new) => {
                faults.extend(self.site_faults(new, ask.node.id));
                (new.id, Some(&**new))
            }
            SiteJoin::Existing(id) => {
                match self.sites.get(id) {
                    None => faults.push("NoSuchSite"),
                    Some(site) if site.is_draining => faults.push("SiteDraining"),
                    Some(_) => {}
                }
                (*id, None)
            }
        };
        faults.extend(self.node_faults(&ask.node, forgotten));
        if !faults.is_empty() {
            return Said::RefusedAny(faults);
        }
        self.sweep(now);
        self.invites.insert(ask.invite, Invite { used: Some((ask.node.id, now)), ..invite });
        self.add(id, new, &ask.node);
        self.moved_on()
    }

    fn node_set(&mut self, ask: &NodeSet, forgotten: &BTreeSet<DiskId>) -> Said {
        let Some(node) = self.nodes.get(&ask.node).cloned() else {
            return Said::Refused("NoSuchNode");
        };
        let disks = ask.disks.clone().unwrap_or_else(|| node.disks.clone());
        let mut faults = disk_faults(node.role, &disks, forgotten);
        if node.disks.iter().any(|disk| !disks.contains(disk)) {
            faults.push("DiskNotForgotten");
        }
        if !faults.is_empty() {
            return Said::RefusedAny(faults);
        }
        let others = disks.iter().any(|disk| !node.disks.contains(disk));
        for other in self.nodes.values_mut() {
            other.disks.retain(|disk| !disks.contains(disk));
        }
        let addresses = ask.addresses.clone().unwrap_or_else(|| node.addresses.clone());
        self.nodes.insert(ask.node, Node { addresses, disks, ..node });
        if others { self.moved_on() } else { self.mapped() }
    }

    fn statement(&mut self, ask: &SiteStatementSet) -> Said {
        let Some(site) = self.sites.get(&ask.site).cloned() else {
            return Said::Refused("NoSuchSite");
        };
        let is_there = |node: NodeId| self.nodes.get(&node).map(|node| node.site == ask.site);
        let other = ask.statement.countersigned.map(|by| by.node);
        let mut faults = Vec::new();
        if is_there(ask.statement.signed.node) != Some(true)
            || other.is_some_and(|other| is_there(other) != Some(false))
        {
            faults.push("SignerUnfit");
        }
        let mut others = self.sites.iter().filter(|(id, _)| **id != ask.site);
        if others.any(|(_, other)| other.name == ask.name.as_str()) {
            faults.push("SiteNameTaken");
        }
        if !faults.is_empty() {
            return Said::RefusedAny(faults);
        }
        let new =
            Site { name: ask.name.to_string(), statement: Some(ask.statement.clone()), ..site };
        if self.sites.insert(ask.site, new.clone()) == Some(new) {
            self.mapped()
        } else {
            self.moved_on()
        }
    }

    /// The other sites that keep fragments.
    fn keepers(&self, but: SiteId) -> impl Iterator<Item = &Site> {
        let keeps = move |id: &SiteId| {
            let mut nodes = self.nodes.values();
            nodes.any(|node| node.site == *id && node.role != NodeRole::Witness)
        };
        self.sites.iter().filter(move |(id, _)| **id != but && keeps(id)).map(|(_, site)| site)
    }

    fn remove(&mut self, ask: &SiteRemove, slots: &Slots) -> Said {
        if !self.sites.contains_key(&ask.site) {
            return Said::Refused("NoSuchSite");
        }
        if self.keepers(ask.site).next().is_none() {
            return Said::Refused("LastSite");
        }
        let nodes = self.nodes.values().filter(|node| node.site == ask.site);
        let disks: BTreeSet<_> = nodes.flat_map(|node| node.disks.iter().copied()).collect();
        if !ask.lost && !disks.is_empty() {
            let begun = self.search.filter(|(site, at, _)| (*site, *at) == (ask.site, self.epoch));
            let through = begun.map(|(_, _, part)| part);
            let most = ask.rows.max(1) as usize;
            let ahead = slots.iter().filter(|(part, _)| through.is_none_or(|at| **part > at));
            let seen: Vec<_> = ahead.take(most).collect();
            if seen.iter().any(|(_, slots)| slots.iter().any(|disk| disks.contains(disk))) {
                return Said::Refused("SiteInUse");
            }
            if seen.len() == most {
                self.search = seen.last().map(|(part, _)| (ask.site, self.epoch, **part));
                return Said::SiteRemove { finished: false };
            }
        }
        if ask.lost {
            self.adrift.extend(disks);
        }
        self.search = None;
        self.nodes.retain(|_, node| node.site != ask.site);
        self.sites.remove(&ask.site);
        self.epoch += 1;
        Said::SiteRemove { finished: true }
    }

    /// Sets a policy of something that is there.
    pub fn policy(&mut self, ask: &PolicySet) -> Said {
        let scope = match &ask.target {
            PolicyTarget::Cluster => PolicyScope::Cluster,
            PolicyTarget::Tenant(id) => PolicyScope::Tenant(*id),
            PolicyTarget::Bucket(bucket) => PolicyScope::Bucket(bucket.id),
        };
        if self.policies.get(&scope).map(|(text, _)| text) == ask.text.as_ref() {
            return self.mapped();
        }
        self.policies.remove(&scope);
        let said = self.moved_on();
        if let Some(text) = &ask.text {
            self.policies.insert(scope, (text.clone(), self.epoch));
        }
        said
    }
}

fn disk_faults(
    role: NodeRole,
    disks: &[DiskId],
    forgotten: &BTreeSet<DiskId>,
) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if role == NodeRole::Witness && !disks.is_empty() {
        faults.push("WitnessWithDisks");
    }
    if disks.iter().collect::<BTreeSet<_>>().len() < disks.len() {
        faults.push("DiskListed");
    }
    if disks.iter().any(|disk| forgotten.contains(disk)) {
        faults.push("DiskForgotten");
    }
    faults
}
