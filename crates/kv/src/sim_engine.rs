//! The simulated half: rows in memory that forget what was not persisted.
//!
//! A power cut keeps everything up to the last `persist` and then, drawn from
//! the seed, the batches of some prefix of what came after: exactly what
//! [`Engine`] allows, and no more.

use std::sync::Arc;

use catalog::{Batch, MemoryRows, Rows};
use parking_lot::Mutex;
use units::{ByteCount, Random, SimRandom};

use crate::{Cause, Engine, KvError};

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
    /// Operations left before one meets a full disk; `None` is never.
    room: Option<u64>,
    /// How many attempts to reopen meet a full disk as well.
    full_reopens: u64,
    /// Nothing is taken until the engine is reopened.
    poisoned: bool,
    /// The batch that met the full disk: it may turn out to be whole.
    failed: Option<Batch>,
    /// How often it was reopened.
    reopened: u64,
    bytes: u64,
}

impl State {
    /// Burns one operation of the fuse, and of the room.
    fn burn(&mut self) -> Result<(), KvError> {
        match &mut self.fuse {
            None => {}
            Some(0) => return Err(KvError::PowerOff),
            Some(left) => *left -= 1,
        }
        if self.poisoned {
            return Err(KvError::Poisoned);
        }
        match &mut self.room {
            None => Ok(()),
            Some(0) => {
                self.room = None;
                self.poisoned = true;
                Err(KvError::Full)
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    /// Keeps what was persisted and so many of the batches that came after.
    fn forget(&mut self, kept: usize) {
        let survivors: Vec<Batch> = self.unsynced.drain(..).take(kept).collect();
        for batch in survivors {
            self.persisted.commit(batch);
        }
        self.rows = Arc::new(self.persisted.clone());
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
                room: None,
                full_reopens: 0,
                poisoned: false,
                failed: None,
                reopened: 0,
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
        state.forget(kept);
        state.fuse = None;
        (state.room, state.poisoned, state.failed) = (None, false, None);
    }

    /// Lets this many commits and persists succeed; the next meets a full disk, and
    /// the engine takes nothing more until it is reopened, which fails as often as
    /// said for want of room.
    pub fn full_after(&self, operations: u64, full_reopens: u64) {
        let mut state = self.state.lock();
        (state.room, state.full_reopens) = (Some(operations), full_reopens);
    }

    /// Takes nothing more until it is reopened, as after a failure of the engine's
    /// own threads that nobody was told of.
    pub fn poison(&self) {
        self.state.lock().poisoned = true;
    }

    /// How often the engine was reopened.
    pub fn reopened(&self) -> u64 {
        self.state.lock().reopened
    }
}

impl Engine for SimEngine {
    fn view(&self) -> Arc<dyn Rows> {
        Arc::clone(&self.state.lock().rows) as Arc<dyn Rows>
    }

    fn commit(&self, batch: &Batch) -> Result<(), KvError> {
        let mut state = self.state.lock();
        if let Err(error) = state.burn() {
            if matches!(error, KvError::Full) {
                state.failed = Some(batch.clone());
            }
            return Err(error);
        }
        let row_bytes = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| {
            key.len() + value.as_ref().map_or(0, Vec::len)
        };
        state.bytes += batch.writes.iter().map(row_bytes).sum::<usize>() as u64;
        Arc::make_mut(&mut state.rows).commit(batch.clone());
        state.unsynced.push(batch.clone());
        Ok(())
    }

    fn reopen(&self, _cause: Cause) -> Result<(), KvError> {
        let mut state = self.state.lock();
        if state.fuse == Some(0) {
            return Err(KvError::PowerOff);
        }
        if state.full_reopens > 0 {
            state.full_reopens -= 1;
            return Err(KvError::Full);
        }
        // As after a crash; the batch that failed may have been written to its end.
        if let Some(batch) = state.failed.take() {
            state.unsynced.push(batch);
        }
        let kept = self.kept_of(state.unsynced.len());
        state.forget(kept);
        state.poisoned = false;
        state.reopened += 1;
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
