//! The catalog as openraft's state machine.
//!
//! **Invariants**
//! - The rows of an entry and the note that it was applied are one batch.
//! - A snapshot is only announced, and with it the log only purged, after the
//!   engine has persisted at least what the snapshot says.

use std::sync::Arc;

use kv::Engine;
use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, OptionalSend, RaftSnapshotBuilder, Snapshot, SnapshotMeta, StorageIOError,
};
use thiserror::Error;
use tokio::sync::watch;
use units::{Clock, ClusterId, LogIndex, Timestamp};

use crate::admission::Admission;
use crate::applied::{self, AppliedState};
use crate::backup::header::Header;
use crate::backup::reader::read_backup;
use crate::backup::{RestoreError, restore_rows};
use crate::error::OpenError;
use crate::health::Health;
use crate::keeper::{ApplyError, Keeper};
use crate::log::record::EntryId;
use crate::log::store::AppliedLog;
use crate::log::writer::describe;
use crate::member::{Member, Seat};
use crate::snapshot::{CatalogSnapshot, Incoming, SnapshotPlace};
use crate::types::{Answers, Entry, StorageError, StoredMembership, Types};

/// The rows and how far the log was applied to them. Clones share it.
#[derive(Clone)]
pub(crate) struct StateMachine {
    shared: Arc<Shared>,
}

struct Shared {
    keeper: Keeper,
    clock: Arc<dyn Clock>,
    cluster: ClusterId,
    health: Arc<Health>,
    place: SnapshotPlace,
    applied: watch::Sender<LogIndex>,
}

impl StateMachine {
    /// The state machine of these rows.
    pub(crate) fn open(
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        cluster: ClusterId,
        health: Arc<Health>,
        admission: Arc<Admission>,
        place: SnapshotPlace,
    ) -> Result<Self, OpenError> {
        installation_finish(&*engine, cluster, &place)?;
        let keeper = Keeper::open(engine, admission, Arc::clone(&health))?;
        let last = keeper.state().last.map_or(0, |id| id.index);
        let (applied, _) = watch::channel(LogIndex::new(last));
        let shared = Shared { keeper, clock, cluster, health, place, applied };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Where to read entries again, and where to forget them once they are applied.
    pub(crate) fn use_log(&self, log: AppliedLog) {
        self.shared.keeper.use_log(log);
    }

    /// Whoever waits for room on the disk gives up.
    pub(crate) fn stop_waiting(&self) {
        self.shared.keeper.stop_waiting();
    }

    /// Where snapshots are received.
    pub(crate) fn snapshot_place(&self) -> SnapshotPlace {
        self.shared.place.clone()
    }

    /// What was applied last.
    pub(crate) fn state(&self) -> AppliedState {
        self.shared.keeper.state().clone()
    }

    /// The latest stamp applied.
    pub(crate) fn stamped(&self) -> Timestamp {
        self.shared.keeper.state().stamped
    }

    /// Which directory rows there are: equal numbers, equal rows.
    pub(crate) fn directory_revision(&self) -> u64 {
        self.shared.keeper.directory_revision()
    }

    /// The entry since which the directory rows have been as they are now, or a later one.
    pub(crate) fn directory_changed(&self) -> LogIndex {
        self.shared.keeper.directory_changed()
    }

    /// Follows what was applied last.
    pub(crate) fn applied(&self) -> watch::Receiver<LogIndex> {
        self.shared.applied.subscribe()
    }

    /// A view.
    pub(crate) fn view(&self) -> Arc<dyn catalog::Rows> {
        self.shared.keeper.view()
    }

    /// A view, and what was applied in it.
    pub(crate) fn consistent_view(&self) -> (Arc<dyn catalog::Rows>, Header) {
        let (rows, state) = self.shared.keeper.consistent_view();
        let header = Header {
            cluster: self.shared.cluster,
            made: self.shared.clock.now(),
            last: state.last,
            stamped: state.stamped,
            membership: state.membership,
        };
        (rows, header)
    }

    /// Makes what was applied durable in the engine.
    pub(crate) async fn persist(&self) -> Result<(), ApplyError> {
        self.blocking(|shared| shared.keeper.persist()).await
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
        let result = host::blocking(move || work(&shared)).await;
        let result = result.unwrap_or(Err(ApplyError::Ended));
        if let Err(error) = &result {
            self.shared.health.fail(&describe(error));
        }
        result
    }
}

impl Shared {
    /// Applies one entry and tells those who follow.
    fn apply(&self, entry: &Entry) -> Result<Answers, ApplyError> {
        let answers = self.keeper.apply(entry)?;
        self.applied.send_replace(LogIndex::new(entry.log_id.index));
        Ok(answers)
    }

    /// Replaces the rows by those of a snapshot.
    fn install(
        &self,
        meta: &SnapshotMeta<Member, Seat>,
        snapshot: CatalogSnapshot,
    ) -> Result<(), InstallError> {
        let mut incoming = snapshot.into_incoming(&self.place)?;
        incoming.rewind();
        let header = verified(&mut incoming, self.cluster)?;
        if header.last != meta.last_log_id {
            return Err(InstallError::Other("it is of another entry than was said"));
        }
        incoming.keep()?;
        let next = installed_state(header, meta.last_membership.clone());
        self.keeper.replace(next, |engine, next| restore_rows(engine, &mut incoming, next))?;
        incoming.forget()?;
        self.applied.send_replace(LogIndex::new(meta.last_log_id.map_or(0, |id| id.index)));
        Ok(())
    }
}

/// A snapshot that could not be installed.
#[derive(Debug, Error)]
enum InstallError {
    #[error("the snapshot could not be kept")]
    Disk(#[from] disk::DiskError),
    #[error("the snapshot could not be kept")]
    Write(#[from] std::io::Error),
    #[error("the snapshot cannot be used")]
    Rows(#[from] RestoreError),
    #[error("the snapshot cannot be used: {0}")]
    Other(&'static str),
}

/// Reads a whole snapshot; leaves it at its beginning.
fn verified(incoming: &mut Incoming, cluster: ClusterId) -> Result<Header, InstallError> {
    let (header, _) = read_backup(incoming, |_, _| Ok(()))?;
    incoming.rewind();
    if header.cluster != cluster {
        return Err(InstallError::Other("it is of another cluster"));
    }
    Ok(header)
}

/// What is applied once the rows of a snapshot are there.
fn installed_state(header: Header, membership: StoredMembership) -> AppliedState {
    AppliedState { last: header.last, membership, installed: header.last, stamped: header.stamped }
}

/// Ends an installation that a crash has cut: the snapshot is still there.
fn installation_finish(
    engine: &dyn Engine,
    cluster: ClusterId,
    place: &SnapshotPlace,
) -> Result<(), OpenError> {
    let told = |error: &dyn std::error::Error| OpenError::Damaged {
        reason: format!("a snapshot was being installed: {}", describe(error)),
    };
    let is_cut = applied::is_restoring(&*engine.view())?;
    let Some(mut incoming) = place.received().map_err(|error| told(&error))? else {
        return if is_cut { Err(OpenError::RestoreUnfinished) } else { Ok(()) };
    };
    if is_cut {
        let header = verified(&mut incoming, cluster).map_err(|error| told(&error))?;
        let membership = header.membership.clone();
        let next = installed_state(header, membership);
        restore_rows(engine, &mut incoming, &next).map_err(|error| told(&error))?;
    }
    incoming.forget().map_err(|error| told(&error))
}

impl RaftSnapshotBuilder<Types> for StateMachine {
    /// The rows are in the engine already: a snapshot is a view, and persisting
    /// what it shows is what makes it one.
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError> {
        let snapshot = self.snapshot();
        if units::planted::is_on("consensus-purge-before-persist") {
            return Ok(snapshot);
        }
        self.persist()
            .await
            .map_err(|error| StorageIOError::write_snapshot(None, AnyError::new(&error)))?;
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
        let incoming = CatalogSnapshot::incoming(&self.shared.place);
        let told = |error| StorageIOError::write_snapshot(None, AnyError::new(&error));
        Ok(Box::new(incoming.map_err(told)?))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<Member, Seat>,
        snapshot: Box<CatalogSnapshot>,
    ) -> Result<(), StorageError> {
        let (shared, meta) = (Arc::clone(&self.shared), meta.clone());
        let installed = host::blocking(move || shared.install(&meta, *snapshot)).await;
        let installed =
            installed.unwrap_or(Err(InstallError::Other("the thread that installed it ended")));
        installed.map_err(|error| {
            self.shared.health.fail(&describe(&error));
            StorageIOError::write_snapshot(None, AnyError::new(&error)).into()
        })
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError> {
        let snapshot = self.snapshot();
        Ok(snapshot.meta.last_log_id.is_some().then_some(snapshot))
    }
}
