//! A machine: disks that survive its process, and the process, wired as a node wires it.

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use consensus::{CheckpointRule, Consensus};
use disk::{Disk, SimDisk, Survival};
use fragments::{ClusterStore, FragmentService, FragmentStore, Waits};
use kv::{Engine, SimEngine};
use objects::Objects;
use steward::{CustodyIdentity, Settings, Steward};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use units::{ByteCount, Clock, ClusterId, NodeId, Random, SimRandom, SiteId};
use vault::{NodeIdentity, Vault};
use wire::{Handler, Roster, Service, SimNetwork, Transport};

use super::clock::{MachineClock, RuntimeClock};
use super::following::Following;
use super::judge::Judge;
use super::judged_engine::JudgedEngine;

/// The cluster of every trial.
pub(crate) const CLUSTER: ClusterId = ClusterId::from_u128(1);

/// What all machines share.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) seed: u64,
    pub(crate) network: Arc<SimNetwork>,
    pub(crate) clock: Arc<RuntimeClock>,
    pub(crate) checkpoint: CheckpointRule,
    pub(crate) settings: Settings,
    pub(crate) judge: Arc<Judge>,
}

/// A machine, the only one of its site.
pub(crate) struct Machine {
    pub(crate) number: u8,
    system: Arc<SimDisk>,
    data: Vec<Arc<SimDisk>>,
    engine: Arc<SimEngine>,
    clock: Arc<MachineClock>,
    lives: u64,
    process: Option<Process>,
    around: Surroundings,
}

/// What runs on a machine that is up.
pub(crate) struct Process {
    pub(crate) consensus: Consensus,
    pub(crate) fragments: FragmentStore,
    pub(crate) objects: Objects,
    pub(crate) steward: Steward,
    pub(crate) vault: Arc<Vault>,
    transport: Arc<dyn Transport>,
    /// Dropped with the process: who asks it for something learns that it has ended.
    alive: watch::Sender<()>,
    duties: steward::Tasks,
    watching: JoinHandle<()>,
    following: JoinHandle<()>,
}

/// What a client needs of a process.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) objects: Objects,
    alive: watch::Receiver<()>,
}

impl Door {
    /// What comes of a request; none if the process ends before or it takes too long.
    pub(crate) async fn ask<T>(self, within: Duration, ask: impl Future<Output = T>) -> Option<T> {
        let mut alive = self.alive;
        tokio::select! {
            biased;
            _ = alive.changed() => None,
            done = tokio::time::timeout(within, ask) => done.ok(),
        }
    }
}

/// The node of a site.
pub(crate) const fn node(number: u8) -> NodeId {
    NodeId::from_u128(number as u128)
}

/// The key of a node: the same in all its lives.
pub(crate) fn identity(number: u8) -> Result<NodeIdentity> {
    Ok(NodeIdentity::from_seed(&[number; 32])?)
}

/// The id of a site.
pub(crate) const fn site(number: u8) -> SiteId {
    SiteId::from_u128((number as u128) << 64)
}

/// `site-1` and so on.
pub(crate) fn site_name(number: u8) -> String {
    format!("site-{number}")
}

impl Machine {
    /// A machine with blank disks of these capacities; it is off.
    pub(crate) fn new(number: u8, disks: &[ByteCount], around: &Surroundings) -> Self {
        Self {
            number,
            system: SimDisk::new(),
            data: disks.iter().map(|bytes| SimDisk::with_capacity(*bytes)).collect(),
            engine: Arc::new(SimEngine::seeded(around.seed ^ u64::from(number))),
            clock: MachineClock::new(&around.clock),
            lives: 0,
            process: None,
            around: around.clone(),
        }
    }

    /// What runs on it, if it is up.
    pub(crate) fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// Its clock, which may be set.
    pub(crate) fn clock(&self) -> &MachineClock {
        &self.clock
    }

    /// Where its data lie, for rot.
    pub(crate) fn data(&self) -> &[Arc<SimDisk>] {
        &self.data
    }

    /// Starts it. `share` is the root key that whoever lets it in hands over, and `roster`
    /// whom it tells it to know; the first machine is let in by nobody.
    pub(crate) async fn start(&mut self, let_in: Option<(&[u8], Roster)>) -> Result<()> {
        self.lives += 1;
        let around = &self.around;
        let me = node(self.number);
        let own_clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let drawn = around.seed ^ u64::from(self.number) << 32 ^ self.lives << 40;
        let random: Arc<dyn Random> = Arc::new(SimRandom::seeded(drawn));
        let system = Arc::clone(&self.system) as Arc<dyn Disk>;
        let (share, roster) =
            let_in.map_or((None, Roster::default()), |(share, roster)| (Some(share), roster));
        let identity = Arc::new(identity(self.number)?);
        let transport: Arc<dyn Transport> = around.network.join_as(me, identity.public(), roster);
        let vault = match (Vault::exists(&*system)?, share) {
            (true, _) => Vault::open(Arc::clone(&system), Arc::clone(&random), None)?,
            (false, None) => Vault::create(Arc::clone(&system), Arc::clone(&random), None)?,
            (false, Some(share)) => {
                Vault::create_shared(Arc::clone(&system), Arc::clone(&random), None, share)?
            }
        };
        let vault = Arc::new(vault);
        let mut engine = Arc::clone(&self.engine) as Arc<dyn Engine>;
        if self.number == 1 {
            engine = Arc::new(JudgedEngine::new(engine, Arc::clone(&around.judge)));
        }
        let parts = consensus::Parts {
            transport: Some(Arc::clone(&transport)),
            founds: self.number == 1,
            checkpoint: around.checkpoint,
            ..consensus::Parts::new(
                system,
                engine,
                Arc::clone(&own_clock),
                Arc::clone(&random),
                CLUSTER,
                me,
            )
        };
        let consensus = Consensus::open(parts).await.context("the catalog does not open")?;
        let forgotten = consensus.view().disks_forgotten()?;
        let forgotten: BTreeSet<_> = forgotten.iter().map(|one| one.disk).collect();
        let data = self.data.iter().map(|disk| Arc::clone(disk) as Arc<dyn Disk>).collect();
        let fragments =
            FragmentStore::open_unless_forgotten(CLUSTER, data, &forgotten, &*random).await;
        let fragments = fragments.context("the fragment store does not open")?;
        let store = ClusterStore::new(fragments.clone(), Arc::clone(&transport), Waits::default());
        fragments.signer_set(Arc::new(CustodyIdentity {
            cluster: CLUSTER,
            site: site(self.number),
            node: me,
            identity,
            clock: own_clock,
        }));
        let service = Arc::new(FragmentService::new(fragments.clone()));
        transport.serve(Service::Fragments, Arc::clone(&service) as Arc<dyn Handler>);
        transport.serve(Service::Upkeep, service);
        let objects = Objects::new(objects::Parts {
            consensus: consensus.clone(),
            fragments: store.clone(),
            vault: Arc::clone(&vault),
            clock: consensus.clock(),
            random,
        });
        let steward = Steward::new(objects.clone(), around.settings.clone());
        steward.join_hands(&transport);
        steward.custody_begin(CLUSTER, me);
        let following = Following {
            consensus: consensus.clone(),
            transport: Arc::clone(&transport),
            fragments: store.clone(),
            node: me,
            disks: fragments.disks(),
        };
        following.follow()?;
        self.process = Some(Process {
            duties: steward.start(),
            watching: tokio::spawn(store.watch()),
            following: tokio::spawn(following.run()),
            consensus,
            fragments,
            objects,
            steward,
            vault,
            transport,
            alive: watch::channel(()).0,
        });
        Ok(())
    }

    /// Ends its process at once; with a draw the power goes, and of what was not synced
    /// stays what the draw says.
    pub(crate) async fn kill(&mut self, power_cut: Option<u64>) {
        let Some(process) = self.process.take() else { return };
        self.around.network.down(node(self.number));
        // As they are now: whatever the process still does, it does to disks that are gone.
        let survival = |add: u64| match power_cut {
            None => Survival::KeepAll,
            Some(draw) => Survival::Drawn(draw.wrapping_add(add)),
        };
        self.system = self.system.after_power_cut(survival(0));
        for (disk, add) in self.data.iter_mut().zip(1_u64..) {
            *disk = disk.after_power_cut(survival(add));
        }
        self.engine = Arc::new(self.engine.after_power_cut(power_cut));
        process.kill().await;
    }

    /// Ends its process in order.
    pub(crate) async fn stop(&mut self) {
        let Some(process) = self.process.take() else { return };
        process.stop().await;
        self.around.network.down(node(self.number));
    }
}

impl Process {
    /// The way in for clients.
    pub(crate) fn door(&self) -> Door {
        Door { objects: self.objects.clone(), alive: self.alive.subscribe() }
    }

    /// What it has heard of another node.
    pub(crate) fn contact(&self, with: NodeId) -> wire::Contact {
        self.transport.contact(with)
    }

    async fn kill(self) {
        let Self { consensus, fragments, duties, watching, following, .. } = self;
        watching.abort();
        following.abort();
        drop(duties);
        consensus.kill().await;
        drop(fragments);
    }

    async fn stop(self) {
        let Self { consensus, fragments, duties, watching, following, transport, .. } = self;
        following.abort();
        duties.shutdown().await;
        watching.abort();
        fragments.shutdown().await;
        consensus.shutdown().await;
        transport.shutdown().await;
    }
}
