//! Who writes the engine: one at a time, and with the way back when a full disk
//! stops it.
//!
//! An engine that met a full disk takes nothing more until it is opened again. The
//! node goes on meanwhile: reads are answered from what is open, whoever wrote
//! waits, and new commands are refused. Once there is room the engine is reopened,
//! what it forgot is taken up again from the log, which was never cut beyond what
//! the engine had persisted, and the batch that failed is written, unless it turns
//! out to have been written to its end.
//!
//! **Invariants**
//! - The rows of an entry and the note that it was applied are one batch; the note
//!   says after a reopening what is still to be written.
//! - Whoever asks for a view gets the rows of every entry that was answered: those
//!   that a reopened engine brings back are shown once they have caught up.
//! - Nothing is answered before the batch that holds it was committed, whatever
//!   happened in between.

use core::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use catalog::{Batch, Row, Rows, RowsError};
use kv::{Cause, Engine, KvError};
use openraft::EntryPayload;
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
use thiserror::Error;
use units::{ByteCount, LogIndex};

use crate::admission::Admission;
use crate::applied::AppliedState;
use crate::error::OpenError;
use crate::health::Health;
use crate::limits;
use crate::log::LogError;
use crate::log::record::EntryId;
use crate::log::store::AppliedLog;
use crate::types::{Answers, Entry, StoredMembership};

/// An entry that could not be applied: the end of this Raft instance.
#[derive(Debug, Error)]
pub(crate) enum ApplyError {
    #[error("the catalog could not be read")]
    Rows(#[from] catalog::RowsError),
    #[error("the catalog could not be written")]
    Engine(#[from] KvError),
    #[error("the membership could not be encoded")]
    Encode(#[from] postcard::Error),
    #[error("entry {found} was to be applied after {last}")]
    Order { found: u64, last: u64 },
    #[error("what was applied could not be read after the engine was reopened")]
    Reopened(#[source] OpenError),
    #[error("the reopened engine needs an entry that could not be read")]
    Log(#[from] LogError),
    #[error("the reopened engine needs entry {index}, which is not in the log any more")]
    Missing { index: u64 },
    #[error("the engine was opened again and did not catch up")]
    Behind,
    #[error("the node stopped while the catalog waited for room")]
    Stopped,
    #[error("the state machine's thread ended")]
    Ended,
}

/// The engine, and how far the log was applied to it.
pub(crate) struct Keeper {
    engine: Arc<dyn Engine>,
    admission: Arc<Admission>,
    health: Arc<Health>,
    /// What was applied; locked while it changes, so that it is one with a view.
    state: Mutex<AppliedState>,
    /// Held by whoever writes the engine or opens it again; taken before `state`.
    turn: Mutex<Turn>,
    /// Whether the engine's rows are those of the last entry applied; held for writing
    /// while they are not and may become so. Taken after `turn` and before `state`.
    published: RwLock<bool>,
    /// Grows with every change of a directory row, after it is in the engine and
    /// before anybody is told.
    directory: AtomicU64,
    /// The entry that changed a directory row last; that of the start, if none did since.
    directory_changed: AtomicU64,
    /// Grows when the engine is about to be opened again, and when its rows are the newest
    /// ones afterwards: odd in between.
    reopenings: AtomicU64,
    log: Mutex<Option<AppliedLog>>,
    stopped: Mutex<bool>,
    stopping: Condvar,
}

/// How the writing of the engine went lately.
#[derive(Default)]
struct Turn {
    /// Ways back in a row without a batch written.
    in_vain: u32,
    /// Ways back for other reasons than want of room, since the last persist.
    faults: u32,
}

/// What an entry comes to.
struct Prepared {
    batch: Batch,
    answers: Answers,
    state: AppliedState,
}

/// Rows that cannot be read yet.
struct Behind;

impl Behind {
    fn told() -> RowsError {
        RowsError { reason: "the catalog is being opened again; try again".to_owned() }
    }
}

impl Rows for Behind {
    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        Err(Self::told())
    }

    fn scan<'a>(&'a self, _: Bound<&[u8]>, _: Bound<&[u8]>) -> Scanned<'a> {
        Box::new(core::iter::once(Err(Self::told())))
    }

    fn scan_back<'a>(&'a self, _: Bound<&[u8]>, _: Bound<&[u8]>) -> Scanned<'a> {
        Box::new(core::iter::once(Err(Self::told())))
    }
}

type Scanned<'a> = Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a>;

impl Keeper {
    pub(crate) fn open(
        engine: Arc<dyn Engine>,
        admission: Arc<Admission>,
        health: Arc<Health>,
    ) -> Result<Self, OpenError> {
        let state = AppliedState::read(&*engine.view())?;
        let last = state.last.map_or(0, |id| id.index);
        let state = Mutex::new(state);
        Ok(Self {
            engine,
            admission,
            health,
            state,
            turn: Mutex::default(),
            published: RwLock::new(true),
            directory: AtomicU64::new(0),
            directory_changed: AtomicU64::new(last),
            reopenings: AtomicU64::new(0),
            log: Mutex::new(None),
            stopped: Mutex::new(false),
            stopping: Condvar::new(),
        })
    }

    /// Where entries are that a reopened engine lacks, and which to forget.
    pub(crate) fn use_log(&self, log: AppliedLog) {
        *self.log.lock() = Some(log);
    }

    /// What was applied; nothing is applied while the guard is held.
    pub(crate) fn state(&self) -> MutexGuard<'_, AppliedState> {
        self.state.lock()
    }

    /// The rows as they are now. While a reopened engine takes up what it forgot there
    /// are none, which is said at once: nobody is shown the older ones, and who asks
    /// serves others on the same thread.
    pub(crate) fn view(&self) -> Arc<dyn Rows> {
        match self.published.try_read() {
            Some(newest) if *newest => self.engine.view(),
            _ => Arc::new(Behind),
        }
    }

    /// The rows, and what was applied in them. Blocks while a reopened engine takes up
    /// what it forgot, for a while.
    pub(crate) fn consistent_view(&self) -> (Arc<dyn Rows>, AppliedState) {
        let newest = self.published.try_read_for(limits::CATCH_UP_PATIENCE);
        // Nothing is applied between the two.
        let state = self.state();
        match &newest {
            Some(newest) if **newest => (self.engine.view(), state.clone()),
            _ => (Arc::new(Behind), state.clone()),
        }
    }

    /// Which directory rows there are: equal numbers, equal rows.
    pub(crate) fn directory_revision(&self) -> u64 {
        self.directory.load(Ordering::Acquire)
    }

    /// The entry since which the directory rows have been as they are now, or a later one.
    pub(crate) fn directory_changed(&self) -> LogIndex {
        LogIndex::new(self.directory_changed.load(Ordering::Acquire))
    }

    /// Whoever waits for room gives up.
    pub(crate) fn stop_waiting(&self) {
        *self.stopped.lock() = true;
        self.stopping.notify_all();
    }

    /// Applies one entry: its rows and the note of it, as one batch. Blocks, as
    /// long as there is no room.
    pub(crate) fn apply(&self, entry: &Entry) -> Result<Answers, ApplyError> {
        let mut turn = self.turn.lock();
        let before = self.state().clone();
        let prepared = prepare(&*self.engine.view(), before, entry)?;
        let is_directory =
            prepared.batch.writes.keys().any(|key| catalog::table::is_directory(key));
        loop {
            let mut state = self.state.lock();
            match self.engine.commit(&prepared.batch) {
                Ok(()) => *state = prepared.state,
                Err(error) => {
                    drop(state);
                    let is_in = self.regain(&mut turn, error, Some(entry.log_id))?;
                    if !is_in && !units::planted::is_on("consensus-forget-after-full") {
                        continue;
                    }
                }
            }
            break;
        }
        if is_directory {
            self.directory.fetch_add(1, Ordering::Release);
            self.directory_changed.store(entry.log_id.index, Ordering::Release);
        }
        turn.in_vain = 0;
        drop(turn);
        if let Some(log) = &*self.log.lock() {
            log.drop_through(entry.log_id.index);
        }
        Ok(prepared.answers)
    }

    /// Makes what was applied before the call durable in the engine, and has it give back
    /// what it keeps twice. Blocks, as long as there is no room.
    ///
    /// An engine that is being opened again has forgotten what it had not persisted, and
    /// persists what is left without complaint: that counts only once it has caught up.
    pub(crate) fn persist(&self) -> Result<(), ApplyError> {
        loop {
            let seen = self.reopenings.load(Ordering::Acquire);
            // What is durable may lie on the disk twice; without room for it that stays so.
            let room = self.admission.room().unwrap_or(ByteCount::ZERO);
            let persisted = self.engine.persist().and_then(|()| self.engine.give_back(room));
            let is_same = || self.reopenings.load(Ordering::Acquire) == seen;
            match persisted {
                Ok(()) if is_same() && is_open(seen) => {
                    // Whoever holds the turn, if somebody does, is about to know better.
                    if let Some(mut turn) = self.turn.try_lock() {
                        turn.faults = 0;
                    }
                    return Ok(());
                }
                Ok(()) => {
                    // Whoever opens it has the turn until it has caught up, or gives up.
                    let _turn = self.turn.lock();
                    if !is_open(self.reopenings.load(Ordering::Acquire)) {
                        return Err(ApplyError::Behind);
                    }
                }
                Err(error) => {
                    let mut turn = self.turn.lock();
                    // Whoever applies may have been the first to find out.
                    if is_same() {
                        self.regain(&mut turn, error, None)?;
                    }
                }
            }
        }
    }

    /// Replaces the rows and what was applied to them by those of a snapshot.
    pub(crate) fn replace<E>(
        &self,
        next: AppliedState,
        load: impl FnOnce(&dyn Engine, &AppliedState) -> Result<(), E>,
    ) -> Result<(), E> {
        let _turn = self.turn.lock();
        let mut newest = self.published.write();
        let mut state = self.state.lock();
        // Also after a failure nothing is sure to be as it was: then nobody is shown any
        // rows, half of which may be missing.
        self.directory.fetch_add(1, Ordering::Release);
        let last = next.last.map_or(0, |id| id.index);
        self.directory_changed.fetch_max(last, Ordering::AcqRel);
        *newest = false;
        load(&*self.engine, &next)?;
        (*state, *newest) = (next, true);
        Ok(())
    }

    /// Waits for room, opens the engine again, and makes its rows those of the last
    /// entry applied. Says whether they are those of `pending`, the next entry,
    /// already: its batch had been written to its end.
    fn regain(
        &self,
        turn: &mut Turn,
        error: KvError,
        pending: Option<EntryId>,
    ) -> Result<bool, ApplyError> {
        let mut cause = match &error {
            KvError::Full => Cause::NoRoom,
            KvError::Poisoned => Cause::Unknown,
            _ => return Err(error.into()),
        };
        tracing::warn!(%error, "the catalog's engine must be opened again");
        let mut error = ApplyError::from(error);
        // From the first reopening on that brings rows back until they are the newest
        // ones. Before it those that were open are whole, or there are none.
        let mut shut = None;
        loop {
            if turn.in_vain > 0 {
                self.wait(turn.in_vain)?;
            }
            if !self.admission.has_room_for_engine() {
                // Room is what its threads, which tell nobody, have been missing.
                cause = Cause::NoRoom;
                turn.in_vain = 1;
                continue;
            }
            if cause == Cause::Unknown {
                turn.faults += 1;
            }
            if turn.faults > limits::ENGINE_REOPENS_MAX {
                return Err(error);
            }
            turn.in_vain = turn.in_vain.saturating_add(1);
            let mut newest = shut.take().unwrap_or_else(|| self.published.write());
            if is_open(self.reopenings.load(Ordering::Acquire)) {
                self.reopenings.fetch_add(1, Ordering::AcqRel);
            }
            let reopened = self.engine.reopen(cause).map_err(ApplyError::from);
            *newest &= reopened.is_err();
            let caught_up = reopened.and_then(|()| self.catch_up(pending));
            *newest |= caught_up.is_ok();
            if !*newest {
                shut = Some(newest);
            }
            match caught_up {
                Ok(is_in) => {
                    // What was looked up meanwhile in rows that are gone is not kept.
                    self.directory.fetch_add(1, Ordering::Release);
                    self.reopenings.fetch_add(1, Ordering::AcqRel);
                    self.health.set_engine_full(false);
                    return Ok(is_in);
                }
                Err(ApplyError::Engine(KvError::Full)) => {}
                Err(ApplyError::Engine(again)) => {
                    (cause, error) = (Cause::Unknown, again.into());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for a change of things, the longer the more was tried in vain; new
    /// commands are refused meanwhile.
    fn wait(&self, in_vain: u32) -> Result<(), ApplyError> {
        self.health.set_engine_full(true);
        let mut stopped = self.stopped.lock();
        if !*stopped {
            let time = limits::FULL_RETRY_INTERVAL * (1 << in_vain.saturating_sub(1).min(5));
            self.stopping.wait_for(&mut stopped, time);
        }
        if *stopped { Err(ApplyError::Stopped) } else { Ok(()) }
    }

    /// Takes up from the log what the reopened engine forgot.
    fn catch_up(&self, pending: Option<EntryId>) -> Result<bool, ApplyError> {
        let mut state = self.state.lock();
        loop {
            let view = self.engine.view();
            let found = AppliedState::read(&*view).map_err(ApplyError::Reopened)?;
            if found.last == state.last {
                return Ok(false);
            }
            if found.last > state.last {
                let index = |id: Option<EntryId>| id.map_or(0, |id| id.index);
                if pending.is_none() || found.last != pending {
                    let (found, last) = (index(found.last), index(state.last));
                    return Err(ApplyError::Order { found, last });
                }
                *state = found;
                return Ok(true);
            }
            let index = found.next_index();
            let log = self.log.lock();
            let entry = log.as_ref().map_or(Ok(None), |log| log.entry(index))?;
            let entry = entry.ok_or(ApplyError::Missing { index })?;
            self.engine.commit(&prepare(&*view, found, &entry)?.batch)?;
        }
    }
}

/// Whether the engine has the newest rows, by the count of its reopenings.
fn is_open(reopenings: u64) -> bool {
    reopenings.is_multiple_of(2)
}

/// What an entry comes to after what was applied before it.
fn prepare(rows: &dyn Rows, before: AppliedState, entry: &Entry) -> Result<Prepared, ApplyError> {
    if let Some(last) = before.last
        && entry.log_id.index <= last.index
    {
        return Err(ApplyError::Order { found: entry.log_id.index, last: last.index });
    }
    let mut state = AppliedState { last: Some(entry.log_id), ..before };
    let mut batch = Batch::default();
    let mut answers = Answers::default();
    match &entry.payload {
        EntryPayload::Blank => {}
        EntryPayload::Normal(pack) => {
            let applied = catalog::apply(rows, &pack.commands)?;
            batch = applied.batch;
            answers = Answers(applied.outcomes);
            let stamps = pack.commands.iter().map(|stamped| stamped.at);
            state.stamped = stamps.fold(state.stamped, Ord::max);
        }
        EntryPayload::Membership(membership) => {
            state.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
        }
    }
    if !units::planted::is_on("consensus-forget-applied") {
        state.put(&mut batch)?;
    }
    Ok(Prepared { batch, answers, state })
}
