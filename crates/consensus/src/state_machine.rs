//! The catalog as openraft's state machine.
//!
//! **Invariants**
//! - The rows of an entry and the note that it was applied are one batch.
//! - A snapshot is only announced, and with it the log only purged, after the
//!   engine has persisted at least what the snapshot says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use catalog::Batch;
use kv::Engine;
use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, SnapshotMeta,
    StorageIOError,
};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::watch;
use units::{Clock, ClusterId, LogIndex, Timestamp};

use crate::applied::AppliedState;
use crate::backup::header::Header;
use crate::backup::reader::read_backup;
use crate::backup::restore_rows;
use crate::error::OpenError;
use crate::health::Health;
use crate::log::record::EntryId;
use crate::log::store::Recent;
use crate::log::writer::describe;
use crate::member::{Member, Seat};
use crate::snapshot::CatalogSnapshot;
use crate::types::{Answers, Entry, StorageError, StoredMembership, Types};

/// An entry that could not be applied: the end of this Raft instance.
#[derive(Debug, Error)]
enum ApplyError {
    #[error("the catalog could not be read")]
    Rows(#[from] catalog::RowsError),
    #[error("the catalog could not be written")]
    Engine(#[from] kv::KvError),
    #[error("the membership could not be encoded")]
    Encode(#[from] postcard::Error),
    #[error("entry {found} was to be applied after {last}")]
    Order { found: u64, last: u64 },
    #[error("the state machine's thread ended")]
    Ended,
}

/// The rows and how far the log was applied to them. Clones share it.
#[derive(Clone)]
pub(crate) struct StateMachine {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<dyn Engine>,
    clock: Arc<dyn Clock>,
    cluster: ClusterId,
    health: Arc<Health>,
    /// What was applied; locked while it changes, so that it is one with a view.
    state: Mutex<AppliedState>,
    applied: watch::Sender<LogIndex>,
    recent: Mutex<Option<Arc<Mutex<Recent>>>>,
    /// Grows with every change of a directory row, after it is in the engine and
    /// before anybody is told.
    directory: AtomicU64,
}

impl StateMachine {
    /// The state machine of these rows.
    pub(crate) fn open(
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        cluster: ClusterId,
        health: Arc<Health>,
    ) -> Result<Self, OpenError> {
        let state = AppliedState::read(&*engine.view())?;
        let (applied, _) = watch::channel(LogIndex::new(state.last.map_or(0, |id| id.index)));
        let state = Mutex::new(state);
        let recent = Mutex::new(None);
        let directory = AtomicU64::new(0);
        let shared = Shared { engine, clock, cluster, health, state, applied, recent, directory };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Lets the log forget entries once they are applied.
    pub(crate) fn forget_in(&self, recent: Arc<Mutex<Recent>>) {
        *self.shared.recent.lock() = Some(recent);
    }

    /// What was applied last.
    pub(crate) fn state(&self) -> AppliedState {
        self.shared.state.lock().clone()
    }

    /// The latest stamp applied.
    pub(crate) fn stamped(&self) -> Timestamp {
        self.shared.state.lock().stamped
    }

    /// Which directory rows there are: equal numbers, equal rows.
    pub(crate) fn directory_revision(&self) -> u64 {
        self.shared.directory.load(Ordering::Acquire)
    }

    /// Follows what was applied last.
    pub(crate) fn applied(&self) -> watch::Receiver<LogIndex> {
        self.shared.applied.subscribe()
    }

    /// A view, and what was applied in it.
    pub(crate) fn consistent_view(&self) -> (Arc<dyn catalog::Rows>, Header) {
        let state = self.shared.state.lock();
        let header = Header {
            cluster: self.shared.cluster,
            made: self.shared.clock.now(),
            last: state.last,
            stamped: state.stamped,
            membership: state.membership.clone(),
        };
        (self.shared.engine.view(), header)
    }

    fn snapshot(&self) -> Snapshot<Types> {
        let (rows, header) = self.consistent_view();
        let meta = SnapshotMeta {
            last_log_id: header.last,
            last_membership: header.membership.clone(),
            snapshot_id: header.last.map_or_else(String::new, |id| id.to_string()),
        };
        Snapshot { meta, snapshot: Box::new(CatalogSnapshot::outgoing(rows, header)) }
    }

    /// Runs blocking work on its own thread, and remembers a failure.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, ApplyError> + Send + 'static,
    ) -> Result<T, ApplyError> {
        let shared = Arc::clone(&self.shared);
        let result = tokio::task::spawn_blocking(move || work(&shared)).await;
        let result = result.unwrap_or(Err(ApplyError::Ended));
        if let Err(error) = &result {
            self.shared.health.fail(&describe(error));
        }
        result
    }
}

impl Shared {
    /// Applies one entry: its rows and the note of it, as one batch.
    fn apply(&self, entry: &Entry) -> Result<Answers, ApplyError> {
        let mut state = self.state.lock();
        let mut next = state.clone();
        if let Some(last) = state.last
            && entry.log_id.index <= last.index
        {
            return Err(ApplyError::Order { found: entry.log_id.index, last: last.index });
        }
        next.last = Some(entry.log_id);
        let mut batch = Batch::default();
        let mut answers = Answers::default();
        match &entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Normal(pack) => {
                let applied = catalog::apply(&*self.engine.view(), &pack.commands)?;
                batch = applied.batch;
                answers = Answers(applied.outcomes);
                let stamps = pack.commands.iter().map(|stamped| stamped.at);
                next.stamped = stamps.fold(next.stamped, Ord::max);
            }
            EntryPayload::Membership(membership) => {
                next.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
            }
        }
        if !units::planted::is_on("consensus-forget-applied") {
            next.put(&mut batch)?;
        }
        let is_directory = batch.writes.keys().any(|key| catalog::table::is_directory(key));
        self.engine.commit(batch)?;
        if is_directory {
            self.directory.fetch_add(1, Ordering::Release);
        }
        *state = next;
        drop(state);
        self.applied.send_replace(LogIndex::new(entry.log_id.index));
        if let Some(recent) = &*self.recent.lock() {
            recent.lock().drop_through(entry.log_id.index);
        }
        Ok(answers)
    }

    /// Replaces the rows by those of a snapshot.
    fn install(
        &self,
        meta: &SnapshotMeta<Member, Seat>,
        mut snapshot: CatalogSnapshot,
    ) -> Result<(), openraft::AnyError> {
        use std::io::{Seek, SeekFrom};

        snapshot.seek(SeekFrom::Start(0)).map_err(|error| AnyError::new(&error))?;
        let (header, _) =
            read_backup(&mut snapshot, |_, _| Ok(())).map_err(|error| AnyError::new(&error))?;
        snapshot.seek(SeekFrom::Start(0)).map_err(|error| AnyError::new(&error))?;
        let mut state = self.state.lock();
        let next = AppliedState {
            last: meta.last_log_id,
            membership: meta.last_membership.clone(),
            installed: meta.last_log_id,
            stamped: header.stamped,
        };
        let restored = restore_rows(&*self.engine, &mut snapshot, &next);
        self.directory.fetch_add(1, Ordering::Release);
        restored.map_err(|error| AnyError::new(&error))?;
        *state = next;
        self.applied.send_replace(LogIndex::new(meta.last_log_id.map_or(0, |id| id.index)));
        Ok(())
    }
}

impl RaftSnapshotBuilder<Types> for StateMachine {
    /// The rows are in the engine already: a snapshot is a view, and persisting
    /// what it shows is what makes it one.
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError> {
        let snapshot = self.snapshot();
        if units::planted::is_on("consensus-purge-before-persist") {
            return Ok(snapshot);
        }
        let persisted = self.blocking(|shared| Ok(shared.engine.persist()?)).await;
        persisted.map_err(|error| StorageIOError::write_snapshot(None, AnyError::new(&error)))?;
        Ok(snapshot)
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<EntryId>, StoredMembership), StorageError> {
        let state = self.state();
        Ok((state.last, state.membership))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Answers>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let last = entries.last().map(|entry| entry.log_id).unwrap_or_default();
        let work = move |shared: &Shared| {
            entries.iter().map(|entry| shared.apply(entry)).collect::<Result<Vec<_>, _>>()
        };
        let applied = self.blocking(work).await;
        applied.map_err(|error| StorageIOError::apply(last, AnyError::new(&error)).into())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<CatalogSnapshot>, StorageError> {
        Ok(Box::new(CatalogSnapshot::incoming()))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<Member, Seat>,
        snapshot: Box<CatalogSnapshot>,
    ) -> Result<(), StorageError> {
        let (shared, meta) = (Arc::clone(&self.shared), meta.clone());
        let installed = tokio::task::spawn_blocking(move || shared.install(&meta, *snapshot)).await;
        let installed = installed.unwrap_or_else(|error| Err(AnyError::new(&error)));
        installed.map_err(|error| {
            self.shared.health.fail(&error.to_string());
            StorageIOError::write_snapshot(None, error).into()
        })
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError> {
        let snapshot = self.snapshot();
        Ok(snapshot.meta.last_log_id.is_some().then_some(snapshot))
    }
}
