//! A running node at one site, and the disks of nodes at others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use catalog::command::{
    InviteCreate, MapFound, NodeJoin, NodeNew, PolicySet, PolicyTarget, SiteDrain, SiteJoin,
    SiteNew, SiteRemove,
};
use catalog::{Command, NodeRole, PartRow, SiteName};
use disk::{Disk, SimDisk};
use fragments::testing::{Hostile, Lie};
use fragments::{ClusterStore, FragmentName, FragmentStore, Waits};
use objects::{ObjectName, Objects};
use simulator::{Running, Site, SiteOptions};
use steward::{CustodyIdentity, Moves, Steward};
use units::{
    Clock, ClusterId, DiskId, InviteId, NodeId, NodePublicKey, PartId, SimClock, SimRandom, SiteId,
};
use vault::NodeIdentity;
use wire::{Handler, Service, SimNetwork, Transport as _};

/// Sites that may join, the first among them.
const MOST: u8 = 8;

/// How often each site says how its disks do.
const REPORT_EVERY: Duration = Duration::from_millis(10);

/// The cluster of every trial.
const CLUSTER: ClusterId = ClusterId::from_u128(1);

/// A running site and others whose disks it uses.
pub struct Cluster {
    pub site: Site,
    pub network: Arc<SimNetwork>,
    pub running: Running,
    pub store: ClusterStore,
    others: BTreeMap<u8, FragmentStore>,
    hostile: BTreeMap<u8, Arc<Hostile>>,
    map: BTreeMap<DiskId, NodeId>,
    watching: tokio::task::JoinHandle<()>,
}

/// The key of a node.
fn identity(number: u8) -> NodeIdentity {
    NodeIdentity::from_seed(&[number; 32]).expect("a seed makes a key")
}

/// Who signs for a node with the key of this number.
fn signer(number: u8, key: u8, clock: &Arc<SimClock>) -> Arc<CustodyIdentity> {
    Arc::new(CustodyIdentity {
        cluster: CLUSTER,
        site: site(number),
        node: node(number),
        identity: Arc::new(identity(key)),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
    })
}

pub fn node(number: u8) -> NodeId {
    NodeId::from_u128(number.into())
}

pub fn site(number: u8) -> SiteId {
    SiteId::from_u128(u128::from(number) << 64)
}

/// `site-1` and so on.
pub fn site_name(number: u8) -> String {
    format!("site-{number}")
}

fn site_new(number: u8) -> Result<SiteNew> {
    Ok(SiteNew { id: site(number), name: SiteName::new(site_name(number))?, statement: None })
}

fn node_new(number: u8, disks: Vec<DiskId>) -> NodeNew {
    NodeNew {
        id: node(number),
        key: identity(number).public(),
        addresses: Vec::new(),
        role: NodeRole::Full,
        disks,
    }
}

impl Cluster {
    /// The site 1 alone, with so many disks, on the map.
    pub async fn alone(seed: u64, disks: usize) -> Result<Self> {
        let site = Site::new(SiteOptions { seed, disks });
        let Running { consensus, fragments: local, objects, steward } = site.start().await?;
        let network = SimNetwork::new(seed);
        let roster = SimNetwork::roster((2..=MOST).map(node));
        let transport = network.join(node(1), roster);
        // Nothing takes time here: what is known of others' disks would be too old.
        let waits = Waits { report_every: REPORT_EVERY, ..Waits::default() };
        let store = ClusterStore::new(local.clone(), transport, waits);
        let parts = objects::Parts { fragments: store.clone(), ..objects.parts().clone() };
        drop((objects, steward));
        let objects = Objects::new(parts);
        let steward = Steward::new(objects.clone(), site.settings.clone());
        local.signer_set(signer(1, 1, &site.clock));
        steward.custody_begin(CLUSTER, node(1));
        let disks = local.disks();
        let map = disks.iter().map(|disk| (*disk, node(1))).collect();
        let found = MapFound { site: site_new(1)?, node: node_new(1, disks) };
        consensus.propose(Command::MapFound(Box::new(found))).await?;
        let cluster = Self {
            site,
            network,
            running: Running { consensus, fragments: local, objects, steward },
            watching: tokio::spawn(store.watch()),
            store,
            others: BTreeMap::new(),
            hostile: BTreeMap::new(),
            map,
        };
        cluster.store.map_set(cluster.map.clone());
        Ok(cluster)
    }

    /// Sites 1 to `sites`, a disk each, and the bucket `actes` of the tenant `commune`.
    pub async fn of(seed: u64, sites: u8) -> Result<Self> {
        let mut cluster = Self::alone(seed, 1).await?;
        for number in 2..=sites {
            cluster.join(number, 1).await?;
        }
        cluster.tenant_and_bucket().await?;
        Ok(cluster)
    }

    pub async fn tenant_and_bucket(&self) -> Result<()> {
        let tenant = self.running.tenant("commune").await?;
        self.running.bucket(&tenant, "actes", false).await?;
        Ok(())
    }

    pub async fn propose(&self, command: Command) -> Result<()> {
        self.running.consensus.propose(command).await?;
        Ok(())
    }

    /// One more site, with so many blank disks.
    pub async fn join(&mut self, number: u8, disks: usize) -> Result<()> {
        self.join_with(number, (0..disks).map(|_| SimDisk::new()).collect()).await
    }

    /// One more site, with these blank disks.
    pub async fn join_with(&mut self, number: u8, disks: Vec<Arc<SimDisk>>) -> Result<()> {
        let blank = disks.into_iter().map(|disk| disk as Arc<dyn Disk>).collect();
        let random = SimRandom::seeded(number.into());
        let store = FragmentStore::open(CLUSTER, blank, &random).await?;
        let transport = self.network.join(node(number), SimNetwork::roster([node(1)]));
        let clock = &self.site.clock;
        let (own, strange) = (signer(number, number, clock), signer(number, 99, clock));
        let hostile = Arc::new(Hostile::new(store.clone(), own, strange));
        transport.serve(Service::Fragments, Arc::clone(&hostile) as Arc<dyn Handler>);
        transport.serve(Service::Upkeep, Arc::clone(&hostile) as Arc<dyn Handler>);
        self.hostile.insert(number, hostile);
        let disks = store.disks();
        self.map.extend(disks.iter().map(|disk| (*disk, node(number))));
        self.store.map_set(self.map.clone());
        self.others.insert(number, store);
        let id = InviteId::from_u128(number.into());
        let expires = self.site.clock.now().after(Duration::from_hours(1));
        let (key, role) = (NodePublicKey([100 + number; 32]), NodeRole::Full);
        let invite = InviteCreate { id, key, role, expires, made_by: "test".to_owned() };
        self.propose(Command::InviteCreate(invite)).await?;
        let joins = SiteJoin::New(Box::new(site_new(number)?));
        let join = NodeJoin { invite: id, site: joins, node: node_new(number, disks) };
        self.propose(Command::NodeJoin(Box::new(join))).await?;
        self.until(number, true).await
    }

    /// Waits until a site's disks can be reached, or cannot.
    pub async fn until(&self, number: u8, is_there: bool) -> Result<()> {
        let begun = Instant::now();
        for disk in self.disks_of(number) {
            while self.store.reach(disk).is_there() != is_there {
                ensure!(begun.elapsed() < Duration::from_mins(1), "{:?}", self.store.reach(disk));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(())
    }

    /// Waits until each site has said once more how its disks do.
    pub async fn reports_are_new(&self) {
        tokio::time::sleep(REPORT_EVERY * 10).await;
    }

    pub fn disks_of(&self, number: u8) -> Vec<DiskId> {
        let of = |(disk, at): (&DiskId, &NodeId)| (*at == node(number)).then_some(*disk);
        self.map.iter().filter_map(of).collect()
    }

    /// At which site a disk is.
    pub fn site_of(&self, disk: DiskId) -> Option<u8> {
        let at = self.map.get(&disk)?;
        (1..=MOST).find(|number| node(*number) == *at)
    }

    pub async fn drain(&self, number: u8, on: bool) -> Result<()> {
        self.propose(Command::SiteDrain(SiteDrain { site: site(number), on })).await
    }

    pub async fn remove(&self, number: u8, lost: bool) -> Result<()> {
        let remove = SiteRemove { site: site(number), lost, rows: 10_000 };
        self.propose(Command::SiteRemove(remove)).await
    }

    /// A site burns down, and is given up.
    pub async fn lose(&mut self, number: u8) -> Result<()> {
        self.network.down(node(number));
        self.remove(number, true).await?;
        self.map.retain(|_, at| *at != node(number));
        self.store.map_set(self.map.clone());
        if let Some(store) = self.others.remove(&number) {
            store.shutdown().await;
        }
        Ok(())
    }

    pub async fn policy(&self, bucket: Option<&str>, text: &str) -> Result<()> {
        let target = match bucket {
            None => PolicyTarget::Cluster,
            Some(name) => {
                let found = self.running.consensus.view().bucket(&name.parse()?)?;
                PolicyTarget::Bucket(found.context("a bucket")?.reference())
            }
        };
        let text = Some(text.to_owned());
        self.propose(Command::PolicySet(PolicySet { target, text })).await
    }

    pub async fn put(&self, bucket: &str, count: u8) -> Result<Vec<(ObjectName, Bytes)>> {
        let mut stored = Vec::new();
        for number in 0..count {
            let name = ObjectName::new(bucket, &format!("acte-{number}"))?;
            let body = Bytes::from(vec![number; 30_000 + usize::from(number) * 40_000]);
            self.running.put(&name, body.clone()).await?;
            stored.push((name, body));
        }
        Ok(stored)
    }

    pub async fn all_read(&self, stored: &[(ObjectName, Bytes)]) -> Result<()> {
        for (name, body) in stored {
            let read = self.running.get(name).await.with_context(|| format!("{name:?}"))?;
            ensure!(read == *body, "{name:?} reads as another");
        }
        Ok(())
    }

    /// Parts that are referred to.
    pub fn parts(&self) -> Result<Vec<(PartId, PartRow)>> {
        let mut parts = self.running.consensus.view().parts(None, 1_000)?;
        parts.retain(|(_, row)| row.references > 0);
        Ok(parts)
    }

    /// The site of each slot of each part; 0 where there is none.
    pub fn lies(&self) -> Result<Vec<Vec<u8>>> {
        let sites =
            |row: &PartRow| row.slots.iter().map(|disk| self.site_of(*disk).unwrap_or(0)).collect();
        Ok(self.parts()?.iter().map(|(_, row)| sites(row)).collect())
    }

    /// Walks and repairs until there is nothing left to do; how many were repaired.
    pub async fn repaired(&self) -> Result<u64> {
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

    /// The steward's walks until nothing moves any more; what it says then.
    pub async fn moved(&self) -> Result<Moves> {
        for _ in 0..1_000 {
            if !self.running.steward.moves_step().await? {
                let said = self.running.steward.status().borrow().moves.clone();
                return said.context("it says how far it is");
            }
        }
        anyhow::bail!("it does not rest")
    }

    /// The line to a site is cut, until all are healed.
    pub fn cut(&self, number: u8) {
        self.network.cut(node(1), node(number));
        self.network.cut(node(number), node(1));
    }

    /// Every fragment is where the catalog says, and good.
    pub async fn whole(&self) -> Result<()> {
        let census = self.running.steward.census().await?;
        ensure!(census.is_whole(), "{census:?}");
        Ok(())
    }

    /// Walks until it is noted whose all parts are.
    pub async fn buckets_noted(&self) -> Result<()> {
        while self.running.steward.buckets_step().await? {}
        let noted = self.running.consensus.view().job(&catalog::Job::part_buckets())?;
        noted.context("it is noted").map(|_| ())
    }

    /// How another site lies from now on when it is asked for what it keeps.
    pub fn lie_set(&self, number: u8, lie: Lie) {
        if let Some(hostile) = self.hostile.get(&number) {
            hostile.lie_set(lie);
        }
    }

    /// The disks of another site.
    pub fn store_of(&self, number: u8) -> Option<&FragmentStore> {
        self.others.get(&number)
    }

    /// What lies on a disk of another site.
    pub fn held(&self, number: u8, disk: DiskId) -> Vec<FragmentName> {
        let store = self.others.get(&number);
        let held = store.map(|store| store.list(disk, None, 1_000)).unwrap_or_default();
        held.into_iter().map(|listed| listed.name).collect()
    }

    pub async fn stop(self) {
        self.watching.abort();
        for store in self.others.into_values() {
            store.shutdown().await;
        }
        self.running.stop().await;
    }
}
