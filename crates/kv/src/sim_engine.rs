//! The simulated half: rows in memory that forget what was not persisted.
//!
//! A power cut keeps everything up to the last `persist` and then, drawn from
//! the seed, the batches of some prefix of what came after: exactly what
//! [`Engine`] allows, and no more.

use std::sync::Arc;

use catalog::{Batch, MemoryRows, Rows};
use parking_lot::Mutex;
use units::{ByteCount, Random, SimRandom};

use crate::{Engine, KvError};

/// Rows that survive a power cut only as far as they were persisted.
pub struct SimEngine {
    random: SimRandom,
    state: Mutex<State>,
}

struct State {
    /// What views see; shared with them, copied when written under a view.
    rows: Arc<MemoryRows>,
    /// What is certainly on the simulated disk.
    persisted: MemoryRows,
    /// Committed since, in order.
    unsynced: Vec<Batch>,
    /// Operations left before the power goes; `None` is never.
    fuse: Option<u64>,
    bytes: u64,
}

impl State {
    /// Burns one operation of the fuse.
    fn burn(&mut self) -> Result<(), KvError> {
        match &mut self.fuse {
            None => Ok(()),
            Some(0) => Err(KvError::PowerOff),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

impl SimEngine {
    /// An empty engine whose losses are drawn from this seed.
    pub fn seeded(seed: u64) -> Self {
        Self {
            random: SimRandom::seeded(seed),
            state: Mutex::new(State {
                rows: Arc::default(),
                persisted: MemoryRows::default(),
                unsynced: Vec::new(),
                fuse: None,
                bytes: 0,
            }),
        }
    }

    /// The rows as the next start finds them if the power goes now: everything, or
    /// what a seed draws. `self` stays as it is, so that several survivals can be
    /// tried from one cut.
    #[must_use]
    pub fn after_power_cut(&self, drawn: Option<u64>) -> Self {
        let state = self.state.lock();
        let mut persisted = state.persisted.clone();
        let engine = Self::seeded(drawn.unwrap_or_default());
        let kept = drawn.map_or(state.unsynced.len(), |_| engine.kept_of(state.unsynced.len()));
        for batch in state.unsynced.iter().take(kept) {
            persisted.commit(batch.clone());
        }
        {
            let mut after = engine.state.lock();
            after.rows = Arc::new(persisted.clone());
            after.persisted = persisted;
            after.bytes = state.bytes;
        }
        engine
    }

    /// How many of so many unsynced batches survive.
    fn kept_of(&self, unsynced: usize) -> usize {
        let mut drawn = [0_u8; 8];
        self.random.fill(&mut drawn);
        usize::try_from(u64::from_le_bytes(drawn) % (unsynced as u64 + 1)).unwrap_or(0)
    }

    /// Lets this many commits and persists succeed, then fails every one as if
    /// the power had gone, until [`SimEngine::power_cut`].
    pub fn cut_after(&self, operations: u64) {
        self.state.lock().fuse = Some(operations);
    }

    /// Cuts the power and switches it on again: what was persisted stays, and of
    /// the batches after it a prefix of random length. Views taken before are void.
    pub fn power_cut(&self) {
        let mut state = self.state.lock();
        let kept = self.kept_of(state.unsynced.len());
        let survivors: Vec<Batch> = state.unsynced.drain(..).take(kept).collect();
        for batch in survivors {
            state.persisted.commit(batch);
        }
        state.rows = Arc::new(state.persisted.clone());
        state.fuse = None;
    }
}

impl Engine for SimEngine {
    fn view(&self) -> Arc<dyn Rows> {
        Arc::clone(&self.state.lock().rows) as Arc<dyn Rows>
    }

    fn commit(&self, batch: Batch) -> Result<(), KvError> {
        let mut state = self.state.lock();
        state.burn()?;
        let row_bytes = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| {
            key.len() + value.as_ref().map_or(0, Vec::len)
        };
        state.bytes += batch.writes.iter().map(row_bytes).sum::<usize>() as u64;
        Arc::make_mut(&mut state.rows).commit(batch.clone());
        state.unsynced.push(batch);
        Ok(())
    }

    fn persist(&self) -> Result<(), KvError> {
        let mut state = self.state.lock();
        state.burn()?;
        for batch in core::mem::take(&mut state.unsynced) {
            state.persisted.commit(batch);
        }
        Ok(())
    }

    fn approximate_bytes(&self) -> ByteCount {
        ByteCount::new(self.state.lock().bytes)
    }
}
