//! The asynchronous handle over several disks.

use std::sync::Arc;

use bytes::Bytes;
use disk::{Disk, Fault, OperationKind, RealDisk, SimDisk};
use erasure::{Code, CodecId};
use fragments::limits::BLOCK_BYTES;
use fragments::{
    DiskState, Fragment, FragmentHeader, FragmentName, FragmentStore, OpenError, ReadError,
    ScrubCursor, WriteError,
};
use units::{ByteCount, ClusterId, DiskId, FragmentNumber, PartId, SimRandom, StripeNumber};

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
        code: Code::new(2, 1).unwrap(),
        stripe_bytes: ByteCount::new(2 * length as u64),
    };
    Fragment { header, payload }
}

async fn opened(disks: &[Arc<dyn Disk>], seed: u64) -> Result<FragmentStore, OpenError> {
    FragmentStore::open(CLUSTER, disks.to_vec(), &SimRandom::seeded(seed)).await
}

fn sim_disks(count: usize) -> (Vec<Arc<SimDisk>>, Vec<Arc<dyn Disk>>) {
    let sims: Vec<_> = (0..count).map(|_| SimDisk::new()).collect();
    let disks = sims.iter().map(|sim| Arc::clone(sim) as Arc<dyn Disk>).collect();
    (sims, disks)
}

#[tokio::test]
async fn fragments_come_back_after_a_restart_in_whatever_order_the_disks_are_given() {
    let (_, mut disks) = sim_disks(3);
    let store = opened(&disks, 1).await.unwrap();
    let ids = store.disks();
    for (part, disk) in (0..).zip(&ids) {
        store.append(*disk, fragment(part, 7, 3 * BLOCK_BYTES + 5)).await.unwrap();
    }
    store.shutdown().await;
    assert!(matches!(store.append(ids[0], fragment(9, 9, 9)).await, Err(WriteError::Stopped)));
    disks.reverse();
    let store = opened(&disks, 2).await.unwrap();
    let mut reversed = store.disks();
    reversed.reverse();
    assert_eq!(reversed, ids, "a disk keeps its identity wherever it is plugged in");
    for (part, disk) in (0..).zip(&ids) {
        let wanted = fragment(part, 7, 3 * BLOCK_BYTES + 5);
        let whole = store.read_whole(*disk, name(part, 7)).await.unwrap();
        assert_eq!((whole.header, &whole.payload), (wanted.header, &wanted.payload));
    }
    let strange = DiskId::from_u128(5);
    assert!(matches!(
        store.read(strange, name(0, 7), 0..1).await,
        Err(ReadError::NoSuchDisk { .. })
    ));
    assert!(matches!(
        store.append(strange, fragment(1, 1, 1)).await,
        Err(WriteError::NoSuchDisk { .. })
    ));
    store.shutdown().await;
}

#[tokio::test]
async fn any_range_reads_as_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let (_, sims) = sim_disks(1);
    let real: Arc<dyn Disk> = RealDisk::open(directory.path()).unwrap();
    for disks in [sims, vec![real]] {
        let store = opened(&disks, 3).await.unwrap();
        let disk = store.disks()[0];
        let lengths = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 7 * BLOCK_BYTES + 99];
        for (stripe, length) in (0..).zip(lengths) {
            let stored = fragment(4, stripe, length);
            store.append(disk, stored.clone()).await.unwrap();
            let marks = [0, 1, length / 2, length.saturating_sub(1), length, BLOCK_BYTES];
            for start in marks {
                for end in marks {
                    let outcome = store.read(disk, name(4, stripe), start..end).await;
                    if start <= end && end <= length {
                        assert_eq!(outcome.unwrap(), stored.payload[start..end]);
                    } else {
                        assert!(matches!(outcome, Err(ReadError::OutOfRange { .. })));
                    }
                }
            }
        }
        store.shutdown().await;
    }
}

#[tokio::test]
async fn many_writers_share_few_syncs_and_removal_is_final() {
    let (sims, disks) = sim_disks(1);
    let store = opened(&disks, 4).await.unwrap();
    let disk = store.disks()[0];
    let tasks: Vec<_> = (0..500)
        .map(|part| {
            let store = store.clone();
            tokio::spawn(async move { store.append(disk, fragment(part, 0, 100)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(sims[0].operations() < 1_000, "{} operations", sims[0].operations());
    assert_eq!(store.space(disk).unwrap().fragments, 500);
    for part in 0..400 {
        assert_eq!(store.remove_part(disk, PartId::from_u128(part)).await.unwrap(), 1);
    }
    assert_eq!(store.remove_part(disk, PartId::from_u128(3)).await.unwrap(), 0);
    assert_eq!(store.remove(disk, vec![name(450, 0), name(450, 1)]).await.unwrap(), 1);
    let listed = store.list(disk, Some(name(420, 0)), 40);
    assert_eq!(listed.first().map(|l| l.name), Some(name(421, 0)));
    assert_eq!(listed.len(), 40);
    let scrub = store.scrub(disk, ScrubCursor::START, ByteCount::MAX).await.unwrap();
    assert_eq!((scrub.fragments, scrub.damaged.len(), scrub.next), (99, 0, None));
    store.shutdown().await;
    let store = opened(&disks, 4).await.unwrap();
    assert_eq!(store.space(disk).unwrap().fragments, 99);
    assert!(matches!(store.read_whole(disk, name(3, 0)).await, Err(ReadError::NotFound { .. })));
    store.shutdown().await;
}

#[tokio::test]
async fn a_poisoned_disk_only_reads_and_the_others_go_on() {
    let (sims, disks) = sim_disks(2);
    let store = opened(&disks, 5).await.unwrap();
    let [bad, good] = store.disks()[..] else { panic!("two disks") };
    store.append(bad, fragment(1, 0, 1_000)).await.unwrap();
    sims[0].fail(OperationKind::SyncData, 0, Fault::Io);
    assert!(store.append(bad, fragment(2, 0, 1_000)).await.is_err());
    assert_eq!(store.state(bad), Some(DiskState::Poisoned));
    assert!(matches!(store.append(bad, fragment(3, 0, 1_000)).await, Err(WriteError::Poisoned)));
    assert!(matches!(
        store.remove_part(bad, PartId::from_u128(1)).await,
        Err(WriteError::Poisoned)
    ));
    assert_eq!(store.read_whole(bad, name(1, 0)).await.unwrap().payload.len(), 1_000);
    assert_eq!(store.state(good), Some(DiskState::Healthy));
    store.append(good, fragment(3, 0, 1_000)).await.unwrap();
    store.shutdown().await;
}

#[tokio::test]
async fn a_full_disk_reads_removes_and_recovers_by_itself() {
    for length in [300_000, 20_000] {
        let sim = SimDisk::with_capacity(ByteCount::new(64 << 20));
        full_disk(Arc::clone(&sim) as Arc<dyn Disk>, length).await;
    }
}

/// Fills a small disk, removes every other fragment, restarts, fills it again.
async fn full_disk(real: Arc<dyn Disk>, length: usize) {
    let store = opened(&[Arc::clone(&real)], 6).await.unwrap();
    let disk = store.disks()[0];
    let count = fill(&store, disk, 0, length).await;
    let bytes = count * length as u128;
    assert!(bytes * 10 > u128::from(real.space().unwrap().total.get()) * 8, "{bytes} stored");
    assert_eq!(store.state(disk), Some(DiskState::Full));
    assert!(real.space().unwrap().free.get() >= 3 << 20, "room is kept for removals");
    assert_eq!(store.read_whole(disk, name(0, 0)).await.unwrap().payload.len(), length);
    for part in (0..count).step_by(2) {
        assert_eq!(store.remove_part(disk, PartId::from_u128(part)).await.unwrap(), 1);
    }
    while store.compact(disk).await.unwrap().segments > 0 {}
    assert_eq!(store.state(disk), Some(DiskState::Healthy));
    store.shutdown().await;
    let store = opened(&[real], 6).await.unwrap();
    let more = fill(&store, disk, 1_000_000, length).await;
    assert!(more * 10 >= count * 4, "{more} of {count} fit again");
    let scrub = store.scrub(disk, ScrubCursor::START, ByteCount::MAX).await.unwrap();
    assert_eq!(scrub.damaged, []);
    assert_eq!(u128::from(scrub.fragments), count / 2 + more);
    store.shutdown().await;
}

/// Appends fragments until the disk is full; says how many fitted.
async fn fill(store: &FragmentStore, disk: DiskId, first: u128, length: usize) -> u128 {
    for count in 0.. {
        match store.append(disk, fragment(first + count, 0, length)).await {
            Ok(()) => {}
            Err(WriteError::Full) => return count,
            Err(error) => panic!("{error}"),
        }
    }
    0
}

#[tokio::test]
async fn disks_are_not_confused() {
    let (sims, disks) = sim_disks(1);
    opened(&disks, 7).await.unwrap().shutdown().await;
    let elsewhere = ClusterId::from_u128(2);
    let other = FragmentStore::open(elsewhere, disks.clone(), &SimRandom::seeded(8)).await;
    assert!(matches!(other.err(), Some(OpenError::ForeignCluster { .. })));
    let copy: Arc<dyn Disk> = sims[0].after_power_cut(disk::Survival::KeepAll);
    let twice = opened(&[Arc::clone(&disks[0]), copy], 9).await;
    assert!(matches!(twice.err(), Some(OpenError::Twice { .. })));
    let store = opened(&disks, 10).await.unwrap();
    store.append(store.disks()[0], fragment(1, 1, 1)).await.unwrap();
    store.shutdown().await;
    sims[0].flip_bit("disk.id", 200);
    assert!(matches!(opened(&disks, 11).await.err(), Some(OpenError::IdentityLost { .. })));
    sims[0].remove("disk.id").unwrap();
    let lost = opened(&disks, 12).await.err().map(|error| error.to_string());
    assert_eq!(lost.as_deref(), Some("the disk holds segments but its identity file is missing"));
}

#[tokio::test]
async fn too_long_a_fragment_is_refused() {
    let (_, disks) = sim_disks(1);
    let store = opened(&disks, 13).await.unwrap();
    let long = fragment(1, 0, fragments::limits::FRAGMENT_BYTES_MAX + 1);
    let outcome = store.append(store.disks()[0], long).await;
    assert!(matches!(outcome, Err(WriteError::TooLong { .. })));
    store.shutdown().await;
}
