//! The handle: propose, view, back up, shut down.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use catalog::{Command, Success, View};
use disk::Disk;
use kv::Engine;
use openraft::{Config, ServerState, SnapshotPolicy};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use units::{ByteCount, Clock, ClusterId, LogIndex, NodeId, Random, Timestamp};

use crate::admission::Admission;
use crate::applied;
use crate::backup::writer::BackupWriter;
use crate::backup::{BackupError, BackupReport};
use crate::checkpoint::{self, CheckpointRule};
use crate::error::{OpenError, ProposeError, Unavailable};
use crate::health::{Condition, Health};
use crate::limits;
use crate::log::index::Index;
use crate::log::store::LogStore;
use crate::log::writer::Writer;
use crate::log::{LogOptions, SegmentLog};
use crate::member::{Member, Seat};
use crate::network::Alone;
use crate::proposer::{Proposer, Waiting};
use crate::stamps::{ClockAhead, ClockConfirmError, Stamps};
use crate::state_machine::StateMachine;
use crate::types::Raft;

/// What proposers are told while log or engine wait for room.
const FULL: &str = "the disk of the catalog is full";

/// What a consensus is made of.
pub struct Parts {
    /// The disk of the log.
    pub disk: Arc<dyn Disk>,
    /// The log's directory on it.
    pub directory: String,
    /// The catalog's engine.
    pub engine: Arc<dyn Engine>,
    /// Where stamps come from.
    pub clock: Arc<dyn Clock>,
    /// Where the salts of the log come from: no client may be able to foretell it.
    pub random: Arc<dyn Random>,
    /// The cluster that this log must belong to.
    pub cluster: ClusterId,
    /// This node.
    pub node: NodeId,
    /// Where other nodes will reach it; may be empty.
    pub address: String,
    /// Sizes of the log.
    pub log: LogOptions,
    /// When the log is purged.
    pub checkpoint: CheckpointRule,
    /// How long a proposal may take.
    pub propose_timeout: Duration,
}

impl Parts {
    /// With the usual sizes and times.
    pub fn new(
        disk: Arc<dyn Disk>,
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        cluster: ClusterId,
        node: NodeId,
    ) -> Self {
        Self {
            disk,
            directory: "log".to_owned(),
            engine,
            clock,
            random,
            cluster,
            node,
            address: String::new(),
            log: LogOptions::default(),
            checkpoint: CheckpointRule::default(),
            propose_timeout: limits::PROPOSE_TIMEOUT,
        }
    }
}

/// How the consensus does.
#[derive(Clone, Debug)]
pub struct Status {
    /// What can be done about commands.
    pub condition: Condition,
    /// Whether this node leads.
    pub is_leader: bool,
    /// How many nodes vote.
    pub voters: usize,
    /// The term of the vote.
    pub term: u64,
    /// The last entry applied here.
    pub applied: LogIndex,
    /// The last entry in the log.
    pub last: LogIndex,
    /// The last entry purged.
    pub purged: LogIndex,
    /// Bytes of log on disk.
    pub log_bytes: ByteCount,
    /// Bytes of rows on disk, roughly.
    pub engine_bytes: ByteCount,
    /// Commands that wait or are being carried out.
    pub queued: usize,
}

/// The catalog, replicated. Clones are handles to the same one.
#[derive(Clone)]
pub struct Consensus {
    shared: Arc<Shared>,
}

struct Shared {
    raft: Raft,
    engine: Arc<dyn Engine>,
    machine: StateMachine,
    stamps: Arc<Stamps>,
    health: Arc<Health>,
    admission: Arc<Admission>,
    index: Arc<Mutex<Index>>,
    writer: Arc<Writer>,
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    room: Arc<Semaphore>,
    timeout: Duration,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    packer: Mutex<Option<JoinHandle<()>>>,
}

impl Shared {
    /// Waits for the end of something that a stop should see, unless or until the
    /// disk is full or the catalog has failed: then nobody waits for room any more,
    /// so that a full disk does not keep the node from stopping.
    async fn unless_full<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        let mut looks = tokio::time::interval(limits::STOP_LOOK_INTERVAL);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                _ = looks.tick() => {}
            }
            if self.health.condition() != Condition::Serving {
                self.writer.stop_waiting();
                self.machine.stop_waiting();
                return None;
            }
        }
    }
}

impl Drop for Shared {
    /// The last handle is gone without a shutdown: as after a kill.
    fn drop(&mut self) {
        self.writer.stop_waiting();
        self.machine.stop_waiting();
        for task in self.tasks.lock().drain(..) {
            task.abort();
        }
    }
}

impl Consensus {
    /// Opens the catalog, replays the tail of the log, and leads.
    pub async fn open(parts: Parts) -> Result<Self, OpenError> {
        let health = Arc::new(Health::default());
        let admission = Admission::new(Arc::clone(&parts.disk), Arc::clone(&parts.clock));
        let admission = Arc::new(admission);
        let (store, machine) = open_storage(&parts, &health, &admission)?;
        let (writer, index) = (store.writer(), store.index());
        machine.use_log(store.applied_log());
        let me = Member::new(parts.node);
        let config = config(parts.cluster)?;
        let raft = Raft::new(me, Arc::new(config), Alone, store, machine.clone());
        let raft = raft.await.map_err(|error| start_error(&error))?;
        // openraft has applied what was committed, and takes the rows for a snapshot
        // that the log may be purged up to.
        machine.persist().await.map_err(|error| start_error(&error))?;
        lead(&raft, me, &parts.address, &health).await?;

        let stamps = Arc::new(Stamps::after(machine.stamped(), Arc::clone(&parts.clock)));
        let (queue, waiting) = mpsc::channel(limits::QUEUE_COMMANDS_MAX);
        let proposer = Proposer {
            raft: raft.clone(),
            stamps: Arc::clone(&stamps),
            health: Arc::clone(&health),
            queue: waiting,
        };
        let packer = tokio::spawn(proposer.run());
        let purging = checkpoint::run(raft.clone(), Arc::clone(&index), parts.checkpoint);
        let tasks = vec![tokio::spawn(purging)];
        let shared = Shared {
            raft,
            engine: parts.engine,
            machine,
            stamps,
            health,
            admission,
            index,
            writer,
            queue: Mutex::new(Some(queue)),
            room: Arc::new(Semaphore::new(limits::QUEUE_BYTES_MAX)),
            timeout: parts.propose_timeout,
            tasks: Mutex::new(tasks),
            packer: Mutex::new(Some(packer)),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Carries a command out: durable and applied when this returns `Ok`.
    ///
    /// Cancel-safety: a command whose proposal was dropped may still be carried out.
    pub async fn propose(&self, command: Command) -> Result<Success, ProposeError> {
        self.takes(&command)?;
        let shared = &self.shared;
        let encoded = match postcard::to_stdvec(&command) {
            Ok(encoded) if encoded.len() <= limits::COMMAND_BYTES_MAX => encoded,
            Ok(encoded) => return Err(ProposeError::TooLong { bytes: encoded.len() }),
            Err(error) => return Err(Unavailable::not_done(error.to_string()).into()),
        };
        let busy = || Unavailable::not_done("too many commands are waiting");
        let weight = u32::try_from(encoded.len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&shared.room).try_acquire_many_owned(weight).map_err(|_| busy())?;
        let queue = shared.queue.lock().clone();
        let queue = queue.ok_or_else(|| Unavailable::not_done("the node is stopping"))?;
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { command, encoded, answer, room };
        queue.try_send(waiting).map_err(|_| busy())?;
        match tokio::time::timeout(shared.timeout, answered).await {
            Ok(Ok(answer)) => answer?.map_err(ProposeError::Refused),
            Ok(Err(_)) => Err(Unavailable::unknown(self.fault("the node stopped")).into()),
            Err(_) => {
                let late = format!("no answer within {:?}", shared.timeout);
                Err(Unavailable::unknown(self.fault(&late)).into())
            }
        }
    }

    /// Whether this command would be taken now, as [`Consensus::propose`] asks first. To
    /// be asked before anything is read or written that only the command makes known:
    /// what is refused here costs nobody anything. Of the command only its kind matters.
    pub fn takes(&self, command: &Command) -> Result<(), ProposeError> {
        let shared = &self.shared;
        match shared.health.condition() {
            Condition::Serving => {}
            // What waits already would be in front of it.
            Condition::Full => return Err(shared.admission.full(command).into()),
            Condition::Failed { reason } => return Err(Unavailable::not_done(reason).into()),
        }
        if let Some(ahead) = self.clock_trouble() {
            return Err(ahead.into());
        }
        Ok(shared.admission.check(command)?)
    }

    /// Whether commands are taken now that take up room, as those of most writes do.
    pub fn takes_commands(&self) -> Result<(), ProposeError> {
        self.takes(&Command::Nothing)
    }

    fn fault(&self, otherwise: &str) -> String {
        match self.shared.health.condition() {
            Condition::Failed { reason } => reason,
            Condition::Full => FULL.to_owned(),
            Condition::Serving => otherwise.to_owned(),
        }
    }

    /// Why commands are refused for what the clock says, if they are; reads go on.
    pub fn clock_trouble(&self) -> Option<ClockAhead> {
        self.shared.stamps.trouble()
    }

    /// The clock is right, says an operator who saw it say `shown`: commands are taken
    /// again, and what was to be judged by time is judged by this one. Says what it was
    /// about; refused unless the clock is in trouble and still says that.
    pub fn clock_confirm(&self, shown: Timestamp) -> Result<ClockAhead, ClockConfirmError> {
        self.shared.stamps.confirm(shown)
    }

    /// The catalog as applied on this node; costs microseconds.
    pub fn view(&self) -> View {
        View::new(self.shared.machine.view())
    }

    /// Which directory rows this node has applied (tenants, users, keys, buckets,
    /// settings): while the number stays, so do they. What is kept under a number
    /// that was read *before* the rows is never older than an answered command.
    pub fn directory_revision(&self) -> u64 {
        self.shared.machine.directory_revision()
    }

    /// The catalog as of now in the whole cluster: everything that was answered
    /// before this call is in it. Free for a single voter, whose answers follow
    /// its own applying; otherwise a majority is asked.
    pub async fn read(&self) -> Result<View, Unavailable> {
        let alone = self.shared.raft.metrics().borrow().membership_config.voter_ids().count() == 1;
        if !alone {
            let confirmed = self.shared.raft.ensure_linearizable().await;
            confirmed.map_err(|error| Unavailable::not_done(error.to_string()))?;
        }
        Ok(self.view())
    }

    /// Follows the last entry applied on this node.
    pub fn applied(&self) -> watch::Receiver<LogIndex> {
        self.shared.machine.applied()
    }

    /// How the consensus does.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let metrics = shared.raft.metrics();
        let metrics = metrics.borrow();
        let index = shared.index.lock();
        let position = |index: Option<u64>| LogIndex::new(index.unwrap_or_default());
        let condition = match shared.health.condition() {
            Condition::Serving if shared.admission.is_full() => Condition::Full,
            condition => condition,
        };
        Status {
            condition,
            is_leader: metrics.state == ServerState::Leader,
            voters: metrics.membership_config.voter_ids().count(),
            term: metrics.current_term,
            applied: *shared.machine.applied().borrow(),
            last: position(index.last().map(|id| id.index)),
            purged: position(index.purged.map(|id| id.index)),
            log_bytes: ByteCount::new(index.bytes),
            engine_bytes: shared.engine.approximate_bytes(),
            queued: shared
                .queue
                .lock()
                .as_ref()
                .map_or(0, |queue| limits::QUEUE_COMMANDS_MAX.saturating_sub(queue.capacity())),
        }
    }

    /// Persists the engine and purges the log now.
    pub async fn checkpoint(&self) -> Result<(), Unavailable> {
        checkpoint::take(&self.shared.raft).await.map_err(Unavailable::not_done)
    }

    /// Writes a backup of the catalog as of now; writes go on meanwhile.
    /// Blocks: call it where blocking is allowed.
    pub fn snapshot_write(&self, sink: &mut dyn Write) -> Result<BackupReport, BackupError> {
        let (rows, header) = self.shared.machine.consistent_view();
        let (cluster, made, last) = (header.cluster, header.made, header.last);
        let mut writer = BackupWriter::new(rows, header);
        while let Some(piece) = writer.next_piece()? {
            sink.write_all(&piece).map_err(BackupError::Write)?;
        }
        sink.flush().map_err(BackupError::Write)?;
        let (rows, bytes) = writer.written();
        let last = LogIndex::new(last.map_or(0, |id| id.index));
        Ok(BackupReport { cluster, made, last, rows, bytes: ByteCount::new(bytes) })
    }

    /// Answers what waits, takes a last checkpoint, closes the log. Other handles
    /// can still read.
    pub async fn shutdown(self) {
        let shared = &self.shared;
        drop(shared.queue.lock().take());
        for task in shared.tasks.lock().drain(..) {
            task.abort();
        }
        let packer = shared.packer.lock().take();
        if let Some(packer) = packer {
            let _ = shared.unless_full(packer).await;
        }
        if let Some(Err(error)) = shared.unless_full(checkpoint::take(&shared.raft)).await {
            tracing::warn!(error, "no checkpoint at the stop, the next start replays the log");
        }
        if let Err(error) = shared.raft.shutdown().await {
            tracing::warn!(%error, "the consensus did not stop in order");
        }
        let writer = Arc::clone(&shared.writer);
        let _ = tokio::task::spawn_blocking(move || writer.close()).await;
    }
}

/// Opens log and engine, and checks that they fit each other.
fn open_storage(
    parts: &Parts,
    health: &Arc<Health>,
    admission: &Arc<Admission>,
) -> Result<(LogStore, StateMachine), OpenError> {
    if applied::is_restoring(&*parts.engine.view())? {
        return Err(OpenError::RestoreUnfinished);
    }
    let engine = Arc::clone(&parts.engine);
    let clock = Arc::clone(&parts.clock);
    let (health_too, admission) = (Arc::clone(health), Arc::clone(admission));
    let machine = StateMachine::open(engine, clock, parts.cluster, health_too, admission)?;
    let disk = Arc::clone(&parts.disk);
    let random = Arc::clone(&parts.random);
    let log = SegmentLog::open(disk, &parts.directory, parts.cluster, parts.log, random)?;
    let state = machine.state();
    let index_of =
        |id: Option<crate::log::record::EntryId>| LogIndex::new(id.map_or(0, |id| id.index));
    if state.last > log.last() && state.last != state.installed {
        let (applied, last) = (index_of(state.last), index_of(log.last()));
        return Err(OpenError::LogBehind { applied, last });
    }
    if log.purged().is_some_and(|purged| purged.index >= state.next_index()) {
        let (purged, applied) = (index_of(log.purged()), index_of(state.last));
        return Err(OpenError::EngineBehind { purged, applied });
    }
    // What a killed process left unsynced is synced now: from here on, what this
    // node has applied may be announced as a snapshot.
    parts.engine.persist()?;
    let store = LogStore::start(log, Arc::clone(health))
        .map_err(|error| OpenError::Start { reason: error.to_string() })?;
    Ok((store, machine))
}

fn config(cluster: ClusterId) -> Result<Config, OpenError> {
    let config = Config {
        cluster_name: cluster.to_string(),
        heartbeat_interval: 500,
        election_timeout_min: 1500,
        election_timeout_max: 3000,
        // The checkpoint rule decides.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        ..Config::default()
    };
    config.validate().map_err(|error| start_error(&error))
}

/// Founds the cluster if this node is new, takes the lead, and waits until all
/// of the log is applied.
async fn lead(raft: &Raft, me: Member, address: &str, health: &Health) -> Result<(), OpenError> {
    let is_founded = raft.is_initialized().await.map_err(|error| start_error(&error))?;
    if is_founded {
        // Nobody else could be elected in its place, and openraft would wait for that.
        let seat = move |state: &openraft::RaftState<Member, Seat, tokio::time::Instant>| {
            state.membership_state.effective().voter_ids().any(|voter| voter == me)
        };
        let has_seat = raft.with_raft_state(seat).await.map_err(|error| start_error(&error))?;
        if !has_seat {
            return Err(OpenError::NotAMember { node: me.node() });
        }
        raft.trigger().elect().await.map_err(|error| start_error(&error))?;
    } else {
        let seats = std::collections::BTreeMap::from([(me, Seat { address: address.to_owned() })]);
        raft.initialize(seats).await.map_err(|error| start_error(&error))?;
    }
    let wait = raft.wait(Some(limits::OPEN_TIMEOUT));
    let ready = wait.metrics(
        |metrics| {
            metrics.running_state.is_err()
                || (metrics.state == ServerState::Leader
                    && metrics.last_applied.map(|id| id.index) == metrics.last_log_index)
        },
        "leads with all of the log applied",
    );
    let metrics = ready.await.map_err(|error| start_error(&error))?;
    match (metrics.running_state, health.condition()) {
        (Ok(()), _) => Ok(()),
        (Err(_), Condition::Failed { reason }) => Err(OpenError::Start { reason }),
        (Err(error), _) => Err(start_error(&error)),
    }
}

fn start_error(error: &dyn std::error::Error) -> OpenError {
    OpenError::Start { reason: crate::log::writer::describe(error) }
}
