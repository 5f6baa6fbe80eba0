//! An open file of a simulated disk.

use std::sync::Arc;

use parking_lot::Mutex;
use units::ByteCount;

use crate::sim::{begin, io_error};
use crate::sim_state::{Change, Node, SimState};
use crate::{DiskError, DiskFile, OperationKind};

#[derive(Debug)]
pub(crate) struct SimFile {
    state: Arc<Mutex<SimState>>,
    node: u64,
    path: String,
}

impl SimFile {
    pub(crate) fn new(state: Arc<Mutex<SimState>>, node: u64, path: &str) -> Self {
        Self { state, node, path: path.to_owned() }
    }

    /// Runs one operation on the file; `outcome` of the gate says whether it happens.
    fn with<T>(
        &self,
        kind: OperationKind,
        work: impl FnOnce(&mut Node, Result<(), DiskError>) -> Result<T, DiskError>,
    ) -> Result<T, DiskError> {
        let mut state = self.state.lock();
        let gate = begin(&mut state, &self.path, kind);
        let node = state.nodes.get_mut(&self.node);
        work(node.ok_or_else(|| io_error(&self.path, "any", "the file is of another life"))?, gate)
    }

    fn check_room(&self, start: u64, end: u64) -> Result<(), DiskError> {
        let state = self.state.lock();
        let (Some(capacity), Some(node)) = (state.capacity_pages, state.nodes.get(&self.node))
        else {
            return Ok(());
        };
        if state.used_pages() + node.missing_pages(start, end) > capacity {
            return Err(DiskError::Full { path: self.path.clone() });
        }
        Ok(())
    }

    /// One write, whatever the number of slices: torn only by the power.
    fn write(&self, bytes: Vec<u8>, offset: u64) -> Result<(), DiskError> {
        let room = self.check_room(offset, offset + bytes.len() as u64);
        self.with(OperationKind::Write, |node, gate| {
            match &gate {
                Ok(()) => {
                    room?;
                    node.change(Change::Write { offset, bytes });
                }
                Err(DiskError::Io { operation: "power", .. } | DiskError::Poisoned { .. }) => {}
                // An injected failure may have let some land: here, the first half.
                Err(_) => {
                    let half = bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec();
                    node.change(Change::Write { offset, bytes: half });
                }
            }
            gate
        })
    }
}

impl DiskFile for SimFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        self.with(OperationKind::Read, |node, gate| {
            gate?;
            let end = offset.saturating_add(buffer.len() as u64);
            let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
            let found = node
                .now
                .get(place(offset)..place(end))
                .ok_or_else(|| DiskError::UnexpectedEnd { path: self.path.clone(), wanted: end })?;
            buffer.copy_from_slice(found);
            Ok(())
        })
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<(), DiskError> {
        self.write(bytes.to_vec(), offset)
    }

    fn write_slices_at(&self, slices: &[&[u8]], offset: u64) -> Result<(), DiskError> {
        self.write(slices.concat(), offset)
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        self.with(OperationKind::SyncData, |node, gate| {
            match &gate {
                Ok(()) => node.sync(),
                Err(_) => node.fail_sync(),
            }
            gate
        })
    }

    fn length(&self) -> Result<ByteCount, DiskError> {
        self.with(OperationKind::Read, |node, gate| {
            gate?;
            Ok(ByteCount::new(node.now.len() as u64))
        })
    }

    fn set_len(&self, length: ByteCount) -> Result<(), DiskError> {
        self.with(OperationKind::Length, |node, gate| {
            gate?;
            node.change(Change::Length(length.get()));
            Ok(())
        })
    }

    fn reserve(&self, length: ByteCount) -> Result<(), DiskError> {
        let end = self.state.lock().nodes.get(&self.node).map_or(0, |node| node.now.len() as u64);
        let room = self.check_room(end, length.get().max(end));
        self.with(OperationKind::Reserve, |node, gate| {
            gate.and(room)?;
            node.take_pages(end, length.get().max(end));
            Ok(())
        })
    }

    fn punch(&self, offset: u64, length: ByteCount) -> Result<(), DiskError> {
        self.with(OperationKind::Punch, |node, gate| {
            gate?;
            node.change(Change::Punch { offset, length: length.get() });
            Ok(())
        })
    }
}
