//! A cluster over a network with delays, cuts and nodes that end.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use disk::{Disk, SimDisk};
use erasure::{Code, CodecId};
use fragments::limits::{READ_WITHIN, REPORT_AGE_MAX, WRITE_WITHIN};
use fragments::{
    ClusterStore, DiskState, Fragment, FragmentHeader, FragmentName, FragmentService,
    FragmentStore, Reach, ReadError, Waits, WriteError,
};
use tokio::time::{Instant, sleep};
use units::{
    ByteCount, ClusterId, DiskId, FragmentNumber, NodeId, PartId, SimRandom, StripeNumber,
};
use wire::{Call, CallError, Caller, Handler, Refused, Reply, Service, SimNetwork, Transport};

const CLUSTER: ClusterId = ClusterId::from_u128(1);
const NODES: [NodeId; 3] = [NodeId::from_u128(1), NodeId::from_u128(2), NodeId::from_u128(3)];
const ROUND: Duration = Duration::from_millis(10);

fn name(part: u128) -> FragmentName {
    let (stripe, fragment) = (StripeNumber::ZERO, FragmentNumber::ZERO);
    FragmentName { part: PartId::from_u128(part), stripe, fragment }
}

fn fragment(part: u128, length: usize) -> Fragment {
    let byte = |at: usize| u8::try_from((at * 31 + at / 251) % 256).unwrap();
    let stripe_bytes = ByteCount::new(length as u64);
    let (codec, code) = (CodecId::default(), Code::PLAIN);
    let header = FragmentHeader { name: name(part), codec, code, stripe_bytes };
    Fragment { header, payload: (0..length).map(byte).collect::<Vec<_>>().into() }
}

/// Three nodes of one disk each.
struct Nodes {
    network: Arc<SimNetwork>,
    stores: Vec<ClusterStore>,
    disks: Vec<DiskId>,
}

impl Nodes {
    async fn new(waits: Waits) -> Self {
        let network = SimNetwork::new(1);
        network.delay_set_all(ROUND / 2, Duration::ZERO);
        let mut stores = Vec::new();
        for (seed, me) in (0..).zip(NODES) {
            let disks = vec![SimDisk::new() as Arc<dyn Disk>];
            let local = FragmentStore::open(CLUSTER, disks, &SimRandom::seeded(seed)).await;
            stores.push(joined(&network, me, local.unwrap(), waits));
        }
        let disks: Vec<DiskId> = stores.iter().map(|store| store.local().disks()[0]).collect();
        let nodes = Self { network, stores, disks };
        for store in &nodes.stores {
            store.map_set(nodes.map());
        }
        nodes
    }

    fn map(&self) -> BTreeMap<DiskId, NodeId> {
        self.disks.iter().copied().zip(NODES).collect()
    }

    async fn end(self) {
        for store in self.stores {
            store.local().shutdown().await;
        }
    }
}

/// A process of a node begins, with the disks it has.
fn joined(
    network: &Arc<SimNetwork>,
    me: NodeId,
    local: FragmentStore,
    waits: Waits,
) -> ClusterStore {
    let transport = network.join(me, SimNetwork::roster(NODES));
    transport.serve(Service::Fragments, Arc::new(FragmentService::new(local.clone())));
    ClusterStore::new(local, transport, waits)
}

/// Waits until a disk is there, or is not.
async fn until(store: &ClusterStore, disk: DiskId, is_there: bool) -> Duration {
    let begun = Instant::now();
    while store.reach(disk).is_there() != is_there {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", store.reach(disk));
        sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn long_fragments_cross_in_pieces_and_a_node_that_ends_comes_back() {
    let mut nodes = Nodes::new(Waits::default()).await;
    let (store, disk) = (nodes.stores[0].clone(), nodes.disks[2]);
    let _watching = started(store.watch());
    until(&store, disk, true).await;
    let many: Vec<Fragment> = (0..12).map(|part| fragment(part, 1_000_000)).collect();
    store.append_many(disk, many).await.unwrap();
    let whole = nodes.stores[1].read_whole(disk, name(7)).await.unwrap();
    assert_eq!(whole.payload, fragment(7, 1_000_000).payload);
    assert_eq!(store.state(disk), Some(DiskState::Healthy));
    assert_eq!(store.space(disk).map(|space| space.disk), Some(disk));

    nodes.network.down(NODES[2]);
    let told = store.append(disk, fragment(50, 9)).await;
    assert!(matches!(told, Err(WriteError::Unreachable { .. })), "{told:?}");
    assert!(!told.unwrap_err().is_unknown());
    assert_eq!(store.reach(disk), Reach::Unreachable { node: NODES[2] });
    assert_eq!((store.state(disk), store.space(disk)), (None, None));
    assert!(store.missing().contains(&disk) && store.disks().contains(&disk));
    assert_eq!(store.elsewhere(nodes.disks[0], name(7)).await, []);

    let local = nodes.stores[2].local().clone();
    nodes.stores[2] = joined(&nodes.network, NODES[2], local, Waits::default());
    nodes.stores[2].map_set(nodes.map());
    until(&store, disk, true).await;
    store.append(disk, fragment(50, 9)).await.unwrap();
    assert_eq!(store.elsewhere(nodes.disks[0], name(7)).await, [disk]);
    nodes.end().await;
}

#[tokio::test]
async fn what_is_lost_on_the_way_is_said_to_be_unknown_and_the_rest_holds() {
    let mut waits = Waits::default();
    waits.write.within = Duration::from_millis(100);
    waits.silent_after = Duration::ZERO;
    let nodes = Nodes::new(waits).await;
    nodes.network.delay_set_all(Duration::ZERO, Duration::from_millis(2));
    nodes.network.loss_set_all(150);
    let (store, disk) = (&nodes.stores[0], nodes.disks[1]);
    let (mut known, mut unknown) = (Vec::new(), 0);
    for part in 0..60 {
        match store.append(disk, fragment(part, 2_000)).await {
            Ok(()) => known.push(part),
            Err(error) if error.is_unknown() => unknown += 1,
            Err(error) => panic!("{error}"),
        }
        if known.len() > 15 && unknown > 3 {
            break;
        }
    }
    assert!(known.len() > 15 && unknown > 0, "{} and {unknown}", known.len());
    nodes.network.heal();
    for part in known {
        let whole = nodes.stores[2].read_whole(disk, name(part)).await.unwrap();
        assert_eq!(whole.payload, fragment(part, 2_000).payload);
    }
    nodes.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_node_costs_a_writer_two_seconds_and_a_reader_one_and_then_nothing() {
    let nodes = Nodes::new(Waits::default()).await;
    let (store, disk) = (&nodes.stores[0], nodes.disks[1]);
    for cut in [(NODES[0], NODES[1]), (NODES[1], NODES[0])] {
        nodes.network.cut(cut.0, cut.1);
        let begun = Instant::now();
        let told = store.append(disk, fragment(1, 9)).await;
        assert!(told.as_ref().is_err_and(WriteError::is_unknown), "{told:?}");
        assert!(begun.elapsed() <= WRITE_WITHIN + ROUND, "{:?}", begun.elapsed());
        nodes.network.heal();
        nodes.network.cut(cut.0, cut.1);
        let begun = Instant::now();
        let told = store.read_whole(disk, name(1)).await;
        assert!(matches!(told, Err(ReadError::Unreachable { .. })), "{told:?}");
        assert!(begun.elapsed() <= READ_WITHIN + ROUND, "{:?}", begun.elapsed());
        nodes.network.heal();
    }

    let _watching = started(store.watch());
    until(store, disk, true).await;
    nodes.network.partition(&[&[NODES[0], NODES[2]], &[NODES[1]]]);
    let noticed = until(store, disk, false).await;
    assert!(noticed <= REPORT_AGE_MAX + ROUND, "{noticed:?}");
    assert!(store.reach(nodes.disks[2]).is_there(), "the others are");
    let begun = Instant::now();
    let told = store.append(disk, fragment(1, 9)).await;
    assert!(matches!(told, Err(WriteError::Unreachable { .. })), "{told:?}");
    let told = store.read(disk, name(1), 0..1).await;
    assert!(matches!(told, Err(ReadError::Unreachable { .. })), "{told:?}");
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waits for what is known");
    nodes.network.heal();
    let noticed = until(store, disk, true).await;
    assert!(noticed <= Duration::from_secs(3), "{noticed:?}");
    nodes.end().await;
}

/// Takes its time for whatever has a body, and says no.
struct Slow {
    service: FragmentService,
    takes: Duration,
}

#[async_trait]
impl Handler for Slow {
    async fn handle(&self, caller: Caller, call: Call) -> Result<Reply, Refused> {
        if call.body.as_whole().is_some_and(bytes::Bytes::is_empty) {
            return self.service.handle(caller, call).await;
        }
        sleep(self.takes).await;
        Err(Refused { reason: "at last".to_owned() })
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_node_that_is_heard_of_is_waited_for_but_not_for_ever() {
    let nodes = Nodes::new(Waits::default()).await;
    let (store, disk) = (&nodes.stores[0], nodes.disks[1]);
    for (takes, is_answered) in [(5, true), (60, false)] {
        let service = FragmentService::new(nodes.stores[1].local().clone());
        let slow = Slow { service, takes: Duration::from_secs(takes) };
        let transport = nodes.network.join(NODES[1], SimNetwork::roster(NODES));
        transport.serve(Service::Fragments, Arc::new(slow));
        let _watching = started(store.watch());
        until(store, disk, true).await;
        let begun = Instant::now();
        let told = store.append(disk, fragment(1, 9)).await;
        match told {
            Err(WriteError::Refused { .. }) => assert!(is_answered),
            Err(WriteError::Unanswered { source: CallError::Late { .. }, .. }) => {
                assert!(!is_answered);
                assert!(begun.elapsed() <= Duration::from_secs(16), "{:?}", begun.elapsed());
            }
            other => panic!("{other:?}"),
        }
        assert!(store.reach(disk).is_there(), "one that is slow is there");
    }
    nodes.end().await;
}

/// A task that ends with what holds it.
fn started(task: impl Future<Output = ()> + Send + 'static) -> impl Drop {
    struct Aborts(tokio::task::JoinHandle<()>);
    impl Drop for Aborts {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    Aborts(tokio::spawn(task))
}
