//! The store on a disk that lies in a bucket: at every request that writes the bucket goes
//! away, with the request done, lost, or arriving late; a new process finds what was
//! acknowledged, and nothing that was removed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bucket::BucketDisk;
use bucket::testing::{Fate, FaultyStore, place};
use bytes::Bytes;
use disk::Disk;
use erasure::{Code, CodecId};
use fragments::{
    CustodyProof, DiskState, Fragment, FragmentHeader, FragmentName, FragmentStore, Nonce, Options,
    ReadError, ScrubCursor, WriteError,
};
use units::{ByteCount, ClusterId, DiskId, FragmentNumber, PartId, SimRandom, StripeNumber};

const CLUSTER: ClusterId = ClusterId::from_u128(7);
const ROOM: u64 = 1 << 30;
/// Small segments, so that a few steps seal and compact several.
const OPTIONS: Options =
    Options { segment_bytes: ByteCount::new(12_000), punch_bytes_min: ByteCount::new(4_096) };

fn name(part: u128, stripe: u32) -> FragmentName {
    FragmentName {
        part: PartId::from_u128(part),
        stripe: StripeNumber::new(stripe),
        fragment: FragmentNumber::new(0),
    }
}

fn payload(part: u128, length: usize) -> Bytes {
    Bytes::from(vec![u8::try_from(part % 251).unwrap(); length])
}

fn fragment(part: u128, stripe: u32, length: usize) -> Fragment {
    let bytes = payload(part, length);
    let header = FragmentHeader {
        name: name(part, stripe),
        codec: CodecId::default(),
        code: Code::new(1, 1).unwrap(),
        stripe_bytes: ByteCount::new(length as u64),
    };
    Fragment { header, payload: bytes }
}

async fn opened(store: &FaultyStore, seed: u64) -> Result<(FragmentStore, DiskId), String> {
    let store = Arc::new(store.clone());
    let disk = tokio::task::spawn_blocking(move || BucketDisk::open_in(&place(ROOM), store, "n1"));
    let disk = disk.await.unwrap().map_err(|error| error.to_string())?;
    let disks: Vec<Arc<dyn Disk>> = vec![disk];
    let random = SimRandom::seeded(seed);
    let store = FragmentStore::open_with(CLUSTER, disks, &random, OPTIONS).await;
    let store =
        store.map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?;
    let disk = store.disks()[0];
    Ok((store, disk))
}

/// What is known of each part: its length if it must be there, none if it must not.
type Known = BTreeMap<u128, Option<usize>>;

/// Some steps; ends at the first that fails, whose part may be either way.
async fn work(store: &FragmentStore, disk: DiskId, known: &mut Known) -> Option<u128> {
    for step in 1..=14_u128 {
        let length = 1_000 + usize::try_from(step).unwrap() * 300;
        if store.append(disk, fragment(step, 0, length)).await.is_err() {
            return Some(step);
        }
        known.insert(step, Some(length));
        if step % 3 == 0 {
            if store.remove_part(disk, PartId::from_u128(step - 1)).await.is_err() {
                known.remove(&(step - 1));
                return Some(step - 1);
            }
            known.insert(step - 1, None);
        }
        if step % 5 == 0 && store.compact(disk).await.is_err() {
            return None;
        }
    }
    None
}

async fn check(store: &FragmentStore, disk: DiskId, known: &Known, said: &str) {
    for (part, length) in known {
        let found = store.read_whole(disk, name(*part, 0)).await;
        match (length, found) {
            (Some(length), Ok(found)) => assert_eq!(found.payload, payload(*part, *length)),
            (None, Err(ReadError::NotFound { .. })) => {}
            (length, found) => panic!("part {part}, {length:?}: {found:?}; {said}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_is_durable_whenever_the_bucket_goes_away() {
    let whole = FaultyStore::default();
    let (store, disk) = opened(&whole, 1).await.unwrap();
    let mut known = Known::new();
    assert_eq!(work(&store, disk, &mut known).await, None);
    check(&store, disk, &known, "with no fault").await;
    store.shutdown().await;
    let puts = whole.puts();
    assert!(puts > 15, "{puts}");
    for cut in 0..puts {
        for fate in [Fate::Lost, Fate::Done, Fate::Late] {
            let said = format!("{fate:?} at put {cut}");
            let bucket = FaultyStore::default();
            bucket.cut_at(cut, u64::MAX, fate);
            let mut known = Known::new();
            let mut unknown = None;
            if let Ok((store, disk)) = opened(&bucket, 1).await {
                unknown = work(&store, disk, &mut known).await;
                store.shutdown().await;
            }
            if let Some(part) = unknown {
                known.remove(&part);
            }
            // Another process; what the first had sent arrives under its hands.
            bucket.down_set(false);
            let (store, disk) =
                opened(&bucket, 2).await.unwrap_or_else(|error| panic!("{error}; {said}"));
            check(&store, disk, &known, &said).await;
            store.append(disk, fragment(50, 0, 5_000)).await.unwrap();
            known.insert(50, Some(5_000));
            bucket.late_arrive().await;
            store.append(disk, fragment(51, 0, 700)).await.unwrap();
            known.insert(51, Some(700));
            while store.compact(disk).await.unwrap().segments > 0 {}
            check(&store, disk, &known, &said).await;
            store.shutdown().await;
            drop(store);
            let (store, disk) = opened(&bucket, 3).await.unwrap();
            check(&store, disk, &known, &format!("{said}, second restart")).await;
            store.shutdown().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_commit_is_one_request() {
    let bucket = FaultyStore::default();
    let (store, disk) = opened_large(&bucket).await;
    let before = bucket.puts();
    let mut tasks = Vec::new();
    for part in 1..=256_u128 {
        let store = store.clone();
        let append = async move { store.append(disk, fragment(part, 0, 4_096)).await };
        tasks.push(tokio::spawn(append));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let puts = bucket.puts() - before;
    assert!(puts <= 64, "{puts} puts for 256 fragments");
    let many = (300..340).map(|part| fragment(part, 0, 4_096)).collect();
    let before = bucket.puts();
    store.append_many(disk, many).await.unwrap();
    assert_eq!(bucket.puts() - before, 1, "one put for what comes together");
    store.shutdown().await;
}

async fn opened_large(bucket: &FaultyStore) -> (FragmentStore, DiskId) {
    let inner = Arc::new(bucket.clone());
    let disk = tokio::task::spawn_blocking(move || BucketDisk::open_in(&place(ROOM), inner, "n1"));
    let disks: Vec<Arc<dyn Disk>> = vec![disk.await.unwrap().unwrap()];
    let store = FragmentStore::open(CLUSTER, disks, &SimRandom::seeded(1)).await.unwrap();
    let disk = store.disks()[0];
    (store, disk)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn away_is_not_lost_rotten_is_found_and_custody_is_proved() {
    let bucket = FaultyStore::default();
    let (store, disk) = opened_large(&bucket).await;
    let whole = fragment(1, 0, 200_000);
    store.append(disk, whole.clone()).await.unwrap();
    store.append(disk, fragment(2, 0, 2_000_000)).await.unwrap();
    store.shutdown().await;
    drop(store);
    let (store, disk) = opened_large(&bucket).await;
    let proof = store.prove(disk, name(1, 0), Nonce([7; 32]), None).await.unwrap();
    assert_eq!(proof, CustodyProof::of(Nonce([7; 32]), &whole.payload));
    bucket.down_set(true);
    let read = store.read_whole(disk, name(2, 0)).await.unwrap_err();
    assert!(read.says_nothing(), "{read:?}");
    let written = store.append(disk, fragment(3, 0, 100)).await.unwrap_err();
    assert!(matches!(written, WriteError::Hanging), "{written:?}");
    assert_eq!(store.state(disk), Some(DiskState::Hanging));
    bucket.down_set(false);
    let since = Instant::now();
    while store.state(disk) != Some(DiskState::Healthy) {
        assert!(since.elapsed() < Duration::from_secs(20), "{:?}", store.state(disk));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.append(disk, fragment(3, 0, 100)).await.unwrap();
    assert_eq!(store.read_whole(disk, name(3, 0)).await.unwrap().payload, payload(3, 100));
    // A bucket that goes away under a scrub: nothing is taken for damage.
    store.shutdown().await;
    drop(store);
    let (store, disk) = opened_large(&bucket).await;
    let budget = ByteCount::new(u64::MAX);
    bucket.down_set(true);
    let away = store.scrub(disk, ScrubCursor::default(), budget).await;
    // What start had read is in memory; the run ends before the first that is not.
    let stopped = away.as_ref().map(|report| report.damaged.is_empty() && report.next.is_some());
    assert!(stopped.unwrap_or(true), "{away:?}");
    bucket.down_set(false);
    let since = Instant::now();
    while store.state(disk) != Some(DiskState::Healthy) {
        assert!(since.elapsed() < Duration::from_secs(20), "{:?}", store.state(disk));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let found = store.scrub(disk, ScrubCursor::default(), budget).await.unwrap();
    assert_eq!((found.fragments, found.damaged.len()), (3, 0));
    bucket.rot("-e-00000000").await;
    // What was read a moment ago is in memory yet, and good.
    store.shutdown().await;
    drop(store);
    let (store, disk) = opened_large(&bucket).await;
    let found = store.scrub(disk, ScrubCursor::default(), budget).await.unwrap();
    assert!(!found.damaged.is_empty(), "{found:?}");
    store.shutdown().await;
}
