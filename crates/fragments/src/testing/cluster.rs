//! Several nodes in one process, against a model, while calls between them go wrong.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use disk::{Disk, SimDisk};
use erasure::{Code, CodecId};
use tokio::time::Instant;
use units::{
    ByteCount, ClusterId, DiskId, FragmentNumber, InviteId, NodeId, PartId, SimRandom, StripeNumber,
};
use wire::{Body, Call, Caller, Handler as _, Service, Transport as _};

use super::chance::Chance;
use super::relay::{Mishap, RelayNetwork};
use crate::protocol::{self, Question};
use crate::{
    ClusterStore, CustodyProof, Fragment, FragmentHeader, FragmentName, FragmentService,
    FragmentStore, Nonce, Patience, Reach, ReadError, Waits, WriteError,
};

const CLUSTER: ClusterId = ClusterId::from_u128(1);
const NODES: u64 = 3;
const STEPS: u64 = 80;
const PARTS: u64 = 4;
const STRIPES: u64 = 3;

/// A silent node is given up at once, one that is heard of never.
fn waits() -> Waits {
    let patience = Patience { within: Duration::from_millis(2), longest: Duration::from_mins(1) };
    Waits {
        write: patience,
        read: patience,
        ask: patience,
        elsewhere: patience,
        prove: patience,
        report_every: Duration::from_millis(20),
        report_age_max: Duration::from_millis(100),
        ..Waits::default()
    }
}

/// Nodes that know each other, and what is known of their disks.
struct Trial {
    chance: Chance,
    network: Arc<RelayNetwork>,
    stores: Vec<ClusterStore>,
    /// Each disk and its node.
    disks: Vec<(DiskId, NodeId)>,
    /// What each name on each disk may be: more than one if nobody could say.
    allowed: BTreeMap<(DiskId, FragmentName), Vec<Option<Bytes>>>,
}

impl Trial {
    async fn new(seed: u64) -> Result<Self, String> {
        let network = Arc::new(RelayNetwork::default());
        let (mut stores, mut disks) = (Vec::new(), Vec::new());
        for number in 0..NODES {
            let me = NodeId::from_u128(u128::from(number));
            let own = vec![SimDisk::new() as Arc<dyn Disk>, SimDisk::new()];
            let random = SimRandom::seeded(seed.wrapping_mul(NODES).wrapping_add(number));
            let local = FragmentStore::open(CLUSTER, own, &random).await;
            let local = local.map_err(|error| error.to_string())?;
            let relay = network.join(me);
            relay.serve(Service::Fragments, Arc::new(FragmentService::new(local.clone())));
            disks.extend(local.disks().into_iter().map(|disk| (disk, me)));
            stores.push(ClusterStore::new(local, relay, waits()));
        }
        for store in &stores {
            store.map_set(disks.iter().copied().collect());
        }
        let (chance, allowed) = (Chance::seeded(seed), BTreeMap::new());
        Ok(Self { chance, network, stores, disks, allowed })
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.chance.below(bound as u64)).unwrap_or(0)
    }

    fn name(&mut self) -> FragmentName {
        FragmentName {
            part: PartId::from_u128(u128::from(self.chance.below(PARTS))),
            stripe: StripeNumber::new(u32::try_from(self.chance.below(STRIPES)).unwrap_or(0)),
            fragment: FragmentNumber::ZERO,
        }
    }

    fn fragment(&mut self) -> Fragment {
        let longest = if self.chance.below(4) == 0 { 200_000 } else { 300 };
        let length = self.chance.below(longest);
        let header = FragmentHeader {
            name: self.name(),
            codec: CodecId::default(),
            code: Code::PLAIN,
            stripe_bytes: ByteCount::new(length),
        };
        Fragment { header, payload: self.chance.bytes(length) }
    }

    fn mishap(&mut self) -> Mishap {
        match self.chance.below(18) {
            0 => Mishap::Down,
            1 => Mishap::Silent,
            2 => Mishap::AnswerLost,
            3 | 4 => Mishap::FlipThere,
            5 | 6 => Mishap::FlipBack,
            7 => Mishap::FlipHead,
            _ => Mishap::None,
        }
    }

    /// What a name may be.
    fn may_be(&self, disk: DiskId, name: FragmentName) -> Vec<Option<Bytes>> {
        self.allowed.get(&(disk, name)).cloned().unwrap_or_else(|| vec![None])
    }

    /// A write of this was asked for, with this outcome.
    fn wrote(
        &mut self,
        disk: DiskId,
        name: FragmentName,
        state: Option<Bytes>,
        outcome: Result<(), &WriteError>,
    ) {
        let mut states = self.may_be(disk, name);
        match outcome {
            Ok(()) => states = vec![state],
            Err(error) if error.is_unknown() => states.push(state),
            Err(_) => {}
        }
        self.allowed.insert((disk, name), states);
    }

    /// A name was seen to be this.
    fn saw(
        &mut self,
        disk: DiskId,
        name: FragmentName,
        state: Option<Bytes>,
    ) -> Result<(), String> {
        let states = self.may_be(disk, name);
        if !states.contains(&state) {
            let shown = |state: &Option<Bytes>| state.as_ref().map(Bytes::len);
            let wanted: Vec<_> = states.iter().map(shown).collect();
            return Err(format!("{name} on {disk} is {:?} and not {wanted:?}", shown(&state)));
        }
        self.allowed.insert((disk, name), vec![state]);
        Ok(())
    }

    async fn step(&mut self) -> Result<(), String> {
        let at = self.below(self.stores.len());
        let Some(store) = self.stores.get(at).cloned() else { return Ok(()) };
        let at = self.below(self.disks.len());
        let Some((disk, node)) = self.disks.get(at).copied() else { return Ok(()) };
        let mishap = self.mishap();
        self.network.mishap_set(node, mishap);
        let is_harmed = mishap != Mishap::None && store.reach(disk) != Reach::Here;
        match self.chance.below(8) {
            0..=2 => self.append(&store, disk, mishap, is_harmed).await?,
            3 => self.remove(&store, disk, is_harmed).await?,
            4 | 5 => {
                let name = self.name();
                let read = store.read_whole(disk, name).await;
                let is_itself = read.as_ref().map_or(true, |one| one.header.name == name);
                let read = read.map(|one| one.payload);
                self.read(disk, name, is_harmed, read)?;
                if !is_itself {
                    return Err(format!("{name} reads as another"));
                }
            }
            6 => self.range(&store, disk, is_harmed).await?,
            _ => self.memory(&store, disk, is_harmed).await?,
        }
        self.network.mishap_set(node, Mishap::None);
        Ok(())
    }

    async fn append(
        &mut self,
        store: &ClusterStore,
        disk: DiskId,
        mishap: Mishap,
        is_harmed: bool,
    ) -> Result<(), String> {
        let count = 1 + self.below(3);
        let fragments: Vec<Fragment> = (0..count).map(|_| self.fragment()).collect();
        let bytes: usize = fragments.iter().map(|one| one.payload.len()).sum();
        let outcome = store.append_many(disk, fragments.clone()).await;
        let is_noticed = match mishap {
            Mishap::FlipThere => bytes > 0,
            // An answer to an append has no body.
            Mishap::None | Mishap::FlipBack => false,
            _ => true,
        };
        if outcome.is_ok() == (is_harmed && is_noticed) {
            return Err(format!("an append through {mishap:?} ended with {outcome:?}"));
        }
        for Fragment { header, payload } in fragments {
            self.wrote(disk, header.name, Some(payload), outcome.as_ref().map(|&()| ()));
        }
        Ok(())
    }

    async fn remove(
        &mut self,
        store: &ClusterStore,
        disk: DiskId,
        is_harmed: bool,
    ) -> Result<(), String> {
        let name = self.name();
        let whole_part = self.chance.below(2) == 0;
        let outcome = if whole_part {
            store.remove_part(disk, name.part).await
        } else {
            store.remove(disk, vec![name]).await
        };
        if let (Err(error), false) = (&outcome, is_harmed) {
            return Err(format!("a removal failed: {error}"));
        }
        let names = self.allowed.keys().filter(|(on, other)| {
            *on == disk && (*other == name || whole_part && other.part == name.part)
        });
        let names: Vec<FragmentName> = names.map(|(_, name)| *name).collect();
        let there = |states: Vec<Option<Bytes>>| match states.as_slice() {
            [state] => Some(u64::from(state.is_some())),
            _ => None,
        };
        let counts = names.iter().map(|name| there(self.may_be(disk, *name)));
        if let (Ok(removed), Some(counts)) = (&outcome, counts.collect::<Option<Vec<u64>>>())
            && counts.iter().sum::<u64>() != *removed
        {
            return Err(format!("{removed} fragments were removed of {counts:?}"));
        }
        for name in names {
            self.wrote(disk, name, None, outcome.as_ref().map(|_| ()));
        }
        Ok(())
    }

    /// What a read of a whole fragment says.
    fn read(
        &mut self,
        disk: DiskId,
        name: FragmentName,
        is_harmed: bool,
        read: Result<Bytes, ReadError>,
    ) -> Result<(), String> {
        match read {
            Ok(payload) => self.saw(disk, name, Some(payload)),
            Err(ReadError::NotFound { .. }) => self.saw(disk, name, None),
            Err(error) if is_harmed && error.says_nothing() => Ok(()),
            Err(error) => Err(format!("a read of {name} failed: {error}")),
        }
    }

    /// A range of what is there, and a proof of it.
    async fn range(
        &mut self,
        store: &ClusterStore,
        disk: DiskId,
        is_harmed: bool,
    ) -> Result<(), String> {
        let name = self.name();
        let Some(Some(payload)) = self.may_be(disk, name).pop() else { return Ok(()) };
        if self.may_be(disk, name).len() > 1 {
            return Ok(());
        }
        let start = self.below(payload.len() + 1);
        let end = start + self.below(payload.len() + 1 - start);
        let wanted = payload.slice(start..end);
        match store.read(disk, name, start..end).await {
            Ok(read) if read == wanted => {}
            Err(error) if is_harmed && error.says_nothing() => {}
            other => return Err(format!("bytes {start} to {end} of {name} are {other:?}")),
        }
        let nonce = Nonce([u8::try_from(start % 251).unwrap_or(0); 32]);
        match store.prove(disk, name, nonce, Some(start..end)).await {
            Ok(proof) if proof == CustodyProof::of(nonce, &wanted) => Ok(()),
            Err(error) if is_harmed && error.says_nothing() => Ok(()),
            other => Err(format!("the proof of {name} is {other:?}")),
        }
    }

    /// What the disk's node has in memory.
    async fn memory(
        &mut self,
        store: &ClusterStore,
        disk: DiskId,
        is_harmed: bool,
    ) -> Result<(), String> {
        let name = self.name();
        let states = self.may_be(disk, name);
        let is_allowed = |length: Option<ByteCount>| {
            let length = length.map(ByteCount::get);
            states.iter().any(|state| state.as_ref().map(|bytes| bytes.len() as u64) == length)
        };
        match store.length(disk, name).await {
            Ok(length) if is_allowed(length) => {}
            Err(error) if is_harmed && error.says_nothing() => {}
            other => return Err(format!("the length of {name} is {other:?}")),
        }
        let listed = store.list(disk, None, 100).await;
        match &listed {
            Ok(page) => {
                let found = page.iter().find(|listed| listed.name == name);
                if !is_allowed(found.map(|listed| listed.bytes)) {
                    return Err(format!("{name} is listed as {found:?}"));
                }
            }
            Err(error) if is_harmed && error.says_nothing() => {}
            Err(error) => return Err(format!("a listing failed: {error}")),
        }
        let elsewhere = store.elsewhere(DiskId::from_u128(0), name).await;
        let is_sure = |states: &[Option<Bytes>]| states.iter().all(Option::is_some);
        if !is_harmed && is_sure(&states) && !elsewhere.contains(&disk) {
            return Err(format!("nobody says that {name} is on {disk}"));
        }
        Ok(())
    }

    /// All nodes say the same of everything, now that nothing goes wrong.
    async fn end(mut self) -> Result<(), String> {
        let all: Vec<(DiskId, FragmentName)> = self.allowed.keys().copied().collect();
        for store in self.stores.clone() {
            for (disk, name) in &all {
                let read = store.read_whole(*disk, *name).await.map(|one| one.payload);
                self.read(*disk, *name, false, read)?;
            }
        }
        for store in &self.stores {
            store.local().shutdown().await;
        }
        Ok(())
    }
}

fn in_runtime(trial: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.map_err(|error| error.to_string())?.block_on(trial)
}

/// One seeded trial of a cluster against the model.
pub fn cluster_run(seed: u64) -> Result<(), String> {
    let run = in_runtime(async {
        let mut trial = Trial::new(seed).await?;
        for _ in 0..STEPS {
            trial.step().await?;
        }
        trial.end().await
    });
    run.map_err(|error| {
        format!("{error}\nrepeat: ESSAIM_SEED={seed} cargo test -p fragments --test cluster model")
    })
}

/// What a node knows of another's disks follows how that one does, and nobody who is not
/// of the cluster is told anything.
pub fn reports_run() -> Result<(), String> {
    in_runtime(async {
        let trial = Trial::new(1).await?;
        let ([store, ..], Some((disk, node))) = (&trial.stores[..], trial.disks.last().copied())
        else {
            return Err("no nodes".to_owned());
        };
        let watching = tokio::spawn(store.watch());
        let turns = [Mishap::None, Mishap::Silent, Mishap::None, Mishap::Down, Mishap::None];
        for mishap in turns {
            trial.network.mishap_set(node, mishap);
            let wanted = match mishap {
                Mishap::None => Reach::There { node },
                _ => Reach::Unreachable { node },
            };
            let latest = Instant::now() + Duration::from_secs(20);
            while store.reach(disk) != wanted || store.state(disk).is_some() != wanted.is_there() {
                if Instant::now() > latest {
                    let (reach, state) = (store.reach(disk), store.state(disk));
                    return Err(format!("through {mishap:?} the disk is {reach:?}, {state:?}"));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let is_missing = store.missing().contains(&disk);
            if is_missing == wanted.is_there() || store.disks().len() != trial.disks.len() {
                return Err(format!("through {mishap:?} missing is {:?}", store.missing()));
            }
        }
        watching.abort();
        let service = FragmentService::new(store.local().clone());
        let head = protocol::encode(&Question::Report).map_err(|error| error.to_string())?;
        let call = Call { service: Service::Fragments, head, body: Body::empty() };
        let told = service.handle(Caller::Invited(InviteId::from_u128(1)), call).await;
        if told.is_ok() {
            return Err("a machine that only holds an invitation was answered".to_owned());
        }
        trial.end().await
    })
}
