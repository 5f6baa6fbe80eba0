//! What a simulated disk remembers: what is there now, what would survive, and
//! what hangs between the two.
//!
//! ```text
//!   files   now ── sync_data ──▶ durable      pending: writes, cuts, holes since
//!   names   now ── sync_dir  ──▶ durable      pending: creates, renames, removes since
//! ```
//!
//! A power cut keeps `durable` and any subset of `pending`, in order; a write is
//! torn at 512 bytes, each sector kept or lost by itself; a rename is kept or lost
//! whole. Contents and names are independent, as POSIX has it: a name can survive
//! without its bytes and the reverse. Changes that a failed sync was to make
//! durable stay in doubt for ever: a later sync does not save them.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::path::parent;
use crate::sim_fault::Waiting;

/// The unit in which a device writes atomically.
const SECTOR_BYTES: u64 = 512;

/// The unit in which room is given out.
const PAGE_BYTES: u64 = 4096;

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// Everything: the device had just finished.
    KeepAll,
    /// Nothing.
    LoseAll,
    /// A subset drawn from this seed.
    Drawn(u64),
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Length(u64),
    Punch { offset: u64, length: u64 },
}

#[derive(Clone, Debug)]
pub(crate) enum NameChange {
    Create { path: String, node: u64 },
    Remove { path: String },
    Rename { from: String, to: String, node: u64 },
}

impl NameChange {
    fn directory(&self) -> &str {
        match self {
            Self::Create { path, .. } | Self::Remove { path } => parent(path),
            Self::Rename { to, .. } => parent(to),
        }
    }

    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Create { path, node } => {
                names.insert(path.clone(), *node);
            }
            Self::Remove { path } => {
                names.remove(path);
            }
            Self::Rename { from, to, node } => {
                if names.get(from) == Some(node) {
                    names.remove(from);
                }
                names.insert(to.clone(), *node);
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    doubtful: Vec<Change>,
    pages: BTreeSet<u64>,
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    match change {
        Change::Write { offset, bytes: written } => {
            let start = place(*offset);
            let end = start.saturating_add(written.len());
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            if let Some(target) = bytes.get_mut(start..end) {
                target.copy_from_slice(written);
            }
        }
        Change::Length(length) => bytes.resize(place(*length), 0),
        Change::Punch { offset, length } => {
            let end = place(offset.saturating_add(*length)).min(bytes.len());
            if let Some(target) = bytes.get_mut(place(*offset).min(end)..end) {
                target.fill(0);
            }
        }
    }
}

impl Node {
    pub(crate) fn change(&mut self, change: Change) {
        apply(&mut self.now, &change);
        match &change {
            Change::Write { offset, bytes } if !bytes.is_empty() => {
                self.take_pages(*offset, offset + bytes.len() as u64);
            }
            Change::Write { .. } => {}
            Change::Length(length) => {
                self.pages.split_off(&length.div_ceil(PAGE_BYTES));
            }
            Change::Punch { offset, length } => {
                let pages = offset.div_ceil(PAGE_BYTES)..(offset + length) / PAGE_BYTES;
                self.pages.retain(|page| !pages.contains(page));
            }
        }
        self.pending.push(change);
    }

    pub(crate) fn take_pages(&mut self, start: u64, end: u64) {
        self.pages.extend(start / PAGE_BYTES..end.div_ceil(PAGE_BYTES));
    }

    pub(crate) fn missing_pages(&self, start: u64, end: u64) -> u64 {
        let wanted = start / PAGE_BYTES..end.div_ceil(PAGE_BYTES);
        let have = self.pages.range(wanted.clone()).count() as u64;
        (wanted.end - wanted.start) - have
    }

    pub(crate) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    pub(crate) fn fail_sync(&mut self) {
        self.doubtful.append(&mut self.pending);
    }

    pub(crate) fn flip(&mut self, bit: u64) {
        let Ok(place) = usize::try_from(bit / 8) else { return };
        for bytes in [&mut self.now, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    fn survivor(&self, survival: Survival, rng: &mut ChaCha8Rng) -> Self {
        let mut left = self.durable.clone();
        match survival {
            Survival::LoseAll => {}
            Survival::KeepAll => left.clone_from(&self.now),
            Survival::Drawn(_) => {
                for change in self.doubtful.iter().chain(&self.pending) {
                    survive(&mut left, change, rng);
                }
                // The length may be written back before the bytes are.
                if left.len() < self.now.len() && rng.random_ratio(1, 4) {
                    left.resize(self.now.len(), 0);
                }
            }
        }
        let mut node = Self { now: left.clone(), durable: left, ..Self::default() };
        node.take_pages(0, node.now.len() as u64);
        node
    }
}

/// Applies what the cut leaves of one change.
fn survive(left: &mut Vec<u8>, change: &Change, rng: &mut ChaCha8Rng) {
    let Change::Write { offset, bytes } = change else {
        if rng.random_ratio(1, 2) {
            apply(left, change);
        }
        return;
    };
    match rng.random_range(0..4_u8) {
        0 => apply(left, change),
        1 => {}
        torn => {
            // Torn: a prefix of sectors, or any of them.
            let end = offset + bytes.len() as u64;
            let mut at = *offset;
            let mut keeping = true;
            while at < end {
                let stop = end.min((at / SECTOR_BYTES + 1) * SECTOR_BYTES);
                keeping = if torn == 2 {
                    keeping && rng.random_ratio(7, 8)
                } else {
                    rng.random_ratio(1, 2)
                };
                let from = usize::try_from(at - offset).unwrap_or(usize::MAX);
                let to = usize::try_from(stop - offset).unwrap_or(usize::MAX);
                if let (true, Some(sector)) = (keeping, bytes.get(from..to)) {
                    apply(left, &Change::Write { offset: at, bytes: sector.to_vec() });
                }
                at = stop;
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SimState {
    pub(crate) nodes: BTreeMap<u64, Node>,
    pub(crate) names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    pending_names: Vec<NameChange>,
    pub(crate) directories: BTreeSet<String>,
    next_node: u64,
    /// Changing operations so far.
    pub(crate) operations: u64,
    /// The power goes before this operation (counted from 0).
    pub(crate) cut_before: Option<u64>,
    pub(crate) faults: Vec<Waiting>,
    pub(crate) faults_happened: u64,
    pub(crate) fault_at: Option<(u64, crate::Fault)>,
    pub(crate) poisoned: bool,
    /// Room in pages; unlimited if `None`.
    pub(crate) capacity_pages: Option<u64>,
}

impl SimState {
    pub(crate) fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    pub(crate) fn new_node(&mut self) -> u64 {
        self.next_node += 1;
        self.nodes.insert(self.next_node, Node::default());
        self.next_node
    }

    pub(crate) fn sync_directory(&mut self, directory: &str) {
        let pending = std::mem::take(&mut self.pending_names);
        for change in pending {
            if change.directory() == directory {
                change.apply(&mut self.durable_names);
            } else {
                self.pending_names.push(change);
            }
        }
    }

    /// Pages that named files take.
    pub(crate) fn used_pages(&self) -> u64 {
        let nodes: BTreeSet<u64> = self.names.values().copied().collect();
        nodes.iter().filter_map(|id| self.nodes.get(id)).map(|n| n.pages.len() as u64).sum()
    }

    /// What is there after the power comes back.
    pub(crate) fn survivor(&self, survival: Survival) -> Self {
        let seed = if let Survival::Drawn(seed) = survival { seed } else { 0 };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut names = self.durable_names.clone();
        for change in &self.pending_names {
            let kept = match survival {
                Survival::KeepAll => true,
                Survival::LoseAll => false,
                Survival::Drawn(_) => rng.random_ratio(1, 2),
            };
            if kept {
                change.apply(&mut names);
            }
        }
        let mut nodes = BTreeMap::new();
        for id in names.values() {
            if let Some(node) = self.nodes.get(id) {
                nodes.entry(*id).or_insert_with(|| node.survivor(survival, &mut rng));
            }
        }
        Self {
            nodes,
            durable_names: names.clone(),
            names,
            pending_names: Vec::new(),
            directories: self.directories.clone(),
            next_node: self.next_node,
            operations: 0,
            cut_before: None,
            faults: Vec::new(),
            faults_happened: 0,
            fault_at: None,
            poisoned: false,
            capacity_pages: self.capacity_pages,
        }
    }
}

/// Room in bytes as whole pages.
pub(crate) fn pages(bytes: u64) -> u64 {
    bytes / PAGE_BYTES
}

/// Whole pages as bytes.
pub(crate) fn page_bytes(pages: u64) -> u64 {
    pages.saturating_mul(PAGE_BYTES)
}
