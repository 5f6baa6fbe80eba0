//! The simulated half: a disk in memory that forgets, tears, fails and fills up
//! exactly as told, the same way every time.

use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use units::ByteCount;

use crate::path::{check_directory, check_file, parent};
use crate::sim_fault::Waiting;
use crate::sim_file::SimFile;
use crate::sim_state::{NameChange, SimState, Survival, page_bytes, pages};
use crate::{Disk, DiskError, DiskFile, Fault, OperationKind, Space};

/// Size that a simulated disk claims when it has no limit.
const UNLIMITED_BYTES: u64 = 1 << 40;

/// A disk in memory; see [`SimDisk::after_power_cut`] for what it is good for.
#[derive(Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<SimState>>,
}

impl SimDisk {
    /// An empty disk without a limit.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// An empty disk with room for this much (in pages of 4 KiB).
    pub fn with_capacity(capacity: ByteCount) -> Arc<Self> {
        let disk = Self::new();
        disk.set_capacity(Some(capacity));
        disk
    }

    /// Changes the room there is.
    pub fn set_capacity(&self, capacity: Option<ByteCount>) {
        self.state.lock().capacity_pages = capacity.map(|bytes| pages(bytes.get()));
    }

    /// The power goes: the disk as the next start finds it. `self` stays as it is,
    /// so that several survivals can be tried from one cut.
    #[must_use]
    pub fn after_power_cut(&self, survival: Survival) -> Arc<Self> {
        let state = self.state.lock().survivor(survival);
        Arc::new(Self { state: Arc::new(Mutex::new(state)) })
    }

    /// The power is to go just before the operation with this number, counted from
    /// 0: it and all that follow fail.
    pub fn cut_before(&self, operation: u64) {
        self.state.lock().cut_before = Some(operation);
    }

    /// Changing operations so far, those cut off not counted.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Whether a planned power cut has happened.
    pub fn is_cut(&self) -> bool {
        let state = self.state.lock();
        state.cut_before.is_some_and(|cut| state.operations >= cut)
    }

    /// Lets the next operation of this kind fail after `after` more have succeeded.
    pub fn fail(&self, kind: OperationKind, after: u64, fault: Fault) {
        self.state.lock().faults.push(Waiting { kind, after, fault });
    }

    /// Lets the operation with this number (as [`SimDisk::cut_before`] counts) fail.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.state.lock().fault_at = Some((operation, fault));
    }

    /// The process dies and another starts: what is visible stays, open files close,
    /// the poison of a failed sync is forgotten with the process.
    pub fn restart(&self) {
        self.state.lock().poisoned = false;
    }

    /// How many planned faults have happened.
    pub fn faults_happened(&self) -> u64 {
        self.state.lock().faults_happened
    }

    /// How many planned faults have not happened yet.
    pub fn faults_waiting(&self) -> usize {
        self.state.lock().faults.len()
    }

    /// Flips one bit of a file, as a decaying device does; false if it has no such bit.
    pub fn flip_bit(&self, path: &str, bit: u64) -> bool {
        let mut state = self.state.lock();
        let Some(id) = state.names.get(path).copied() else { return false };
        let Some(node) = state.nodes.get_mut(&id) else { return false };
        let there = bit / 8 < node.now.len() as u64;
        node.flip(bit);
        there
    }

    /// All files with their lengths, sorted by path.
    pub fn files(&self) -> Vec<(String, ByteCount)> {
        let state = self.state.lock();
        let length = |id| state.nodes.get(id).map_or(0, |node| node.now.len() as u64);
        state.names.iter().map(|(path, id)| (path.clone(), ByteCount::new(length(id)))).collect()
    }

    /// Room that the files take.
    pub fn used(&self) -> ByteCount {
        ByteCount::new(page_bytes(self.state.lock().used_pages()))
    }

    fn lock_for(
        &self,
        path: &str,
        kind: OperationKind,
    ) -> Result<MutexGuard<'_, SimState>, DiskError> {
        let mut state = self.state.lock();
        begin(&mut state, path, kind)?;
        Ok(state)
    }
}

/// Counts an operation and decides whether it happens.
pub(crate) fn begin(
    state: &mut SimState,
    path: &str,
    kind: OperationKind,
) -> Result<(), DiskError> {
    if state.cut_before.is_some_and(|cut| state.operations >= cut) {
        return Err(io_error(path, "power", "the power is off"));
    }
    if kind != OperationKind::Read {
        if state.poisoned {
            return Err(DiskError::Poisoned { path: path.into() });
        }
        state.operations += 1;
        if let Some((_, fault)) = state.fault_at.take_if(|(at, _)| *at + 1 == state.operations) {
            return Err(happen(state, path, kind, fault));
        }
    }
    let mut due = None;
    for (index, waiting) in state.faults.iter_mut().enumerate().filter(|(_, w)| w.kind == kind) {
        if waiting.after == 0 {
            due = Some(index);
            break;
        }
        waiting.after -= 1;
    }
    let Some(index) = due else { return Ok(()) };
    let fault = state.faults.remove(index).fault;
    Err(happen(state, path, kind, fault))
}

/// Plays out a fault.
fn happen(state: &mut SimState, path: &str, kind: OperationKind, fault: Fault) -> DiskError {
    state.faults_happened += 1;
    if matches!(kind, OperationKind::SyncData | OperationKind::SyncDirectory) {
        state.poisoned = true;
        return io_error(path, "sync", "injected");
    }
    match fault {
        Fault::Io => io_error(path, "operation", "injected"),
        Fault::Full => DiskError::Full { path: path.into() },
    }
}

pub(crate) fn io_error(path: &str, operation: &'static str, what: &'static str) -> DiskError {
    DiskError::Io { path: path.into(), operation, source: io::Error::other(what) }
}

fn not_found(path: &str) -> DiskError {
    DiskError::NotFound { path: path.into() }
}

impl Disk for SimDisk {
    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        check_file(path)?;
        let mut state = self.lock_for(path, OperationKind::Create)?;
        if state.names.contains_key(path) || state.directories.contains(path) {
            return Err(DiskError::AlreadyExists { path: path.into() });
        }
        let directory = parent(path);
        if !directory.is_empty() && !state.directories.contains(directory) {
            return Err(not_found(path));
        }
        let node = state.new_node();
        state.change_names(NameChange::Create { path: path.into(), node });
        Ok(Arc::new(SimFile::new(Arc::clone(&self.state), node, path)))
    }

    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskError> {
        check_file(path)?;
        let state = self.lock_for(path, OperationKind::Read)?;
        let node = *state.names.get(path).ok_or_else(|| not_found(path))?;
        Ok(Arc::new(SimFile::new(Arc::clone(&self.state), node, path)))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskError> {
        check_directory(directory)?;
        let state = self.lock_for(directory, OperationKind::Read)?;
        if !directory.is_empty() && !state.directories.contains(directory) {
            return Err(not_found(directory));
        }
        let within = |path: &&String| parent(path) == directory;
        let all = state.names.keys().chain(&state.directories).filter(within);
        let mut names: Vec<String> = all.map(|path| crate::path::name(path).to_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &str) -> Result<bool, DiskError> {
        check_directory(path)?;
        let state = self.lock_for(path, OperationKind::Read)?;
        Ok(path.is_empty() || state.names.contains_key(path) || state.directories.contains(path))
    }

    fn create_dir(&self, path: &str) -> Result<(), DiskError> {
        check_file(path)?;
        let mut state = self.lock_for(path, OperationKind::Create)?;
        let mut at = path;
        while !at.is_empty() {
            state.directories.insert(at.to_owned());
            at = parent(at);
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        check_file(from)?;
        check_file(to)?;
        let mut state = self.lock_for(from, OperationKind::Rename)?;
        let node = *state.names.get(from).ok_or_else(|| not_found(from))?;
        state.change_names(NameChange::Rename { from: from.into(), to: to.into(), node });
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), DiskError> {
        check_file(path)?;
        let mut state = self.lock_for(path, OperationKind::Remove)?;
        if !state.names.contains_key(path) {
            return Err(not_found(path));
        }
        state.change_names(NameChange::Remove { path: path.into() });
        Ok(())
    }

    fn sync_dir(&self, directory: &str) -> Result<(), DiskError> {
        check_directory(directory)?;
        let mut state = self.lock_for(directory, OperationKind::SyncDirectory)?;
        state.sync_directory(directory);
        Ok(())
    }

    fn space(&self) -> Result<Space, DiskError> {
        let state = self.state.lock();
        let total = state.capacity_pages.map_or(UNLIMITED_BYTES, page_bytes);
        let used = page_bytes(state.used_pages());
        Ok(Space { total: ByteCount::new(total), free: ByteCount::new(total.saturating_sub(used)) })
    }

    fn is_poisoned(&self) -> bool {
        self.state.lock().poisoned
    }
}
