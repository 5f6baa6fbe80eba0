//! A disk that does not answer holds neither those who read nor those who write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use disk::{Disk, DiskError, DiskFile, SimDisk, Space};
use erasure::{Code, CodecId};
use fragments::{
    DiskState, Fragment, FragmentHeader, FragmentName, FragmentStore, ReadError, WriteError,
};
use units::{ByteCount, ClusterId, FragmentNumber, PartId, SimRandom, StripeNumber};

/// A disk whose names are not made durable while it hangs.
struct HangingDisk {
    disk: Arc<SimDisk>,
    hangs: AtomicBool,
}

impl Disk for HangingDisk {
    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        self.disk.create(path)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        self.disk.open(path)
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError> {
        self.disk.list(directory)
    }

    fn exists(&self, path: &str) -> Result<bool, DiskError> {
        self.disk.exists(path)
    }

    fn create_dir(&self, path: &str) -> Result<(), DiskError> {
        self.disk.create_dir(path)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> Result<(), DiskError> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, directory: &str) -> Result<(), DiskError> {
        while self.is_hanging() {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.disk.sync_dir(directory)
    }

    fn space(&self) -> Result<Space, DiskError> {
        self.disk.space()
    }

    fn is_poisoned(&self) -> bool {
        self.disk.is_poisoned()
    }

    fn is_hanging(&self) -> bool {
        self.hangs.load(Ordering::SeqCst)
    }
}

fn fragment(part: u128) -> Fragment {
    let name = FragmentName {
        part: PartId::from_u128(part),
        stripe: StripeNumber::new(0),
        fragment: FragmentNumber::new(0),
    };
    let stripe_bytes = ByteCount::new(2_000);
    let code = Code::new(2, 1).unwrap();
    let header = FragmentHeader { name, codec: CodecId::default(), code, stripe_bytes };
    Fragment { header, payload: vec![7; 1_000].into() }
}

#[tokio::test]
async fn a_disk_that_hangs_holds_nobody_and_goes_on_when_it_answers() {
    let disk = Arc::new(HangingDisk { disk: SimDisk::new(), hangs: AtomicBool::new(false) });
    let disks = vec![Arc::clone(&disk) as Arc<dyn Disk>];
    let cluster = ClusterId::from_u128(1);
    let store = FragmentStore::open(cluster, disks, &SimRandom::seeded(1)).await.unwrap();
    let id = store.disks()[0];
    let name = fragment(1).header.name;
    store.append(id, fragment(1)).await.unwrap();
    assert_eq!(store.state(id), Some(DiskState::Healthy));

    disk.hangs.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    assert_eq!(store.state(id), Some(DiskState::Hanging));
    assert!(matches!(store.read_whole(id, name).await, Err(ReadError::Hanging { .. })));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    disk.hangs.store(false, Ordering::SeqCst);
    assert_eq!(store.state(id), Some(DiskState::Healthy));
    assert_eq!(store.read_whole(id, name).await.unwrap().payload.len(), 1_000);
    store.append(id, fragment(3)).await.unwrap();
    store.shutdown().await;
}

#[tokio::test]
async fn a_write_that_a_disk_has_taken_is_not_waited_for_once_it_hangs() {
    let disk = Arc::new(HangingDisk { disk: SimDisk::new(), hangs: AtomicBool::new(false) });
    let disks = vec![Arc::clone(&disk) as Arc<dyn Disk>];
    let cluster = ClusterId::from_u128(1);
    let store = FragmentStore::open(cluster, disks, &SimRandom::seeded(1)).await.unwrap();
    let id = store.disks()[0];
    // The first record's segment is a new name, which is made durable.
    disk.hangs.store(true, Ordering::SeqCst);
    let waiting = tokio::time::timeout(Duration::from_secs(5), store.append(id, fragment(1)));
    let told = waiting.await.expect("nobody waits");
    assert!(matches!(told, Err(WriteError::Hanging)), "{told:?}");
    disk.hangs.store(false, Ordering::SeqCst);
    store.shutdown().await;
}
