//! Commands about the site map.

use core::time::Duration;
use std::collections::BTreeMap;

use catalog::command::{
    InviteCreate, InviteRevoke, MapFound, NodeJoin, NodeNew, NodeSet, Placed, PlacedCommand,
    PolicySet, PolicyTarget, SiteDrain, SiteJoin, SiteNew, SiteRemove, SiteStatementSet,
};
use catalog::{
    Command, NodeAddress, NodeRole, NodeSignature, SignedStatement, SiteName, StatementBytes,
};
use units::{
    DiskId, Epoch, InviteId, NodeId, NodePublicKey, Signature, SiteId, TenantId, Timestamp,
};

use super::super::model::Model;
use super::super::world::TENANT;
use super::Generator;

const SITES: u64 = 5;
const NODES: u64 = 6;

fn node_key(number: u64) -> NodePublicKey {
    NodePublicKey([u8::try_from(number % 256).unwrap_or(0); 32])
}

fn invite_id(number: u64) -> InviteId {
    InviteId::from_u128(number.into())
}

/// Mostly one that is not there yet.
fn fresh<T: Copy + Ord>(there: &BTreeMap<T, impl Sized>, draw: impl Fn() -> T) -> T {
    let fresh = (0..4).map(|_| draw()).find(|id| !there.contains_key(id));
    fresh.unwrap_or_else(draw)
}

impl Generator {
    /// The same command, placed: mostly on the map that is there.
    pub(super) fn placed(&self, model: &Model, command: Command) -> Command {
        let Some(inner) = PlacedCommand::of(command.clone()) else { return command };
        let epoch = if self.one_in(5) { self.below(model.map.epoch + 2) } else { model.map.epoch };
        Command::Placed(Box::new(Placed { epoch: Epoch::new(epoch), command: inner }))
    }

    pub(super) fn about_map(&mut self, model: &Model, now: Timestamp) -> Command {
        if !model.map.is_founded() && !self.one_in(6) {
            return self.found(model, NodeId::from_u128(1));
        }
        match self.below(24) {
            0..=5 => self.node_set(model),
            6 | 7 => self.invite(now),
            8 if self.one_in(2) => {
                Command::InviteRevoke(InviteRevoke { id: self.some_invite(model) })
            }
            8..=12 => self.join(model),
            13 | 14 => self.statement_set(model),
            15 => Command::SiteDrain(SiteDrain { site: self.site(), on: self.one_in(2) }),
            16..=20 => self.remove(model),
            21 | 22 => self.policy(model),
            _ => self.found(model, self.node()),
        }
    }

    fn site(&self) -> SiteId {
        SiteId::from_u128(u128::from(1 + self.below(SITES)))
    }

    fn node(&self) -> NodeId {
        NodeId::from_u128(u128::from(1 + self.below(NODES)))
    }

    /// The disks in use now and soon.
    fn disks_in_use(&self, model: &Model) -> Vec<DiskId> {
        let numbers = [1, 2].into_iter().chain(self.leaving..self.leaving + 7);
        let mut disks: Vec<_> = numbers.map(|number| DiskId::from_u128(number.into())).collect();
        if !self.one_in(12) {
            disks.retain(|disk| !model.forgotten.contains(disk));
        }
        disks
    }

    /// A disk on which little lies.
    pub(super) fn quiet_disk(&self) -> DiskId {
        DiskId::from_u128(u128::from(900 + self.below(6)))
    }

    fn found(&self, model: &Model, node: NodeId) -> Command {
        let site = self.site_new(model, node);
        let node = self.node_new(node, NodeRole::Full, self.disks_in_use(model));
        Command::MapFound(Box::new(MapFound { site, node }))
    }

    fn site_new(&self, model: &Model, node: NodeId) -> SiteNew {
        let statement = self.one_in(3).then(|| self.statement(model, node));
        let id = fresh(&model.map.sites, || self.site());
        SiteNew { id, name: self.site_name(), statement }
    }

    fn site_name(&self) -> SiteName {
        SiteName::new(format!("site {}", self.below(SITES * 2))).expect("a valid name")
    }

    fn statement(&self, model: &Model, by: NodeId) -> SignedStatement {
        let there: Vec<_> = model.map.nodes.keys().copied().collect();
        let other = self.one_in(2).then(|| self.pick(&there).copied()).flatten();
        let byte = u8::try_from(self.below(3)).unwrap_or(0);
        let signed = |node| NodeSignature { node, signature: Signature([byte; 64]) };
        SignedStatement {
            bytes: StatementBytes::new(vec![byte; 3]),
            signed: signed(if self.one_in(6) { self.node() } else { by }),
            countersigned: other.map(signed),
            until: Timestamp::from_seconds(2_000_000),
        }
    }

    fn node_new(&self, id: NodeId, role: NodeRole, disks: Vec<DiskId>) -> NodeNew {
        let number = if self.one_in(12) {
            self.below(NODES)
        } else {
            u64::try_from(id.to_u128()).unwrap_or(0)
        };
        NodeNew { id, key: node_key(number), addresses: self.addresses(), role, disks }
    }

    fn addresses(&self) -> Vec<NodeAddress> {
        let one = |_| NodeAddress::new(format!("host-{}:7070", self.below(9))).expect("valid");
        (0..self.below(3)).map(one).collect()
    }

    /// Mostly: a node lists one more disk that is in use, be it another's.
    fn node_set(&self, model: &Model) -> Command {
        let ids: Vec<_> = model.map.nodes.keys().copied().collect();
        let node = match self.pick(&ids) {
            Some(id) if !self.one_in(12) => *id,
            _ => self.node(),
        };
        let addresses = self.one_in(3).then(|| self.addresses());
        let listed = model.map.nodes.get(&node).map(|node| node.disks.clone());
        let mut disks = listed.unwrap_or_default();
        let in_use = self.disks_in_use(model);
        let unlisted = in_use.iter().filter(|disk| model.map.site_of(**disk).is_none()).copied();
        match self.below(8) {
            0 if !disks.is_empty() => drop(disks.remove(0)),
            // What is to leave gets a site of its own, which may then be removed.
            1 | 2 => disks.push(DiskId::from_u128(self.leaving.into())),
            3 => disks.extend(self.pick(&in_use).copied()),
            _ => disks.extend(unlisted),
        }
        if !self.one_in(8) {
            disks.sort();
            disks.dedup();
        }
        let disks = (!self.one_in(8)).then_some(disks);
        Command::NodeSet(NodeSet { node, addresses, disks })
    }

    fn role(&self) -> NodeRole {
        self.pick(&[NodeRole::Full, NodeRole::Full, NodeRole::Storage, NodeRole::Witness])
            .copied()
            .unwrap_or(NodeRole::Full)
    }

    fn invite(&mut self, now: Timestamp) -> Command {
        if !self.one_in(6) {
            self.invites += 1;
        }
        let key = if self.one_in(10) { self.below(NODES) } else { 50 + self.invites };
        Command::InviteCreate(InviteCreate {
            id: invite_id(self.invites),
            key: node_key(key),
            role: self.role(),
            expires: now.after(Duration::from_secs(self.below(400_000))),
            made_by: "camille".to_owned(),
        })
    }

    /// Mostly one that is there.
    fn some_invite(&self, model: &Model) -> InviteId {
        let there: Vec<_> = model.map.invites.keys().copied().collect();
        let newest = there.get(there.len().saturating_sub(4)..).unwrap_or_default();
        let some = self.pick(newest).copied().filter(|_| !self.one_in(8));
        some.unwrap_or_else(|| invite_id(self.invites.saturating_sub(self.below(4))))
    }

    fn join(&self, model: &Model) -> Command {
        let id = self.some_invite(model);
        let invite = model.map.invites.get(&id);
        let by = invite.and_then(|invite| invite.used).map(|(node, _)| node);
        let fresh = fresh(&model.map.nodes, || self.node());
        let node = by.filter(|_| self.one_in(2)).unwrap_or(fresh);
        let role = invite.map(|invite| invite.role).filter(|_| !self.one_in(8));
        let role = role.unwrap_or_else(|| self.role());
        let disks = match self.below(4) {
            _ if role == NodeRole::Witness && !self.one_in(8) => Vec::new(),
            0 => self.disks_in_use(model).split_off(3),
            1 => Vec::new(),
            _ => vec![self.quiet_disk()],
        };
        let site = if self.one_in(4) {
            SiteJoin::Existing(self.site())
        } else {
            SiteJoin::New(Box::new(self.site_new(model, node)))
        };
        let node = self.node_new(node, role, disks);
        Command::NodeJoin(Box::new(NodeJoin { invite: id, site, node }))
    }

    fn statement_set(&self, model: &Model) -> Command {
        let at: Vec<_> = model.map.nodes.iter().map(|(id, node)| (*id, node.site)).collect();
        let some = self.pick(&at).copied().filter(|_| !self.one_in(6));
        let (node, site) = some.unwrap_or_else(|| (self.node(), self.site()));
        let name = self.site_name();
        let statement = self.statement(model, node);
        Command::SiteStatementSet(Box::new(SiteStatementSet { site, name, statement }))
    }

    /// Mostly a site with disks on which little lies, in steps.
    fn remove(&self, model: &Model) -> Command {
        let leaving = DiskId::from_u128(self.leaving.into());
        let disk = if self.one_in(3) { leaving } else { self.quiet_disk() };
        let there = model.map.site_of(disk).filter(|_| !self.one_in(6));
        let site = there.unwrap_or_else(|| self.site());
        let rows = u32::try_from(self.below(30)).unwrap_or(0);
        Command::SiteRemove(SiteRemove { site, lost: self.one_in(12), rows })
    }

    fn policy(&self, model: &Model) -> Command {
        let target = match self.below(5) {
            0 => PolicyTarget::Cluster,
            1 => PolicyTarget::Tenant(TENANT),
            2 => PolicyTarget::Tenant(TenantId::from_u128(u128::from(6 + self.below(3)))),
            _ => PolicyTarget::Bucket(model.reference(self.bucket_number())),
        };
        let text = (!self.one_in(3)).then(|| format!("policy {}", self.below(3)));
        Command::PolicySet(PolicySet { target, text })
    }
}
