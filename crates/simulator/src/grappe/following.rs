//! Has a node know whom the site map says to know, and the map know the node's disks: as
//! `node` does it, whose own follows real sockets and files.

use core::time::Duration;
use std::sync::Arc;

use anyhow::Result;
use catalog::Command;
use catalog::command::NodeSet;
use consensus::Consensus;
use fragments::ClusterStore;
use units::{DiskId, NodeId};
use wire::{Peer, Roster, Transport};

/// How often everything is followed anew, whatever has changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// How long to wait before the map is told again which disks this node has.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What it works with.
pub(crate) struct Following {
    pub(crate) consensus: Consensus,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) fragments: ClusterStore,
    pub(crate) node: NodeId,
    pub(crate) disks: Vec<DiskId>,
}

/// Whom the map of a catalog says to know.
pub(crate) fn roster(view: &catalog::View) -> Result<Roster> {
    let nodes = view.site_map()?.nodes.into_iter();
    let peer = |node: catalog::Node| (node.id, Peer { key: node.key, addresses: Vec::new() });
    let invites = view.invites()?.into_iter().map(|invite| (invite.id, invite.key)).collect();
    Ok(Roster { nodes: nodes.map(peer).collect(), invites })
}

impl Following {
    /// Follows until it is aborted.
    pub(crate) async fn run(self) {
        let mut applied = self.consensus.applied();
        let mut introductions = self.consensus.introductions();
        loop {
            let revision = self.consensus.directory_revision();
            // What cannot be read now can be later.
            let _ = self.follow();
            let pause = if self.tell().await { LOOK_INTERVAL } else { TELL_AGAIN_AFTER };
            let changed = async {
                while self.consensus.directory_revision() == revision {
                    if applied.changed().await.is_err() {
                        return core::future::pending().await;
                    }
                }
            };
            let introduced = async {
                if introductions.changed().await.is_err() {
                    core::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                () = changed => {}
                () = introduced => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Knows whom the map says to know, if the map knows this node, and whom others say while
    /// it is behind.
    pub(crate) fn follow(&self) -> Result<()> {
        let view = self.consensus.view();
        let map = view.site_map()?;
        if map.node(self.node).is_none() {
            return Ok(());
        }
        let mut known = roster(&view)?;
        self.consensus.introductions().borrow().complete(&mut known, map.epoch);
        self.transport.roster_set(known);
        let disks = map.nodes.iter().flat_map(|node| {
            let id = node.id;
            node.disks.iter().map(move |disk| (*disk, id))
        });
        self.fragments.map_set(disks.collect());
        Ok(())
    }

    /// Tells the map which disks this node has, if it does not know; whether it knows.
    async fn tell(&self) -> bool {
        let Ok(map) = self.consensus.view().site_map() else { return false };
        let Some(row) = map.node(self.node) else { return false };
        let (mut known, mut mine) = (row.disks.clone(), self.disks.clone());
        known.sort_unstable();
        mine.sort_unstable();
        if known == mine {
            return true;
        }
        let set = NodeSet { node: self.node, addresses: None, disks: Some(mine) };
        self.consensus.propose(Command::NodeSet(set)).await.is_ok()
    }
}
