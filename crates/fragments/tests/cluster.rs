//! One handle for the disks of several nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use disk::{Disk, SimDisk};
use erasure::{Code, CodecId};
use fragments::testing::{Mishap, RelayNetwork, cluster_run, reports_run};
use fragments::{
    ClusterStore, CustodyProof, Fragment, FragmentHeader, FragmentName, FragmentService,
    FragmentStore, Nonce, Reach, ReadError, Waits, WriteError,
};
use units::{
    ByteCount, ClusterId, DiskId, FragmentNumber, NodeId, PartId, SimRandom, StripeNumber,
};
use wire::{Service, Transport};

const CLUSTER: ClusterId = ClusterId::from_u128(1);

fn name(part: u128, stripe: u32) -> FragmentName {
    FragmentName {
        part: PartId::from_u128(part),
        stripe: StripeNumber::new(stripe),
        fragment: FragmentNumber::new(0),
    }
}

fn fragment(part: u128, stripe: u32, length: usize) -> Fragment {
    let byte = |i: usize| u8::try_from((i * 31 + i / 251) % 256).unwrap();
    let payload: Bytes = (0..length).map(byte).collect::<Vec<_>>().into();
    let header = FragmentHeader {
        name: name(part, stripe),
        codec: CodecId::default(),
        code: Code::new(1, 1).unwrap(),
        stripe_bytes: ByteCount::new(length as u64),
    };
    Fragment { header, payload }
}

const fn node(number: u128) -> NodeId {
    NodeId::from_u128(number)
}

async fn opened(seed: u64) -> FragmentStore {
    let disks = vec![SimDisk::new() as Arc<dyn Disk>];
    FragmentStore::open(CLUSTER, disks, &SimRandom::seeded(seed)).await.unwrap()
}

/// Nodes with one disk each that know each other.
struct Nodes {
    network: Arc<RelayNetwork>,
    stores: Vec<ClusterStore>,
    disks: Vec<DiskId>,
}

impl Nodes {
    async fn new(count: u64, waits: Waits) -> Self {
        let network = Arc::new(RelayNetwork::default());
        let (mut stores, mut map) = (Vec::new(), BTreeMap::new());
        for number in 0..count {
            let me = node(u128::from(number));
            let (local, relay) = (opened(number).await, network.join(me));
            relay.serve(Service::Fragments, Arc::new(FragmentService::new(local.clone())));
            map.insert(local.disks()[0], me);
            stores.push(ClusterStore::new(local, relay, waits));
        }
        for store in &stores {
            store.map_set(map.clone());
        }
        let disks = stores.iter().map(|store| store.local().disks()[0]).collect();
        Self { network, stores, disks }
    }

    async fn end(self) {
        for store in self.stores {
            store.local().shutdown().await;
        }
    }
}

#[tokio::test]
async fn every_node_reads_and_writes_the_disks_of_all() {
    let nodes = Nodes::new(3, Waits::default()).await;
    for (part, disk) in (0..).zip(&nodes.disks) {
        for (stripe, store) in (0..).zip(&nodes.stores) {
            store.append(*disk, fragment(part, stripe, 200_000 + part as usize)).await.unwrap();
        }
    }
    for (part, disk) in (0..).zip(&nodes.disks) {
        for store in &nodes.stores {
            let wanted = fragment(part, 1, 200_000 + part as usize);
            let whole = store.read_whole(*disk, name(part, 1)).await.unwrap();
            assert_eq!((whole.header, &whole.payload), (wanted.header, &wanted.payload));
            let range = store.read(*disk, name(part, 1), 70_000..150_001).await.unwrap();
            assert_eq!(range, wanted.payload[70_000..150_001]);
            let length = store.length(*disk, name(part, 1)).await.unwrap();
            assert_eq!(length.map(ByteCount::get), Some(wanted.payload.len() as u64));
            assert_eq!(store.length(*disk, name(part, 9)).await.unwrap(), None);
            let absent = store.read_whole(*disk, name(part, 9)).await;
            assert!(matches!(absent, Err(ReadError::NotFound { .. })), "{absent:?}");
            let beyond = store.read(*disk, name(part, 1), 0..300_000).await;
            assert!(matches!(beyond, Err(ReadError::OutOfRange { .. })), "{beyond:?}");
            let listed = store.list(*disk, Some(name(part, 0)), 10).await.unwrap();
            assert_eq!(listed.iter().map(|one| one.name.stripe.get()).collect::<Vec<_>>(), [1, 2]);
            let others = store.elsewhere(DiskId::from_u128(9), name(part, 2)).await;
            assert_eq!(others, [*disk]);
            assert_eq!(store.elsewhere(*disk, name(part, 2)).await, []);
            let nonce = Nonce([7; 32]);
            let proof = store.prove(*disk, name(part, 1), nonce, Some(5..70_000)).await.unwrap();
            assert_eq!(proof, CustodyProof::of(nonce, &wanted.payload[5..70_000]));
            let proof = store.prove(*disk, name(part, 1), nonce, None).await.unwrap();
            assert_eq!(proof, CustodyProof::of(nonce, &wanted.payload));
        }
    }
    let [first, second, third] = &nodes.stores[..] else { panic!("three nodes") };
    let disk = nodes.disks[2];
    assert_eq!(first.remove(disk, vec![name(2, 0), name(2, 7)]).await.unwrap(), 1);
    assert_eq!(second.remove_part(disk, PartId::from_u128(2)).await.unwrap(), 2);
    assert_eq!(third.local().list(disk, None, 10), []);
    let strange = DiskId::from_u128(9);
    assert_eq!(first.reach(strange), Reach::Unknown);
    let unknown = first.append(strange, fragment(1, 1, 1)).await;
    assert!(matches!(unknown, Err(WriteError::NoSuchDisk { .. })), "{unknown:?}");
    nodes.end().await;
}

#[tokio::test]
async fn what_flips_on_the_way_is_neither_stored_nor_handed_out() {
    let nodes = Nodes::new(2, Waits::default()).await;
    let (store, disk) = (&nodes.stores[0], nodes.disks[1]);
    store.append(disk, fragment(1, 0, 100_000)).await.unwrap();

    nodes.network.mishap_set(node(1), Mishap::FlipThere);
    let told = store.append(disk, fragment(2, 0, 100_000)).await;
    assert!(matches!(told, Err(WriteError::Garbled { .. })), "{told:?}");
    assert!(!told.unwrap_err().is_unknown());
    let many = (0..3).map(|stripe| fragment(3, stripe, 50_000)).collect();
    let told = store.append_many(disk, many).await;
    assert!(matches!(told, Err(WriteError::Garbled { .. })), "{told:?}");
    assert_eq!(nodes.stores[1].local().list(disk, None, 10).len(), 1, "nothing was stored");

    nodes.network.mishap_set(node(1), Mishap::FlipBack);
    let told = store.read_whole(disk, name(1, 0)).await;
    assert!(matches!(told, Err(ReadError::Garbled { .. })), "{told:?}");
    let told = store.read(disk, name(1, 0), 10..99_000).await;
    assert!(told.is_err_and(|error| error.says_nothing()));

    nodes.network.mishap_set(node(1), Mishap::FlipHead);
    let told = store.append(disk, fragment(2, 0, 100_000)).await;
    assert!(told.is_err_and(|error| error.is_unknown()));

    nodes.network.mishap_set(node(1), Mishap::None);
    let whole = store.read_whole(disk, name(1, 0)).await.unwrap();
    assert_eq!(whole.payload, fragment(1, 0, 100_000).payload);
    nodes.end().await;
}

#[test]
fn the_model_of_a_cluster_holds() {
    let seeds = match std::env::var("ESSAIM_SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..60_u64,
    };
    for seed in seeds {
        if let Err(error) = cluster_run(seed) {
            panic!("{error}");
        }
    }
}

#[test]
fn others_disks_are_known_by_reports_and_strangers_are_told_nothing() {
    if let Err(error) = reports_run() {
        panic!("{error}");
    }
}
