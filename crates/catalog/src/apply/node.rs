//! Nodes: joining by an invitation, and what each says of its addresses and disks.
//!
//! **Invariant**: `map_disk` has a row for each disk that a node lists, and no other.

use std::collections::BTreeSet;

use units::{DiskId, NodeId, SiteId};

use super::tx::{Tx, check_size};
use super::{disk, invite, map, site};
use crate::command::{NodeJoin, NodeNew, NodeSet, SiteJoin};
use crate::limits::{DISKS_PER_NODE_MAX, DISKS_PER_SITE_MAX, NODE_ADDRESSES_MAX, NODES_MAX};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{Damaged, Node, NodeRole, Record};
use crate::refusal::Refusal;
use crate::table;

/// All nodes, in the order of their ids.
pub(super) fn all(tx: &Tx<'_>) -> Result<Vec<Node>, Halt> {
    let mut nodes = Vec::new();
    for row in tx.rows.scan_prefix(&[table::NODE]) {
        nodes.push(Node::decode(&row?.1)?);
    }
    Ok(nodes)
}

/// The node, if it is on the map.
pub(super) fn find(tx: &mut Tx<'_>, id: NodeId) -> Result<Option<Node>, Halt> {
    tx.rows.record_often(&table::node(id))
}

/// The node that lists a disk.
pub(super) fn listing(tx: &mut Tx<'_>, disk: DiskId) -> Result<Option<NodeId>, Halt> {
    let Some(bytes) = tx.rows.get_often(&table::map_disk(disk))? else { return Ok(None) };
    let id = <[u8; 16]>::try_from(bytes.as_slice()).map_err(|_| Damaged { kind: "map disk" })?;
    Ok(Some(NodeId::from_bytes(id)))
}

pub(super) fn join(tx: &mut Tx<'_>, ask: &NodeJoin) -> Result<Success, Halt> {
    map::needed(tx)?;
    if invite::has_joined(tx, ask.invite, &ask.node)? {
        return map::unchanged(tx);
    }
    invite::take_up(tx, ask.invite, &ask.node)?;
    let at = match &ask.site {
        SiteJoin::New(new) => {
            site::add(tx, new, ask.node.id)?;
            new.id
        }
        SiteJoin::Existing(id) => {
            if site::find(tx, *id)?.is_draining() {
                return Err(Refusal::SiteDraining { site: *id }.into());
            }
            *id
        }
    };
    add(tx, &ask.node, at)?;
    map::moved_on(tx)
}

/// Puts a node on the map.
pub(super) fn add(tx: &mut Tx<'_>, new: &NodeNew, site: SiteId) -> Result<(), Halt> {
    let nodes = all(tx)?;
    if nodes.iter().any(|node| node.id == new.id) {
        return Err(Refusal::NodeExists.into());
    }
    if nodes.iter().any(|node| node.key == new.key) || invite::has_key(tx, new.key)? {
        return Err(Refusal::NodeKeyTaken.into());
    }
    check_size("the list of nodes", nodes.len().saturating_add(1), NODES_MAX)?;
    check_size("the addresses of a node", new.addresses.len(), NODE_ADDRESSES_MAX)?;
    check_disks(tx, (new.id, site, new.role), &new.disks)?;
    for disk in &new.disks {
        if listing(tx, *disk)?.is_some() {
            return Err(Refusal::DiskListed { disk: *disk }.into());
        }
        tx.rows.put(table::map_disk(*disk), new.id.to_bytes().to_vec());
    }
    let node = Node {
        id: new.id,
        site,
        key: new.key,
        addresses: new.addresses.clone(),
        role: new.role,
        disks: new.disks.clone(),
        joined: tx.at,
    };
    tx.rows.put_record(table::node(node.id), &node);
    Ok(())
}

/// What holds for the disks of every node, whoever listed them before.
fn check_disks(
    tx: &mut Tx<'_>,
    (id, site, role): (NodeId, SiteId, NodeRole),
    disks: &[DiskId],
) -> Result<(), Halt> {
    check_size("the disks of a node", disks.len(), DISKS_PER_NODE_MAX)?;
    let others = all(tx)?;
    let others = others.iter().filter(|node| node.site == site && node.id != id);
    let at_site = others.map(|node| node.disks.len()).sum::<usize>().saturating_add(disks.len());
    check_size("the disks of a site", at_site, DISKS_PER_SITE_MAX)?;
    if role == NodeRole::Witness && !disks.is_empty() {
        return Err(Refusal::WitnessWithDisks.into());
    }
    let mut seen = BTreeSet::new();
    if let Some(disk) = disks.iter().copied().find(|disk| !seen.insert(*disk)) {
        return Err(Refusal::DiskListed { disk }.into());
    }
    disk::none_forgotten(tx, disks)
}

pub(super) fn set(tx: &mut Tx<'_>, ask: &NodeSet) -> Result<Success, Halt> {
    map::needed(tx)?;
    let mut node = find(tx, ask.node)?.ok_or(Refusal::NoSuchNode)?;
    if let Some(addresses) = &ask.addresses {
        check_size("the addresses of a node", addresses.len(), NODE_ADDRESSES_MAX)?;
        node.addresses.clone_from(addresses);
    }
    let moved_on = match &ask.disks {
        Some(disks) => set_disks(tx, &mut node, disks)?,
        None => false,
    };
    tx.rows.put_record(table::node(node.id), &node);
    if moved_on { map::moved_on(tx) } else { map::unchanged(tx) }
}

/// The node lists these disks from now on; whether others than before.
fn set_disks(tx: &mut Tx<'_>, node: &mut Node, disks: &[DiskId]) -> Result<bool, Halt> {
    check_disks(tx, (node.id, node.site, node.role), disks)?;
    if let Some(disk) = node.disks.iter().copied().find(|disk| !disks.contains(disk)) {
        return Err(Refusal::DiskNotForgotten { disk }.into());
    }
    let come: Vec<_> = disks.iter().copied().filter(|disk| !node.disks.contains(disk)).collect();
    for disk in &come {
        unlist_row(tx, *disk)?;
        tx.rows.put(table::map_disk(*disk), node.id.to_bytes().to_vec());
    }
    node.disks = disks.to_vec();
    Ok(!come.is_empty())
}

/// The disk is forgotten: no node lists it any more.
pub(super) fn unlist(tx: &mut Tx<'_>, disk: DiskId) -> Result<(), Halt> {
    if unlist_row(tx, disk)? {
        map::moved_on(tx)?;
    }
    Ok(())
}

fn unlist_row(tx: &mut Tx<'_>, disk: DiskId) -> Result<bool, Halt> {
    let Some(id) = listing(tx, disk)? else { return Ok(false) };
    if let Some(mut node) = find(tx, id)? {
        node.disks.retain(|listed| *listed != disk);
        tx.rows.put_record(table::node(id), &node);
    }
    tx.rows.remove(table::map_disk(disk));
    Ok(true)
}

/// Takes a node off the map, with its disks.
pub(super) fn remove(tx: &mut Tx<'_>, node: &Node) {
    for disk in &node.disks {
        tx.rows.remove(table::map_disk(*disk));
    }
    tx.rows.remove(table::node(node.id));
}
