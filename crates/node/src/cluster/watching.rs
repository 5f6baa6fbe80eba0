//! Makes what this node knows of the others follow the catalog's site map, and the map
//! follow what this node is.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catalog::command::{MapFound, NodeNew, NodeSet, SiteNew};
use catalog::{
    Command, NodeAddress, NodeRole, ReadError, SignedStatement, SiteMap, SiteName, View,
};
use consensus::Consensus;
use fragments::ClusterStore;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use units::{DiskId, NodeId, NodePublicKey, SiteId};
use wire::{Peer, Roster, Transport};

use crate::identity::Identity;
use crate::trouble::chain;

/// How often everything is followed anew, whatever has changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// How long to wait before the map is told again who this node is.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What it works with.
pub(crate) struct Watching {
    pub(crate) consensus: Consensus,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) fragments: ClusterStore,
    pub(crate) node: NodeId,
    pub(crate) site: SiteId,
    pub(crate) site_name: SiteName,
    /// What the first site says about itself when it founds the map.
    pub(crate) statement: Option<SignedStatement>,
    pub(crate) key: NodePublicKey,
    pub(crate) addresses: Vec<NodeAddress>,
    /// The disks that this node counts on.
    pub(crate) disks: Arc<Mutex<BTreeSet<DiskId>>>,
}

/// Whom the map says to know. Invitations that are used or expired are known too: their
/// holder is told what became of them, and one whose join was cut is let in again.
pub(crate) fn roster(view: &View) -> Result<Roster, ReadError> {
    let map = view.site_map()?;
    let nodes = map.nodes.into_iter().map(|node| {
        let addresses = node.addresses.iter().map(ToString::to_string).collect();
        (node.id, Peer { key: node.key, addresses })
    });
    let invites = view.invites()?.into_iter().map(|invite| (invite.id, invite.key)).collect();
    Ok(Roster { nodes: nodes.collect(), invites })
}

/// Which node has which disk.
fn disks_of(map: &SiteMap) -> BTreeMap<DiskId, NodeId> {
    let of = |node: &catalog::Node| {
        let id = node.id;
        node.disks.clone().into_iter().map(move |disk| (disk, id))
    };
    map.nodes.iter().flat_map(of).collect()
}

/// The disks that this node counts on, by its file.
pub(crate) fn disks_counted(identity: &Identity) -> BTreeSet<DiskId> {
    identity.disks.iter().map(|known| known.id).collect()
}

impl Watching {
    /// Tells the map once who this node is, before it serves: a node alone needs nobody
    /// for that. What does not work now is tried again by [`Watching::run`].
    pub(crate) async fn begin(&self) {
        self.follow();
        if self.consensus.status().is_leader
            && let Err(error) = self.tell().await
        {
            tracing::warn!(reason = error, "the site map does not know this node as it is");
        }
        self.follow();
    }

    /// Follows until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), String> {
        let mut applied = self.consensus.applied();
        let mut introductions = self.consensus.introductions();
        let mut seen = None;
        let mut was_known = false;
        loop {
            let revision = self.consensus.directory_revision();
            if seen != Some(revision) {
                let is_known = self.follow();
                if was_known && is_known == Some(false) {
                    tracing::warn!(
                        "this node was removed from the cluster: the others speak to it no \
                         more, and it serves nothing; stop it, and join anew with an empty data \
                         directory"
                    );
                }
                was_known = is_known.unwrap_or(was_known);
                seen = Some(revision);
            }
            let told = self.tell().await;
            let pause = match &told {
                Ok(()) => LOOK_INTERVAL,
                Err(error) => {
                    tracing::debug!(reason = error, "the site map could not be told");
                    TELL_AGAIN_AFTER
                }
            };
            let changed = async {
                while self.consensus.directory_revision() == revision {
                    if applied.changed().await.is_err() {
                        return std::future::pending().await;
                    }
                }
            };
            let introduced = async {
                if introductions.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = changed => {}
                () = introduced => seen = None,
                () = tokio::time::sleep(pause) => seen = None,
            }
        }
    }

    /// Knows whom the map says to know, and whom others say while this node is behind;
    /// whether the map knows this node, if that can be told.
    fn follow(&self) -> Option<bool> {
        let view = self.consensus.view();
        let map = match view.site_map() {
            Ok(map) if map.is_founded() => map,
            Ok(_) => return None,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the site map cannot be read");
                return None;
            }
        };
        match roster(&view) {
            // A node that does not find itself yet is behind, and was told more than this.
            Ok(mut roster) if roster.nodes.contains_key(&self.node) => {
                self.consensus.introductions().borrow().complete(&mut roster, map.epoch);
                self.transport.roster_set(roster);
            }
            Ok(_) => return Some(false),
            Err(error) => tracing::warn!(error = %chain(&error), "the site map cannot be read"),
        }
        self.fragments.map_set(disks_of(&map));
        Some(true)
    }

    /// Tells the map what has changed about this node.
    async fn tell(&self) -> Result<(), String> {
        let view = self.consensus.view();
        let map = view.site_map().map_err(|error| chain(&error))?;
        // One that was forgotten since the start is on no map, and is not told to it again.
        let forgotten = view.disks_forgotten().map_err(|error| chain(&error))?;
        let is_kept = |disk: &DiskId| forgotten.iter().all(|one| one.disk != *disk);
        let disks: Vec<DiskId> = self.disks.lock().iter().copied().filter(is_kept).collect();
        let command = if map.is_founded() {
            let Some(row) = map.node(self.node) else {
                return Err("this node is not on the site map".to_owned());
            };
            let known: BTreeSet<DiskId> = row.disks.iter().copied().collect();
            let same_disks = known.iter().eq(disks.iter());
            let same_addresses = row.addresses == self.addresses;
            if same_disks && same_addresses {
                return Ok(());
            }
            let addresses = (!same_addresses).then(|| self.addresses.clone());
            let disks = (!same_disks).then_some(disks);
            Command::NodeSet(NodeSet { node: self.node, addresses, disks })
        } else {
            let node = NodeNew {
                id: self.node,
                key: self.key,
                addresses: self.addresses.clone(),
                role: NodeRole::Full,
                disks,
            };
            let (name, statement) = (self.site_name.clone(), self.statement.clone());
            let site = SiteNew { id: self.site, name, statement };
            Command::MapFound(Box::new(MapFound { site, node }))
        };
        self.consensus.propose(command).await.map(|_| ()).map_err(|error| chain(&error))
    }
}
