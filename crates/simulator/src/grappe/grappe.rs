//! Machines, the network between them, and what an operator does to the sites.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use catalog::command::{
    InviteCreate, MapFound, NodeJoin, NodeNew, PolicySet, PolicyTarget, SiteDrain, SiteJoin,
    SiteNew, SiteRemove, SiteStatementSet,
};
use catalog::{BucketName, Command, NodeRole, Quota, Refusal, SiteName, Success, TenantName};
use consensus::{CheckpointRule, ProposeError};
use objects::BucketCreate;
use steward::{Replacement, Settings};
use units::{ByteCount, Clock as _, InviteId, NodeId, SiteId};
use wire::SimNetwork;

use super::client::BUCKETS;
use super::clock::RuntimeClock;
use super::draw::Draw;
use super::following::roster;
use super::machine::{Door, Machine, Process, Surroundings, identity, node, site, site_name};
use super::rules::Rule;
use super::town::{OPERATORS_COUNT, TOWNS_COUNT, Town};
use crate::simulator;

/// How long anything an operator does is tried.
const OPERATOR_PATIENCE: Duration = Duration::from_secs(40);

/// How long it is waited for the catalog as it is now.
const READ_PATIENCE: Duration = Duration::from_secs(1);

/// How long it may take until somebody leads once all machines are on.
const LEADS_WITHIN: Duration = Duration::from_mins(1);

/// Parts looked at by one step of a site's removal.
const REMOVE_ROWS: u32 = 10_000;

/// A cluster of sites.
pub(crate) struct Grappe {
    pub(crate) around: Surroundings,
    pub(crate) machines: BTreeMap<u8, Machine>,
    pub(crate) towns: BTreeMap<u8, Town>,
    pub(crate) draining: BTreeSet<u8>,
    next: u8,
}

impl Grappe {
    /// So many sites that have joined, the tenants and the buckets.
    pub(crate) async fn founded(seed: u64, draw: &mut Draw, sites: u8) -> Result<Self> {
        let checkpoint = CheckpointRule {
            bytes: ByteCount::new(64 * 1024),
            // Seldom, so that most who were away are told entries; or often.
            entries: if draw.one_in(3) { 40 } else { 4_000 },
            interval: Duration::from_secs(1),
        };
        let settings = Settings {
            release_grace: Duration::from_secs(5),
            orphan_grace: Duration::from_secs(90),
            orphan_period: Duration::from_mins(1),
            scrub_period: Duration::from_mins(2),
            away_lost_after: Duration::from_secs(100),
            custody_every: Duration::from_secs(2),
            ..Settings::default()
        };
        let around = Surroundings {
            seed,
            network: SimNetwork::new(seed),
            clock: RuntimeClock::start(),
            checkpoint,
            settings,
            judge: Arc::default(),
        };
        let (machines, towns, draining) = Default::default();
        let mut grappe = Self { around, machines, towns, draining, next: 1 };
        grappe.found(draw).await?;
        while grappe.next <= sites {
            grappe.join(draw).await?;
        }
        grappe.tenants().await?;
        Ok(grappe)
    }

    async fn found(&mut self, draw: &mut Draw) -> Result<()> {
        let number = self.machine_add(draw);
        let site = self.site_new(number)?;
        let machine = self.machines.get_mut(&number).context("a machine")?;
        machine.start(None).await?;
        let process = machine.process().context("it is up")?;
        let disks = process.fragments.disks();
        let node = NodeNew { disks, ..node_new(number)? };
        let found = MapFound { site, node };
        process.consensus.propose(Command::MapFound(Box::new(found))).await?;
        Ok(())
    }

    /// Hardware for one more site, and where it is.
    fn machine_add(&mut self, draw: &mut Draw) -> u8 {
        let number = self.next;
        self.next += 1;
        let disks: Vec<ByteCount> = (0..=usize::from(draw.one_in(4)))
            .map(|_| ByteCount::new((48 + 40 * draw.below(6) as u64) << 20))
            .collect();
        // Each of the first sites is in another town, so that rules can be kept.
        let place = (usize::from(number) - 1) % TOWNS_COUNT;
        let place = if number > 5 { draw.below(TOWNS_COUNT) } else { place };
        let certified = draw.below(4) > 0;
        let town = Town { place, operator: draw.below(OPERATORS_COUNT), certified };
        self.towns.insert(number, town);
        self.machines.insert(number, Machine::new(number, &disks, &self.around));
        number
    }

    fn site_new(&self, number: u8) -> Result<SiteNew> {
        let name = SiteName::new(site_name(number))?;
        let town = self.towns.get(&number).context("a town")?;
        let statement = Some(town.signed(&site_name(number), node(number))?);
        Ok(SiteNew { id: site(number), name, statement })
    }

    async fn tenants(&self) -> Result<()> {
        let (_, process) = self.up().next().context("a machine that is up")?;
        let by = simulator();
        let mut tenants = Vec::new();
        for name in ["commune", "voisin"] {
            let name = TenantName::new(name)?;
            tenants.push(process.objects.tenant_create(&by, name, Quota::default()).await?);
        }
        for (number, bucket) in BUCKETS.iter().enumerate() {
            let ask = BucketCreate {
                bucket: BucketName::new(*bucket)?,
                tenant: tenants.get(usize::from(number > 0)).map(|tenant| tenant.id),
                object_lock: false,
                ownership: None,
                acl: None,
            };
            process.objects.bucket_create(&by, ask).await?;
        }
        Ok(())
    }

    /// The machines that are up.
    pub(crate) fn up(&self) -> impl Iterator<Item = (u8, &Process)> {
        self.machines.values().filter_map(|one| Some((one.number, one.process()?)))
    }

    /// The way in at some site that is up.
    pub(crate) fn door(&self, draw: &mut Draw) -> Option<(u8, Door)> {
        let doors: Vec<(u8, &Process)> = self.up().collect();
        doors.get(draw.below(doors.len())).map(|(number, process)| (*number, process.door()))
    }

    /// Whatever runs that has applied most.
    pub(crate) fn newest(&self) -> Result<&Process> {
        let newest = self.up().max_by_key(|(_, process)| process.consensus.status().applied);
        newest.map(|(_, process)| process).context("a machine that is up")
    }

    /// Proposes at one site after the other until one has an answer. What is proposed may be
    /// carried out twice: it says how things should be.
    pub(crate) async fn propose(&self, command: Command) -> Result<Success, ProposeError> {
        let mut last = None;
        for (_, process) in self.up() {
            let within = OPERATOR_PATIENCE / 4;
            let proposed = tokio::time::timeout(within, process.consensus.propose(command.clone()));
            match proposed.await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error @ ProposeError::Refused(_))) => return Err(error),
                Ok(Err(error)) => last = Some(error),
                Err(_) => {}
            }
        }
        Err(last.unwrap_or(ProposeError::TooLong { bytes: 0 }))
    }

    /// A new machine is let in, and started; its number. Fails if the cluster does not take
    /// it now.
    pub(crate) async fn join(&mut self, draw: &mut Draw) -> Result<u8> {
        let number = self.machine_add(draw);
        let joined = self.join_as(number).await;
        if joined.is_err() {
            // It may be on the map; it is not heard of again, as one that was switched off.
            self.machines.remove(&number);
            self.towns.remove(&number);
        }
        joined.map(|()| number)
    }

    /// One more site, which every rule that asks what a site is permits.
    pub(crate) async fn join_suiting(&mut self, draw: &mut Draw) -> Result<u8> {
        let number = self.machine_add(draw);
        let suits = Town { place: usize::from(number), operator: 0, certified: true };
        self.towns.insert(number, suits);
        self.join_as(number).await?;
        Ok(number)
    }

    /// Waits until somebody leads and takes commands.
    pub(crate) async fn leads(&self) -> Result<()> {
        let begun = tokio::time::Instant::now();
        loop {
            let nothing = self.propose(Command::Nothing).await;
            let Err(error) = nothing else { return Ok(()) };
            if begun.elapsed() > LEADS_WITHIN {
                let all = self.up().map(|(at, one)| (at, one.consensus.status()));
                let all: Vec<_> = all.collect();
                return Err(error).context(format!("nobody takes commands: {all:#?}"));
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn join_as(&mut self, number: u8) -> Result<()> {
        let id = InviteId::from_u128(number.into());
        let expires = self.around.clock.now().after(Duration::from_hours(1));
        let (key, role) = (SimNetwork::invite_key(id), NodeRole::Full);
        let invite = InviteCreate { id, key, role, expires, made_by: "an operator".to_owned() };
        self.propose(Command::InviteCreate(invite)).await?;
        let joins = SiteJoin::New(Box::new(self.site_new(number)?));
        let join = NodeJoin { invite: id, site: joins, node: node_new(number)? };
        self.propose(Command::NodeJoin(Box::new(join))).await?;
        self.start(number).await
    }

    /// Starts a machine. One that is not on the map as it knows it is told whom to know, as
    /// by whoever lets it in.
    pub(crate) async fn start(&mut self, number: u8) -> Result<()> {
        let let_in = match self.newest().ok() {
            Some(other) => Some((other.vault.share().to_vec(), roster(&other.consensus.view())?)),
            None => None,
        };
        let machine = self.machines.get_mut(&number).context("a machine")?;
        machine.start(let_in.as_ref().map(|(share, roster)| (&share[..], roster.clone()))).await
    }

    /// Machines that were told whom to know by one that did not know enough itself are let
    /// in again, as an operator does with the same token.
    pub(crate) async fn let_in_again(&mut self) -> Result<()> {
        let is_lost = |(number, process): (u8, &Process)| {
            let row = process.consensus.view().node(node(number));
            matches!(row, Ok(None)).then_some(number)
        };
        let lost: Vec<u8> = self.up().filter_map(is_lost).collect();
        for number in lost {
            if let Some(machine) = self.machines.get_mut(&number) {
                machine.kill(None).await;
            }
            self.start(number).await?;
        }
        Ok(())
    }

    /// Has a site emptied, or not any more.
    pub(crate) async fn drain(&mut self, number: u8, on: bool) -> Result<()> {
        self.propose(Command::SiteDrain(SiteDrain { site: site(number), on })).await?;
        if on {
            self.draining.insert(number);
        } else {
            self.draining.remove(&number);
        }
        Ok(())
    }

    /// Takes a site that is empty off the map and switches it off; whether it was empty.
    pub(crate) async fn leave(&mut self, number: u8) -> Result<bool> {
        if !self.may_leave(number) {
            return Ok(false);
        }
        let remove = SiteRemove { site: site(number), lost: false, rows: REMOVE_ROWS };
        for _ in 0..20 {
            match self.propose(Command::SiteRemove(remove)).await {
                Ok(Success::SiteRemove { finished: true }) => {
                    self.gone(number).await;
                    return Ok(true);
                }
                Ok(_) => {}
                Err(ProposeError::Refused(Refusal::SiteInUse { .. })) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// A site burns down and is given up.
    pub(crate) async fn lose(&mut self, number: u8) -> Result<()> {
        if let Some(machine) = self.machines.get_mut(&number) {
            machine.kill(None).await;
        }
        let remove = SiteRemove { site: site(number), lost: true, rows: 0 };
        let given_up = self.propose(Command::SiteRemove(remove)).await;
        match given_up {
            Ok(_) | Err(ProposeError::Refused(Refusal::NoSuchSite)) => {}
            Err(error) => return Err(error.into()),
        }
        self.gone(number).await;
        Ok(())
    }

    async fn gone(&mut self, number: u8) {
        if let Some(mut machine) = self.machines.remove(&number) {
            machine.kill(None).await;
        }
        self.towns.remove(&number);
        self.draining.remove(&number);
    }

    /// Whether those that are left could still decide, as `node` asks before it removes one.
    pub(crate) fn may_leave(&self, number: u8) -> bool {
        let Ok(status) = self.newest().map(|process| process.consensus.status()) else {
            return false;
        };
        if !status.voters.contains(&node(number)) {
            return true;
        }
        let is_up = |voter: &&NodeId| {
            **voter != node(number) && self.up().any(|(at, _)| node(at) == **voter)
        };
        2 * status.voters.iter().filter(is_up).count() > status.voters.len()
    }

    /// One site is to take another's place.
    pub(crate) async fn replace(&mut self, old: u8, new: u8) -> Result<()> {
        let asked = Replacement { old: site(old), new: site(new) };
        let name = catalog::Job::site_replacement();
        self.propose(Command::JobSet { name, state: Some(asked.encode()) }).await?;
        self.drain(old, true).await
    }

    /// Machines whose site has left the map are switched off, if it can be read now.
    pub(crate) async fn switch_off_gone(&mut self) -> Result<Vec<u8>> {
        let mut current = None;
        for (_, process) in self.up() {
            let caught_up = tokio::time::timeout(READ_PATIENCE, process.consensus.catch_up());
            if matches!(caught_up.await, Ok(Ok(()))) {
                current = Some(process.consensus.view().site_map()?);
                break;
            }
        }
        let Some(map) = current else { return Ok(Vec::new()) };
        let is_gone = |number: &u8| map.site(site(*number)).is_none();
        let gone: Vec<u8> = self.machines.keys().copied().filter(is_gone).collect();
        for number in &gone {
            self.gone(*number).await;
        }
        Ok(gone)
    }

    /// A site states something else.
    pub(crate) async fn restate(&mut self, number: u8, town: Town) -> Result<()> {
        let name = site_name(number);
        let statement = town.signed(&name, node(number))?;
        let name = SiteName::new(name)?;
        let set = SiteStatementSet { site: site(number), name, statement };
        self.propose(Command::SiteStatementSet(Box::new(set))).await?;
        self.towns.insert(number, town);
        Ok(())
    }

    /// What a policy can be set for: the cluster, a tenant, or a bucket; none if nobody that
    /// is up knows it yet.
    pub(crate) fn target(&self, which: usize) -> Result<Option<PolicyTarget>> {
        if which.is_multiple_of(5) {
            return Ok(Some(PolicyTarget::Cluster));
        }
        let view = self.newest()?.consensus.view();
        let name = BUCKETS[if which == 1 { 1 } else { which - 2 }];
        let Some(bucket) = view.bucket(&BucketName::new(name)?)? else { return Ok(None) };
        Ok(Some(match which {
            1 => PolicyTarget::Tenant(bucket.tenant),
            _ => PolicyTarget::Bucket(bucket.reference()),
        }))
    }

    /// Sets a policy, or removes it.
    pub(crate) async fn policy(&self, target: PolicyTarget, rule: Option<&Rule>) -> Result<()> {
        let text = rule.map(|rule| self.around.judge.learn(rule));
        self.propose(Command::PolicySet(PolicySet { target, text })).await?;
        Ok(())
    }

    /// Ends every process in order.
    pub(crate) async fn stop(&mut self) {
        for machine in self.machines.values_mut() {
            machine.stop().await;
        }
    }

    /// The site that a node belongs to.
    pub(crate) fn site_number(id: SiteId) -> u8 {
        u8::try_from(u128::from_be_bytes(id.to_bytes()) >> 64).unwrap_or(0)
    }
}

fn node_new(number: u8) -> Result<NodeNew> {
    Ok(NodeNew {
        id: node(number),
        key: identity(number)?.public(),
        addresses: Vec::new(),
        role: NodeRole::Full,
        disks: Vec::new(),
    })
}
