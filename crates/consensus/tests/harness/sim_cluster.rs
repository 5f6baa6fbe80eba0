//! Several nodes' catalogs over a simulated network: proposers everywhere, an oracle.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use catalog::command::{InviteCreate, MapFound, NodeJoin, NodeNew, SiteJoin, SiteNew};
use catalog::{Command, JobName, NodeRole, SealedBytes, SiteName};
use consensus::{CheckpointRule, Consensus, LeadRule, OpenError, Parts, ProposeError};
use disk::{Disk, SimDisk, Survival};
use kv::{Engine, SimEngine};
use tokio::time::Instant;
use units::{
    ByteCount, Clock, ClusterId, InviteId, LogIndex, NodeId, NodePublicKey, SimRandom, SiteId,
    Timestamp,
};
use wire::{SimNetwork, Transport};

use super::tampering::{Tampered, Tampering};

/// Time as the runtime has it.
pub struct RuntimeClock(Instant);

impl RuntimeClock {
    pub fn start() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000).after(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The clock of a machine: the same stop-watch as all, and a wall clock that may be off.
pub struct MachineClock {
    right: Arc<RuntimeClock>,
    hours: AtomicI64,
}

impl MachineClock {
    /// Sets it so many hours off.
    pub fn set(&self, hours: i64) {
        self.hours.store(hours, Ordering::SeqCst);
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        let off = self.hours.load(Ordering::SeqCst) * 3_600_000_000;
        Timestamp::from_micros(self.right.now().micros() + off)
    }

    fn elapsed(&self) -> Duration {
        self.right.elapsed()
    }
}

/// A machine: its disks and its clock survive its process.
pub struct Machine {
    pub node: NodeId,
    pub disk: Arc<SimDisk>,
    pub engine: Arc<SimEngine>,
    pub clock: Arc<MachineClock>,
    pub up: Option<Consensus>,
}

/// Machines and the network between them.
pub struct Cluster {
    pub network: Arc<SimNetwork>,
    pub clock: Arc<RuntimeClock>,
    pub machines: Vec<Machine>,
    pub checkpoint: CheckpointRule,
    pub lead: LeadRule,
    pub tampering: Arc<Tampering>,
}

pub const fn node_id(number: usize) -> NodeId {
    NodeId::from_u128(number as u128 + 1)
}

const fn site_id(number: usize) -> SiteId {
    SiteId::from_u128(number as u128 + 1)
}

fn key(number: usize) -> NodePublicKey {
    SimNetwork::node_key(node_id(number))
}

fn node_new(number: usize, role: NodeRole) -> NodeNew {
    NodeNew {
        id: node_id(number),
        key: key(number),
        addresses: Vec::new(),
        role,
        disks: Vec::new(),
    }
}

fn site_new(number: usize) -> SiteNew {
    let name = SiteName::new(format!("site-{number}")).expect("a name");
    SiteNew { id: site_id(number), name, statement: None }
}

impl Cluster {
    /// So many machines, the first of which founds the cluster; the others have joined
    /// and those that should vote do.
    pub async fn start(seed: u64, count: usize) -> Self {
        Self::start_with(seed, count, LeadRule::default()).await
    }

    /// The same, with another rule of who leads.
    pub async fn start_with(seed: u64, count: usize, lead: LeadRule) -> Self {
        let mut cluster = Self::founded_with(seed, count, lead).await;
        for number in 1..count {
            cluster.join(number, NodeRole::Full).await;
        }
        let voters = match count {
            4 => 3,
            count => count.min(5),
        };
        cluster.until("all seats are taken", |status| status.voters.len() == voters).await;
        cluster
    }

    /// The first machine is up and alone on the map; the others are off.
    pub async fn founded(seed: u64, count: usize) -> Self {
        Self::founded_with(seed, count, LeadRule::default()).await
    }

    /// The same, with another rule of who leads.
    pub async fn founded_with(seed: u64, count: usize, lead: LeadRule) -> Self {
        let (network, clock) = (SimNetwork::new(seed), RuntimeClock::start());
        let machine = |number| Machine {
            node: node_id(number),
            disk: SimDisk::new(),
            engine: Arc::new(SimEngine::seeded(seed + number as u64)),
            clock: Arc::new(MachineClock { right: Arc::clone(&clock), hours: AtomicI64::new(0) }),
            up: None,
        };
        let checkpoint = CheckpointRule {
            bytes: ByteCount::new(64 * 1024),
            entries: 500,
            interval: Duration::from_millis(20),
        };
        let machines = (0..count).map(machine).collect();
        let tampering = Arc::default();
        let mut cluster = Self { network, clock, machines, checkpoint, lead, tampering };
        cluster.up(0).await;
        let found = MapFound { site: site_new(0), node: node_new(0, NodeRole::Full) };
        cluster.consensus(0).propose(Command::MapFound(Box::new(found))).await.expect("founded");
        cluster
    }

    /// Changes a row of the directory, at whoever leads.
    pub async fn rules_change(&self, number: usize) {
        let id = InviteId::from_u128(number as u128 + 101);
        let key = SimNetwork::invite_key(id);
        let expires = self.clock.now().after(Duration::from_hours(1));
        let (role, made_by) = (NodeRole::Full, "a test".to_owned());
        let invite = InviteCreate { id, key, role, expires, made_by };
        let leader = self.consensus(self.leader().await);
        leader.propose(Command::InviteCreate(invite)).await.expect("invited");
    }

    /// Starts the process of a machine on what its disks have.
    pub async fn up(&mut self, number: usize) {
        let opened = self.open(number).await;
        self.machines[number].up = Some(opened.expect("opens"));
    }

    async fn open(&self, number: usize) -> Result<Consensus, OpenError> {
        let roster = SimNetwork::roster((0..self.machines.len()).map(node_id));
        let inner = self.network.join(node_id(number), roster);
        let transport = Arc::new(Tampered { inner, tampering: Arc::clone(&self.tampering) });
        let machine = &self.machines[number];
        let parts = Parts {
            checkpoint: self.checkpoint,
            lead: self.lead,
            propose_timeout: Duration::from_secs(5),
            transport: Some(transport as Arc<dyn Transport>),
            founds: number == 0,
            ..Parts::new(
                Arc::clone(&machine.disk) as Arc<dyn Disk>,
                Arc::clone(&machine.engine) as Arc<dyn Engine>,
                Arc::clone(&machine.clock) as Arc<dyn Clock>,
                Arc::new(SimRandom::seeded(number as u64)),
                ClusterId::from_u128(9),
                machine.node,
            )
        };
        Consensus::open(parts).await
    }

    /// The same, unless its disks fail meanwhile.
    pub async fn up_if_it_opens(&mut self, number: usize) {
        let opened = self.open(number).await;
        self.machines[number].up = opened.ok();
    }

    /// Puts a machine on the map and starts it.
    pub async fn join(&mut self, number: usize, role: NodeRole) {
        self.join_at(number, role, SiteJoin::New(Box::new(site_new(number)))).await;
    }

    /// Puts a machine on the map, at the site of another, and starts it.
    pub async fn join_beside(&mut self, number: usize, other: usize) {
        self.join_at(number, NodeRole::Full, SiteJoin::Existing(site_id(other))).await;
    }

    async fn join_at(&mut self, number: usize, role: NodeRole, site: SiteJoin) {
        let id = InviteId::from_u128(number as u128 + 1);
        let key = SimNetwork::invite_key(id);
        let expires = self.clock.now().after(Duration::from_hours(1));
        let made_by = "a test".to_owned();
        let invite = InviteCreate { id, key, role, expires, made_by };
        let join = NodeJoin { invite: id, site, node: node_new(number, role) };
        for command in [Command::InviteCreate(invite), Command::NodeJoin(Box::new(join))] {
            self.consensus(0).propose(command).await.expect("joins");
        }
        self.up(number).await;
    }

    /// Stops the process of a machine in order; others see the end of it afterwards only.
    pub async fn stop(&mut self, number: usize) {
        if let Some(up) = self.machines[number].up.take() {
            up.shutdown().await;
        }
        self.network.down(node_id(number));
    }

    /// Kills the process of a machine; with a power cut what was not synced goes too.
    pub async fn kill(&mut self, number: usize, power_cut: Option<u64>) {
        let survival = power_cut.map(|seed| (Survival::Drawn(seed), seed));
        self.end(number, survival).await;
    }

    /// Cuts the power of a machine: of its log nothing survives that was not synced.
    pub async fn kill_losing_all(&mut self, number: usize, seed: u64) {
        self.end(number, Some((Survival::LoseAll, seed))).await;
    }

    async fn end(&mut self, number: usize, power_cut: Option<(Survival, u64)>) {
        self.network.down(node_id(number));
        let machine = &mut self.machines[number];
        // As they are now: how the process ends makes nothing durable any more.
        let left = power_cut.map(|(survival, seed)| {
            let engine = Arc::new(machine.engine.after_power_cut(Some(seed)));
            (machine.disk.after_power_cut(survival), engine)
        });
        // One that did not even open has nothing to be ended.
        if let Some(up) = machine.up.take() {
            up.kill().await;
        }
        if let Some((disk, engine)) = left {
            (machine.disk, machine.engine) = (disk, engine);
        }
    }

    pub fn consensus(&self, number: usize) -> Consensus {
        self.machines[number].up.clone().expect("the machine is up")
    }

    /// The number of the machine that leads, once the others agree.
    pub async fn leader(&self) -> usize {
        for _ in 0..1_000 {
            let ups = self.machines.iter().filter_map(|machine| machine.up.as_ref());
            let led: Vec<_> =
                ups.map(Consensus::status).filter(|status| status.is_leader).collect();
            if let [one] = &led[..] {
                let leader = one.leader.expect("it leads");
                return self.machines.iter().position(|m| m.node == leader).expect("a machine");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody leads, or several do, for ten seconds");
    }

    /// Has a machine lead, by killing whoever leads instead.
    pub async fn has_lead(&mut self, number: usize) {
        for _ in 0..50 {
            let leader = self.leader().await;
            if leader == number {
                return;
            }
            self.kill(leader, None).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            self.up(leader).await;
        }
        panic!("machine {number} does not come to lead");
    }

    /// Waits until every running machine's status is like this.
    pub async fn until(&self, what: &str, is: impl Fn(&consensus::Status) -> bool) {
        for _ in 0..3_000 {
            let mut ups = self.machines.iter().filter_map(|machine| machine.up.as_ref());
            if ups.all(|up| is(&up.status())) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let ups = self.machines.iter().filter_map(|machine| machine.up.as_ref());
        let all: Vec<_> = ups.map(Consensus::status).collect();
        panic!("not within half a minute: {what}; {all:#?}");
    }

    /// Ends every process in order.
    pub async fn shutdown(&mut self) {
        for machine in &mut self.machines {
            if let Some(up) = machine.up.take() {
                up.shutdown().await;
            }
        }
    }
}

fn name(register: usize) -> JobName {
    JobName::new(format!("register-{register}")).expect("a plain name")
}

/// Writes a register from one machine.
pub async fn write(consensus: &Consensus, register: usize, value: u64) -> Result<(), ProposeError> {
    let state = Some(SealedBytes::new(value.to_be_bytes().to_vec()));
    consensus.propose(Command::JobSet { name: name(register), state }).await.map(|_| ())
}

/// The same as of an entry.
pub async fn write_as_of(
    consensus: &Consensus,
    register: usize,
    value: u64,
    as_of: LogIndex,
) -> Result<(), ProposeError> {
    let state = Some(SealedBytes::new(value.to_be_bytes().to_vec()));
    let command = Command::JobSet { name: name(register), state };
    consensus.propose_as_of(command, Some(as_of)).await.map(|_| ())
}

/// Reads a register from one machine, linearizably; `None` if it cannot be read now.
pub async fn read(consensus: &Consensus, register: usize) -> Option<u64> {
    let view = consensus.read().await.ok()?;
    Some(read_stale(&view, register))
}

/// What a view has in a register.
pub fn read_stale(view: &catalog::View, register: usize) -> u64 {
    let job = view.job(&name(register)).expect("a readable row");
    job.map_or(0, |job| {
        let bytes = job.state.as_slice().try_into().expect("eight bytes");
        u64::from_be_bytes(bytes)
    })
}

/// Writes a register from one machine until that is done; how it was stamped.
pub async fn stamp_of(consensus: &Consensus, register: usize, value: u64) -> Timestamp {
    while write(consensus, register, value).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let job = consensus.view().job(&name(register)).expect("a readable row");
    job.expect("it was written").updated
}

/// All rows of a machine, the reserved ones left out.
pub fn rows(consensus: &Consensus) -> BTreeMap<Vec<u8>, Vec<u8>> {
    use core::ops::Bound;
    let view = consensus.view();
    let rows = view.rows().scan(Bound::Unbounded, Bound::Excluded(&[kv::RESERVED_PREFIX]));
    rows.map(|row| row.expect("a readable row")).collect()
}
