//! The object path and the steward of one node, with fragments on the disks of others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use catalog::VersionAsk;
use disk::{Disk, SimDisk};
use fragments::{ClusterStore, FragmentService, FragmentStore, Reach, Waits};
use objects::{DeleteObject, ObjectName, Objects};
use simulator::{Running, Site, SiteOptions, simulator};
use steward::Steward;
use units::{ClusterId, DiskId, NodeId, SimRandom};
use wire::{Handler, Service, SimNetwork, Transport as _};

const ME: NodeId = NodeId::from_u128(1);
const OTHERS: [NodeId; 4] =
    [NodeId::from_u128(2), NodeId::from_u128(3), NodeId::from_u128(4), NodeId::from_u128(5)];

/// A running site whose fragments lie on its own disk and on those of other nodes.
struct Cluster {
    network: Arc<SimNetwork>,
    running: Running,
    store: ClusterStore,
    others: BTreeMap<NodeId, FragmentStore>,
    map: BTreeMap<DiskId, NodeId>,
    watching: tokio::task::JoinHandle<()>,
}

/// A blank disk of another node.
async fn blank(seed: u64) -> Result<FragmentStore> {
    let disks = vec![SimDisk::new() as Arc<dyn Disk>];
    Ok(FragmentStore::open(ClusterId::from_u128(1), disks, &SimRandom::seeded(seed)).await?)
}

impl Cluster {
    async fn start(site: &Site) -> Result<Self> {
        let Running { consensus, fragments: local, objects, steward } = site.start().await?;
        let network = SimNetwork::new(7);
        let transport = network.join(ME, SimNetwork::roster(OTHERS));
        let store = ClusterStore::new(local.clone(), transport, Waits::default());
        let parts = objects::Parts { fragments: store.clone(), ..objects.parts().clone() };
        drop((objects, steward));
        let objects = Objects::new(parts);
        let steward = Steward::new(objects.clone(), site.settings.clone());
        let mut cluster = Self {
            network,
            running: Running { consensus, fragments: local.clone(), objects, steward },
            watching: tokio::spawn(store.watch()),
            store,
            others: BTreeMap::new(),
            map: local.disks().into_iter().map(|disk| (disk, ME)).collect(),
        };
        for (seed, node) in (100..).zip(OTHERS) {
            cluster.serve(node, blank(seed).await?);
            cluster.until(node, true).await?;
        }
        Ok(cluster)
    }

    /// A process of another node begins, with this disk.
    fn serve(&mut self, node: NodeId, store: FragmentStore) {
        let transport = self.network.join(node, SimNetwork::roster([ME]));
        let service = Arc::new(FragmentService::new(store.clone()));
        transport.serve(Service::Fragments, Arc::clone(&service) as Arc<dyn Handler>);
        transport.serve(Service::Upkeep, service);
        self.map.extend(store.disks().into_iter().map(|disk| (disk, node)));
        self.store.map_set(self.map.clone());
        self.others.insert(node, store);
    }

    fn disk_of(&self, node: NodeId) -> Result<DiskId> {
        let store = self.others.get(&node).context("a node")?;
        store.disks().first().copied().context("a disk")
    }

    /// Waits until a node's disk can be reached, or cannot.
    async fn until(&self, node: NodeId, is_there: bool) -> Result<()> {
        let disk = self.disk_of(node)?;
        let begun = Instant::now();
        while self.store.reach(disk).is_there() != is_there {
            ensure!(begun.elapsed() < Duration::from_mins(1), "{:?}", self.store.reach(disk));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn all_read(&self, stored: &[(ObjectName, Bytes)]) -> Result<()> {
        for (name, body) in stored {
            ensure!(self.running.get(name).await? == *body, "{name:?} reads as another");
        }
        Ok(())
    }

    /// Walks and repairs until there is nothing left to do; how many were repaired.
    async fn repaired(&self) -> Result<u64> {
        let mut repaired = 0;
        for _ in 0..100 {
            let walking = self.running.steward.damage_step().await?;
            let outcome = self.running.steward.repair_step().await?;
            repaired += outcome.repaired;
            if outcome.repaired == 0 && !walking {
                return Ok(repaired);
            }
        }
        anyhow::bail!("it does not rest")
    }

    async fn stop(self) {
        self.watching.abort();
        for store in self.others.into_values() {
            store.shutdown().await;
        }
        self.running.stop().await;
    }
}

async fn put(cluster: &Cluster, count: u8, prefix: &str) -> Result<Vec<(ObjectName, Bytes)>> {
    let mut stored = Vec::new();
    for number in 0..count {
        let name = ObjectName::new("actes", &format!("{prefix}-{number}"))?;
        let body = Bytes::from(vec![number; 30_000 + usize::from(number) * 40_000]);
        cluster.running.put(&name, body.clone()).await?;
        stored.push((name, body));
    }
    Ok(stored)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_lie_on_other_nodes_and_one_that_is_away_is_not_lost() -> Result<()> {
    let site = Site::new(SiteOptions { seed: 61, disks: 1 });
    let mut cluster = Cluster::start(&site).await?;
    let tenant = cluster.running.tenant("commune").await?;
    cluster.running.bucket(&tenant, "actes", false).await?;
    let mut stored = put(&cluster, 12, "acte").await?;
    cluster.all_read(&stored).await?;
    for (node, store) in &cluster.others {
        let held = store.list(cluster.disk_of(*node)?, None, 10);
        ensure!(!held.is_empty(), "{node} has nothing");
    }

    // One goes, and before anybody has noticed all is read.
    let away = OTHERS[3];
    let disk = cluster.disk_of(away)?;
    let status = cluster.running.steward.status();
    cluster.network.down(away);
    cluster.all_read(&stored).await?;
    cluster.until(away, false).await?;
    assert_eq!(cluster.store.reach(disk), Reach::Unreachable { node: away });
    cluster.all_read(&stored).await?;
    stored.extend(put(&cluster, 6, "later").await?);
    cluster.all_read(&stored).await?;
    assert_eq!(cluster.repaired().await?, 0, "nothing of it is rebuilt yet");
    assert_eq!(status.borrow().fragments_bad, 0, "nothing is known against it");
    cluster.running.steward.scrub_round().await?;
    assert_eq!(status.borrow().scrub.bad, 0, "nor by a scrub");

    // It comes back as it was.
    let store = cluster.others.get(&away).cloned().context("a node")?;
    cluster.serve(away, store);
    cluster.until(away, true).await?;
    let census = cluster.running.steward.census().await?;
    ensure!(census.is_whole(), "{census:?}");

    // It comes back with a blank disk: what was on the other is rebuilt.
    let old = cluster.others.get(&away).cloned().context("a node")?;
    cluster.network.down(away);
    cluster.serve(away, blank(999).await?);
    cluster.until(away, true).await?;
    assert_eq!(cluster.store.reach(disk), Reach::Missing);
    let census = cluster.running.steward.census().await?;
    ensure!(census.missing > 0, "{census:?}");
    ensure!(cluster.repaired().await? > 0, "nothing was rebuilt");
    let census = cluster.running.steward.census().await?;
    ensure!(census.is_whole(), "{census:?}");
    cluster.all_read(&stored).await?;

    // What is deleted is gone everywhere.
    for (name, _) in &stored {
        let ask = DeleteObject::plain(name.key.clone(), VersionAsk::Current);
        cluster.running.objects.object_delete(&simulator(), &name.bucket, ask, false).await?;
    }
    cluster.running.steward.clean_up_step().await?;
    for (node, store) in &cluster.others {
        assert_eq!(store.list(cluster.disk_of(*node)?, None, 10), [], "{node}");
    }
    old.shutdown().await;
    cluster.stop().await;
    Ok(())
}

/// Seen in the laboratory of sites: one after the other, with a round trip and a sync for
/// each disk, deleted parts left the disks more slowly than clients wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_parts_leave_far_disks_together() -> Result<()> {
    const PARTS: u8 = 24;
    const ONE_WAY: Duration = Duration::from_millis(20);
    let site = Site::new(SiteOptions { seed: 62, disks: 1 });
    let cluster = Cluster::start(&site).await?;
    let tenant = cluster.running.tenant("commune").await?;
    cluster.running.bucket(&tenant, "actes", false).await?;
    for (name, _) in put(&cluster, PARTS, "acte").await? {
        let ask = DeleteObject::plain(name.key.clone(), VersionAsk::Current);
        cluster.running.objects.object_delete(&simulator(), &name.bucket, ask, false).await?;
    }
    cluster.network.delay_set_all(ONE_WAY, Duration::ZERO);
    let begun = Instant::now();
    assert_eq!(cluster.running.steward.clean_up_step().await?, u64::from(PARTS));
    // Of each part to four disks and back, were it one after the other.
    let in_turn = ONE_WAY * 2 * u32::from(PARTS) * 4;
    let took = begun.elapsed();
    ensure!(took < in_turn / 4, "{took:?}, one after the other it takes {in_turn:?}");
    for (node, store) in &cluster.others {
        assert_eq!(store.list(cluster.disk_of(*node)?, None, 10), [], "{node}");
    }
    cluster.stop().await;
    Ok(())
}
