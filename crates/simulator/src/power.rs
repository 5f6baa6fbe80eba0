//! One switch for the whole site: every changing operation of every disk and of the
//! catalog's engine is counted in one order, and the power goes before any of them.
//!
//! An operation is carried out under the switch, so that no other one is half done
//! when it is thrown: what the disks hold then is one instant of the site.

use std::sync::Arc;

use catalog::{Batch, Rows};
use disk::{Disk, DiskError, DiskFile, SimDisk, Space};
use kv::{Cause, Engine, KvError, SimEngine};
use parking_lot::{Condvar, Mutex};
use units::ByteCount;

/// The switch, and what hangs on it.
pub(crate) struct Power {
    switch: Mutex<Switch>,
    /// Wakes what hangs.
    goes_on: Condvar,
    disks: Vec<Arc<SimDisk>>,
    engine: Arc<SimEngine>,
}

#[derive(Default)]
struct Switch {
    operations: u64,
    cut_before: Option<u64>,
    hangs: bool,
    hanging: u64,
}

impl Power {
    /// The power of these disks and this engine; stays on until told.
    pub(crate) fn on(disks: Vec<Arc<SimDisk>>, engine: Arc<SimEngine>) -> Arc<Self> {
        Arc::new(Self { switch: Mutex::default(), goes_on: Condvar::new(), disks, engine })
    }

    /// The power is to go just before the operation with this number, from 0.
    pub(crate) fn cut_before(&self, operation: u64) {
        self.switch.lock().cut_before = Some(operation);
    }

    /// From now on operations hang, or go on.
    pub(crate) fn hang(&self, hangs: bool) {
        self.switch.lock().hangs = hangs;
        self.goes_on.notify_all();
    }

    /// Operations that hang now.
    pub(crate) fn hanging(&self) -> u64 {
        self.switch.lock().hanging
    }

    /// Operations so far.
    pub(crate) fn operations(&self) -> u64 {
        self.switch.lock().operations
    }

    /// Counts one operation and carries it out; with the power off it fails by itself.
    fn spend<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut switch = self.switch.lock();
        while switch.hangs {
            switch.hanging += 1;
            self.goes_on.wait(&mut switch);
            switch.hanging -= 1;
        }
        if switch.cut_before == Some(switch.operations) {
            for disk in &self.disks {
                disk.cut_before(disk.operations());
            }
            self.engine.cut_after(0);
        }
        switch.operations += 1;
        work()
    }
}

/// A disk on the switch.
pub(crate) struct PoweredDisk {
    pub(crate) disk: Arc<SimDisk>,
    pub(crate) power: Arc<Power>,
}

impl PoweredDisk {
    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(PoweredFile { file, power: Arc::clone(&self.power) })
    }
}

impl Disk for PoweredDisk {
    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        self.power.spend(|| self.disk.create(path)).map(|file| self.file(file))
    }

    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        self.disk.open(path).map(|file| self.file(file))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError> {
        self.disk.list(directory)
    }

    fn exists(&self, path: &str) -> Result<bool, DiskError> {
        self.disk.exists(path)
    }

    fn create_dir(&self, path: &str) -> Result<(), DiskError> {
        self.power.spend(|| self.disk.create_dir(path))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        self.power.spend(|| self.disk.rename(from, to))
    }

    fn remove(&self, path: &str) -> Result<(), DiskError> {
        self.power.spend(|| self.disk.remove(path))
    }

    fn sync_dir(&self, directory: &str) -> Result<(), DiskError> {
        self.power.spend(|| self.disk.sync_dir(directory))
    }

    fn space(&self) -> Result<Space, DiskError> {
        self.disk.space()
    }

    fn is_poisoned(&self) -> bool {
        self.disk.is_poisoned()
    }

    fn is_hanging(&self) -> bool {
        self.disk.is_hanging()
    }
}

/// An open file of such a disk.
struct PoweredFile {
    file: Arc<dyn DiskFile>,
    power: Arc<Power>,
}

impl DiskFile for PoweredFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        self.file.read_exact_at(buffer, offset)
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, DiskError> {
        self.file.read_at(offset, length)
    }

    fn read_cached_at(&self, offset: u64, length: usize) -> Result<Option<Vec<u8>>, DiskError> {
        self.file.read_cached_at(offset, length)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<(), DiskError> {
        self.power.spend(|| self.file.write_all_at(bytes, offset))
    }

    fn write_slices_at(&self, slices: &[&[u8]], offset: u64) -> Result<(), DiskError> {
        self.power.spend(|| self.file.write_slices_at(slices, offset))
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        self.power.spend(|| self.file.sync_data())
    }

    fn length(&self) -> Result<ByteCount, DiskError> {
        self.file.length()
    }

    fn set_len(&self, length: ByteCount) -> Result<(), DiskError> {
        self.power.spend(|| self.file.set_len(length))
    }

    fn reserve(&self, length: ByteCount) -> Result<(), DiskError> {
        self.power.spend(|| self.file.reserve(length))
    }

    fn punch(&self, offset: u64, length: ByteCount) -> Result<(), DiskError> {
        self.power.spend(|| self.file.punch(offset, length))
    }
}

/// The catalog's engine on the switch.
pub(crate) struct PoweredEngine {
    pub(crate) engine: Arc<SimEngine>,
    pub(crate) power: Arc<Power>,
}

impl Engine for PoweredEngine {
    fn view(&self) -> Arc<dyn Rows> {
        self.engine.view()
    }

    fn commit(&self, batch: &Batch) -> Result<(), KvError> {
        self.power.spend(|| self.engine.commit(batch))
    }

    fn reopen(&self, cause: Cause) -> Result<(), KvError> {
        self.power.spend(|| self.engine.reopen(cause))
    }

    fn persist(&self) -> Result<(), KvError> {
        self.power.spend(|| self.engine.persist())
    }

    fn approximate_bytes(&self) -> ByteCount {
        self.engine.approximate_bytes()
    }
}
