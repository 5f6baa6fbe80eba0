//! A disk whose file system takes no writes is opened as it is: it reads, and nothing else.

use std::sync::Arc;

use disk::{Disk, DiskError, DiskFile, SimDisk, Space};
use erasure::{Code, CodecId};
use fragments::{
    DiskState, Fragment, FragmentHeader, FragmentName, FragmentStore, Poison, WriteError,
};
use units::{ByteCount, ClusterId, FragmentNumber, PartId, SimRandom, StripeNumber};

/// What the operating system answers to any write.
fn refused<T>(path: &str) -> Result<T, DiskError> {
    let source = std::io::ErrorKind::ReadOnlyFilesystem.into();
    Err(DiskError::Io { path: path.to_owned(), operation: "write", source })
}

/// A disk on a file system that became read-only.
struct ReadOnlyDisk(Arc<SimDisk>);

struct ReadOnlyFile(Arc<dyn DiskFile>);

impl Disk for ReadOnlyDisk {
    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        refused(path)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        Ok(Arc::new(ReadOnlyFile(self.0.open(path)?)))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError> {
        self.0.list(directory)
    }

    fn exists(&self, path: &str) -> Result<bool, DiskError> {
        self.0.exists(path)
    }

    fn create_dir(&self, path: &str) -> Result<(), DiskError> {
        refused(path)
    }

    fn rename(&self, from: &str, _to: &str) -> Result<(), DiskError> {
        refused(from)
    }

    fn remove(&self, path: &str) -> Result<(), DiskError> {
        refused(path)
    }

    fn sync_dir(&self, directory: &str) -> Result<(), DiskError> {
        refused(directory)
    }

    fn space(&self) -> Result<Space, DiskError> {
        self.0.space()
    }

    fn is_poisoned(&self) -> bool {
        true
    }

    fn is_read_only(&self) -> bool {
        true
    }
}

impl DiskFile for ReadOnlyFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, _bytes: &[u8], _offset: u64) -> Result<(), DiskError> {
        refused("file")
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        refused("file")
    }

    fn length(&self) -> Result<ByteCount, DiskError> {
        self.0.length()
    }

    fn set_len(&self, _length: ByteCount) -> Result<(), DiskError> {
        refused("file")
    }

    fn reserve(&self, _length: ByteCount) -> Result<(), DiskError> {
        refused("file")
    }

    fn punch(&self, _offset: u64, _length: ByteCount) -> Result<(), DiskError> {
        refused("file")
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
async fn a_read_only_disk_reads_what_it_holds_and_takes_nothing() {
    let (disk, cluster) = (SimDisk::new(), ClusterId::from_u128(1));
    let open = |disk: Arc<dyn Disk>| async move {
        FragmentStore::open(cluster, vec![disk], &SimRandom::seeded(1)).await
    };
    let store = open(Arc::clone(&disk) as Arc<dyn Disk>).await.unwrap();
    let id = store.disks()[0];
    store.append(id, fragment(1)).await.unwrap();
    store.append(id, fragment(2)).await.unwrap();
    assert_eq!(store.poison(id), None);
    // The segment stays open, as after a process that was killed.
    store.shutdown().await;

    let store = open(Arc::new(ReadOnlyDisk(Arc::clone(&disk)))).await.unwrap();
    assert_eq!(store.disks(), [id]);
    assert_eq!(store.state(id), Some(DiskState::Poisoned));
    assert_eq!(store.poison(id), Some(Poison::ReadOnly));
    for part in [1, 2] {
        let found = store.read_whole(id, fragment(part).header.name).await.unwrap();
        assert_eq!(found.payload.len(), 1_000);
    }
    let refused = store.append(id, fragment(3)).await;
    assert!(matches!(refused, Err(WriteError::Poisoned)), "{refused:?}");
    store.shutdown().await;

    // Writable again, it goes on.
    let store = open(disk).await.unwrap();
    store.append(id, fragment(3)).await.unwrap();
    assert_eq!(store.state(id), Some(DiskState::Healthy));
    store.shutdown().await;
}
