//! The handle: propose, view, back up, shut down.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catalog::{Command, Success, View};
use disk::Disk;
use kv::Engine;
use openraft::{Config, ServerState, SnapshotPolicy};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use units::{ByteCount, Clock, ClusterId, LogIndex, NodeId, Random};
use wire::{Service, Transport};

use crate::acquainting::{Acquainting, Introduction};
use crate::admission::Admission;
use crate::answering::Answering;
use crate::backup::writer::BackupWriter;
use crate::backup::{BackupError, BackupReport};
use crate::checkpoint::{self, CheckpointRule};
use crate::clock_asking::ClockAsking;
use crate::clocks::Clocks;
use crate::error::{OpenError, ProposeError, Unavailable};
use crate::forward::{Forwarder, Hint, NO_LEADER};
use crate::handing::{Handing, Hands, Hold, LeadRule, Released};
use crate::health::{Condition, Health};
use crate::leading::{Loads, is_load};
use crate::lease::Lease;
use crate::limits;
use crate::log::index::Index;
use crate::log::record::EntryId;
use crate::log::store::LogStore;
use crate::log::writer::Writer;
use crate::log::{LogError, LogOptions, SegmentLog};
use crate::member::{Member, Seat};
use crate::network::Peers;
use crate::proposer::{Done, Origin, Proposer, Waiting};
use crate::reading::{Asking, Reader, Reads};
use crate::seating::{Seating, Vigil};
use crate::snapshot::SnapshotPlace;
use crate::stamps::Stamps;
use crate::standing::Standing;
use crate::state_machine::StateMachine;
use crate::told::Told;
use crate::touch::{CutOff, Keeping, Touch};
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
    /// The clock of this machine. Stamps come from those of all voters; see
    /// [`Consensus::clock`].
    pub clock: Arc<dyn Clock>,
    /// Where the salts of the log come from: no client may be able to foretell it.
    pub random: Arc<dyn Random>,
    /// The cluster that this log must belong to.
    pub cluster: ClusterId,
    /// This node.
    pub node: NodeId,
    /// The way to the other nodes; none for a site that is alone for good, as in a test.
    pub transport: Option<Arc<dyn Transport>>,
    /// Whether a node without a log founds the cluster. One that joins waits to be taken
    /// in by whoever leads.
    pub founds: bool,
    /// Sizes of the log.
    pub log: LogOptions,
    /// When the log is purged.
    pub checkpoint: CheckpointRule,
    /// How long a proposal may take.
    pub propose_timeout: Duration,
    /// When the lead is handed over to where commands come in.
    pub lead: LeadRule,
}

impl Parts {
    /// With the usual times, and the usual sizes for a disk like this one.
    pub fn new(
        disk: Arc<dyn Disk>,
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        cluster: ClusterId,
        node: NodeId,
    ) -> Self {
        // One that does not say how large it is counts as large.
        let total = disk.space().map(|space| space.total);
        Self {
            log: total
                .as_ref()
                .map_or_else(|_| LogOptions::default(), |total| LogOptions::for_disk(*total)),
            checkpoint: total.map_or_else(|_| CheckpointRule::default(), CheckpointRule::for_disk),
            disk,
            directory: "log".to_owned(),
            engine,
            clock,
            random,
            cluster,
            node,
            transport: None,
            founds: true,
            propose_timeout: limits::PROPOSE_TIMEOUT,
            lead: LeadRule::default(),
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
    /// Who leads, as far as this node has heard.
    pub leader: Option<NodeId>,
    /// The nodes that vote.
    pub voters: BTreeSet<NodeId>,
    /// The nodes that have the catalog and do not vote.
    pub learners: BTreeSet<NodeId>,
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
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) raft: Raft,
    engine: Arc<dyn Engine>,
    pub(crate) machine: StateMachine,
    pub(crate) lease: Arc<Lease>,
    /// When this node opened its catalog, by the stop-watch.
    pub(crate) opened: Duration,
    pub(crate) reads: Reads,
    /// What came in lately, and where.
    pub(crate) loads: Arc<Loads>,
    /// What a leader gave back that this node had promised it.
    pub(crate) released: Arc<Released>,
    me: NodeId,
    /// When a leader was last heard, by the stop-watch.
    pub(crate) leader_heard: Arc<Mutex<Duration>>,
    /// Who leads, by word of others; see [`Hint`].
    pub(crate) hint: Arc<Hint>,
    /// What hands the lead over when this node stops; none where there are no others.
    hands: Option<Hands>,
    /// Those who wait for word from the leader; none where nobody need be asked, and none
    /// once this node stops.
    readers: Mutex<Option<mpsc::Sender<Reader>>>,
    /// Whether it is alone for good: there is no way to other nodes.
    asks_nobody: bool,
    touch: Arc<Touch>,
    introduced: watch::Receiver<Introduction>,
    pub(crate) clocks: Arc<Clocks>,
    pub(crate) stamps: Arc<Stamps>,
    health: Arc<Health>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) index: Arc<Mutex<Index>>,
    writer: Arc<Writer>,
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    room: Arc<Semaphore>,
    timeout: Duration,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    packer: Mutex<Option<JoinHandle<()>>>,
}

impl Shared {
    /// Whether this node leads, as far as it knows.
    pub(crate) fn leads(&self) -> bool {
        self.raft.metrics().borrow().state == ServerState::Leader
    }

    /// Whether there is nothing in the log, nor ever was.
    pub(crate) fn has_no_log(&self) -> bool {
        self.index.lock().last().is_none()
    }

    /// The last entry of the log here.
    pub(crate) fn last_entry(&self) -> Option<EntryId> {
        self.index.lock().last()
    }

    /// Whether this node could lead now: it takes commands, and its clock stamps them.
    pub(crate) fn may_lead(&self) -> bool {
        self.health.condition() == Condition::Serving
            && !self.admission.is_full()
            && self.stamps.trouble().is_none()
    }

    /// Whether this command would be taken now; see [`Consensus::takes`].
    fn takes(&self, command: &Command) -> Result<(), ProposeError> {
        match self.health.condition() {
            Condition::Serving => {}
            // What waits already would be in front of it.
            Condition::Full => return Err(self.admission.full(command).into()),
            Condition::Failed { reason } => return Err(Unavailable::not_done(reason).into()),
        }
        // Whoever leads stamps.
        if self.leads()
            && let Some(ahead) = self.stamps.trouble()
        {
            return Err(ahead.into());
        }
        Ok(self.admission.check(command)?)
    }

    /// Has a command carried out, and waits for the answer.
    pub(crate) async fn enqueue(
        &self,
        command: Command,
        encoded: Bytes,
        origin: Origin,
        as_of: Option<LogIndex>,
    ) -> Result<Done, ProposeError> {
        self.takes(&command)?;
        let busy = || Unavailable::not_done("too many commands are waiting");
        let weight = u32::try_from(encoded.len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(weight).map_err(|_| busy())?;
        let queue = self.queue.lock().clone();
        let queue = queue.ok_or_else(|| Unavailable::not_done("the node is stopping"))?;
        let (answer, answered) = oneshot::channel();
        let until = Instant::now() + self.timeout;
        let command = Some(command);
        let waiting = Waiting { command, encoded, answer, room, origin, as_of, until };
        queue.try_send(waiting).map_err(|_| busy())?;
        drop(queue);
        match tokio::time::timeout_at(until, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Unavailable::unknown(self.fault("the node stopped")).into()),
            Err(_) => {
                let late = format!("no answer within {:?}", self.timeout);
                Err(Unavailable::unknown(self.fault(&late)).into())
            }
        }
    }

    fn fault(&self, otherwise: &str) -> String {
        match self.health.condition() {
            Condition::Failed { reason } => reason,
            Condition::Full => FULL.to_owned(),
            Condition::Serving => otherwise.to_owned(),
        }
    }

    /// Waits for the end of something that a stop should see, unless or until the
    /// disk is full or the catalog has failed: then nobody waits for room any more,
    /// so that a full disk does not keep the node from stopping.
    async fn unless_full<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        let mut looks = tokio::time::interval(limits::STOP_LOOK_INTERVAL);
        loop {
            tokio::select! {
                biased;
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
        let (writer, index, cuts) = (store.writer(), store.index(), store.cuts());
        machine.use_log(store.applied_log());
        let me = Member::new(parts.node);
        let config = config(parts.cluster)?;
        let lease = Arc::new(Lease::new(Arc::clone(&parts.clock)));
        let opened = lease.now();
        let told: Arc<Told> = Arc::default();
        let peers = Peers {
            transport: parts.transport.clone(),
            lease: Arc::clone(&lease),
            told: Arc::clone(&told),
        };
        let standing = Standing::at_start(me, &index.lock());
        let raft = Raft::new(me, Arc::new(config), peers, store, machine.clone());
        let raft = raft.await.map_err(|error| start_error(&error))?;
        // openraft has applied what was committed, and takes the rows for a snapshot
        // that the log may be purged up to.
        machine.persist().await.map_err(|error| start_error(&error))?;
        take_seat(&raft, me, &parts, &health).await?;

        let own = Arc::clone(&parts.clock);
        let clocks = Arc::new(match &parts.transport {
            Some(_) => Clocks::among(parts.node, own, raft.clone()),
            None => Clocks::alone(own),
        });
        let stamps = Arc::new(Stamps::after(machine.stamped(), Arc::clone(&clocks)));
        let (queue, waiting) = mpsc::channel(limits::QUEUE_COMMANDS_MAX);
        let hint: Arc<Hint> = Arc::default();
        let forwarder = parts.transport.as_ref().map(|transport| Forwarder {
            raft: raft.clone(),
            me,
            transport: Arc::clone(transport),
            applied: machine.applied(),
            hint: Arc::clone(&hint),
        });
        let (released, hold) = (Arc::default(), Hold::default());
        let loads = Arc::new(Loads::new(parts.lead.slice));
        let proposer = Proposer {
            raft: raft.clone(),
            stamps: Arc::clone(&stamps),
            machine: machine.clone(),
            health: Arc::clone(&health),
            queue: waiting,
            forwarder: forwarder.clone(),
            hold: hold.clone(),
            standing,
            told: Arc::clone(&told),
            cuts,
        };
        let packer = tokio::spawn(proposer.run());
        let (raft_too, index_too) = (raft.clone(), Arc::clone(&index));
        let purging =
            checkpoint::run(raft_too, index_too, Arc::clone(&admission), parts.checkpoint);
        let mut tasks = vec![tokio::spawn(purging)];
        let (lease_too, applied) = (Arc::clone(&lease), machine.applied());
        let reads = Reads { raft: raft.clone(), me, lease: lease_too, standing, told, applied };
        let touch = Arc::new(Touch::new(Arc::clone(&clocks) as Arc<dyn Clock>, machine.stamped()));
        let readers = forwarder.map(|forwarder| {
            let (readers, waiting) = mpsc::channel(limits::READS_WAITING_MAX);
            let (touch, reads) = (Arc::clone(&touch), reads.clone());
            let keeping = Keeping { touch, reads, forwarder };
            tasks.push(tokio::spawn(keeping.clone().run()));
            let Keeping { touch, reads, forwarder } = keeping;
            let asking = Asking { touch, reads, forwarder, readers: waiting };
            tasks.push(tokio::spawn(asking.run()));
            readers
        });
        let leader_heard = Arc::new(Mutex::new(opened));
        let (told, introduced) = watch::channel(Introduction::default());
        let mut hands_at_stop = None;
        if let Some(transport) = &parts.transport {
            let acquainting = Acquainting {
                me: parts.node,
                touch: Arc::clone(&touch),
                machine: machine.clone(),
                transport: Arc::clone(transport),
                told,
                hint: Arc::clone(&hint),
            };
            tasks.push(tokio::spawn(acquainting.run()));
            let clock_asking = ClockAsking {
                raft: raft.clone(),
                me: parts.node,
                transport: Arc::clone(transport),
                clocks: Arc::clone(&clocks),
                stamps: Arc::clone(&stamps),
            };
            tasks.push(tokio::spawn(clock_asking.run()));
            let (raft, lease, machine) = (raft.clone(), Arc::clone(&lease), machine.clone());
            let hands = Hands {
                raft: raft.clone(),
                me,
                lease: Arc::clone(&lease),
                transport: Arc::clone(transport),
                loads: Arc::clone(&loads),
                released: Arc::clone(&released),
                hold,
            };
            let handing = Handing {
                hands: hands.clone(),
                rule: parts.lead,
                looks_at: Duration::ZERO,
                again_at: Duration::ZERO,
            };
            hands_at_stop = Some(hands);
            tasks.push(tokio::spawn(Seating { raft, me, machine, lease, handing }.run()));
            let (raft, transport) = (reads.raft.clone(), Arc::clone(transport));
            let lease = Arc::clone(&reads.lease);
            let heard = Arc::clone(&leader_heard);
            tasks.push(tokio::spawn(Vigil { raft, me, lease, transport, heard }.run()));
        }
        let shared = Shared {
            raft,
            leader_heard,
            hint,
            hands: hands_at_stop,
            engine: parts.engine,
            machine,
            lease,
            opened,
            reads,
            loads,
            released,
            me: parts.node,
            readers: Mutex::new(readers),
            asks_nobody: parts.transport.is_none(),
            touch,
            introduced,
            clocks,
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
        let shared = Arc::new(shared);
        if let Some(transport) = &parts.transport {
            for service in [Service::Consensus, Service::Snapshot, Service::Catalog] {
                transport.serve(service, Arc::new(Answering(Arc::downgrade(&shared))));
            }
        }
        Ok(Self { shared })
    }

    /// Carries a command out: durable and applied when this returns `Ok`.
    ///
    /// Cancel-safety: a command whose proposal was dropped may still be carried out.
    pub async fn propose(&self, command: Command) -> Result<Success, ProposeError> {
        self.propose_as_of(command, None).await
    }

    /// The same for a command that was decided as of an entry ([`Consensus::as_of`]) and not
    /// on the newest rows: refused with [`ProposeError::DirectoryChanged`] if directory rows
    /// (tenants, users, keys, buckets, settings, sites, policies) have changed since. So
    /// whoever is answered was judged by the rules that held at some moment after the call.
    /// What the command itself names besides is looked at when it is carried out.
    ///
    /// Cancel-safety: as [`Consensus::propose`].
    pub async fn propose_as_of(
        &self,
        command: Command,
        as_of: Option<LogIndex>,
    ) -> Result<Success, ProposeError> {
        let encoded = match postcard::to_stdvec(&command) {
            Ok(encoded) if encoded.len() <= limits::COMMAND_BYTES_MAX => encoded,
            Ok(encoded) => return Err(ProposeError::TooLong { bytes: encoded.len() }),
            Err(error) => return Err(Unavailable::not_done(error.to_string()).into()),
        };
        if is_load(&command) {
            self.shared.loads.note(self.shared.me, 1, self.shared.lease.now());
        }
        let done = self.shared.enqueue(command, encoded.into(), Origin::Here, as_of).await?;
        done.outcome.map_err(ProposeError::Refused)
    }

    /// Whether this command would be taken now, as [`Consensus::propose`] asks first. To
    /// be asked before anything is read or written that only the command makes known:
    /// what is refused here costs nobody anything. Of the command only its kind matters.
    pub fn takes(&self, command: &Command) -> Result<(), ProposeError> {
        self.shared.takes(command)
    }

    /// Whether commands are taken now that take up room, as those of most writes do.
    pub fn takes_commands(&self) -> Result<(), ProposeError> {
        self.takes(&Command::Nothing)
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
    /// its own applying, and for a leader that surely leads; otherwise the leader is
    /// asked, or a majority.
    pub async fn read(&self) -> Result<View, Unavailable> {
        self.catch_up().await?;
        Ok(self.view())
    }

    /// The last entry applied here, if a command that is decided on its rows or later ones
    /// saves a question: another node leads, and this one is in touch. To be asked before
    /// any row is read; the command is proposed with [`Consensus::propose_as_of`].
    pub fn as_of(&self) -> Option<LogIndex> {
        let shared = &self.shared;
        if shared.reads.is_current() || self.cut_off().is_some() {
            return None;
        }
        let metrics = shared.reads.raft.metrics();
        let leads_elsewhere =
            metrics.borrow().current_leader.is_some_and(|leader| leader != shared.reads.me);
        leads_elsewhere.then(|| *shared.reads.applied.borrow())
    }

    /// Waits until [`Consensus::view`] shows everything that was answered before this
    /// call, wherever in the cluster.
    pub async fn catch_up(&self) -> Result<(), Unavailable> {
        let shared = &self.shared;
        if shared.reads.is_current() {
            return Ok(());
        }
        let readers = shared.readers.lock().clone();
        let stopped = || Unavailable::not_done("the node is stopping");
        let Some(readers) = readers else {
            // Alone: what is applied is what was answered, also while the log is broken.
            return if shared.asks_nobody { Ok(()) } else { Err(stopped()) };
        };
        let (reader, word) = oneshot::channel();
        let busy = || Unavailable::not_done("too many reads wait for the leader");
        readers.try_send(reader).map_err(|_| busy())?;
        drop(readers);
        tokio::select! {
            biased;
            word = word => word.unwrap_or_else(|_| Err(stopped())),
            _ = shared.touch.until_cut_off() => Err(Unavailable::not_done(NO_LEADER)),
        }
    }

    /// Whether this node can learn nothing new, since the other sites cannot be reached: then
    /// [`Consensus::catch_up`] is refused at once, and [`Consensus::view`] shows what was
    /// known before.
    pub fn cut_off(&self) -> Option<CutOff> {
        self.shared.touch.cut_off()
    }

    /// Follows whom others told this node to know while it was cut off; see
    /// [`Introduction::complete`].
    pub fn introductions(&self) -> watch::Receiver<Introduction> {
        self.shared.introduced.clone()
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
            leader: metrics.current_leader.map(Member::node),
            voters: metrics.membership_config.voter_ids().map(Member::node).collect(),
            learners: metrics
                .membership_config
                .membership()
                .learner_ids()
                .map(Member::node)
                .collect(),
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

    /// Ends at once, as a killed process does: nobody is answered, nothing is written
    /// any more. For tests, which go on with the disks.
    pub async fn kill(self) {
        let shared = &self.shared;
        drop(shared.queue.lock().take());
        drop(shared.readers.lock().take());
        for task in shared.tasks.lock().drain(..) {
            task.abort();
        }
        if let Some(packer) = shared.packer.lock().take() {
            packer.abort();
        }
        shared.writer.stop_waiting();
        shared.machine.stop_waiting();
        let _ = shared.raft.shutdown().await;
        shared.writer.end().await;
    }

    /// Hands the lead over if others vote, answers what waits, takes a last checkpoint,
    /// closes the log. Other handles can still read.
    pub async fn shutdown(self) {
        let shared = &self.shared;
        drop(shared.readers.lock().take());
        // From here on the seats rest.
        for task in shared.tasks.lock().drain(..) {
            task.abort();
        }
        if let Some(hands) = &shared.hands
            && let Ok(map) = self.view().site_map()
        {
            hands.before_the_stop(&map).await;
        }
        // What waited for the hand-over goes to whoever leads now.
        drop(shared.queue.lock().take());
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
        shared.writer.end().await;
    }
}

/// Opens log and engine, and checks that they fit each other.
fn open_storage(
    parts: &Parts,
    health: &Arc<Health>,
    admission: &Arc<Admission>,
) -> Result<(LogStore, StateMachine), OpenError> {
    let engine = Arc::clone(&parts.engine);
    let clock = Arc::clone(&parts.clock);
    let (health_too, admission) = (Arc::clone(health), Arc::clone(admission));
    let disk = Arc::clone(&parts.disk);
    if !disk.exists(&parts.directory).map_err(LogError::from)? {
        disk.create_dir(&parts.directory).map_err(LogError::from)?;
    }
    let place = SnapshotPlace::new(Arc::clone(&disk), parts.directory.clone());
    place.clear().map_err(LogError::from)?;
    let machine = StateMachine::open(engine, clock, parts.cluster, health_too, admission, place)?;
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn config(cluster: ClusterId) -> Result<Config, OpenError> {
    let config = Config {
        cluster_name: cluster.to_string(),
        heartbeat_interval: millis(limits::HEARTBEAT_INTERVAL),
        election_timeout_min: millis(limits::ELECTION_TIMEOUT_MIN),
        election_timeout_max: millis(limits::ELECTION_TIMEOUT_MAX),
        install_snapshot_timeout: millis(limits::SNAPSHOT_WITHIN),
        // The checkpoint rule decides.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        ..Config::default()
    };
    config.validate().map_err(|error| start_error(&error))
}

/// Founds the cluster if this node is new and founds one, and waits for what a node can
/// count on at its start: alone, that it leads with all of the log applied; among
/// several, nothing, since the others may be away.
async fn take_seat(
    raft: &Raft,
    me: Member,
    parts: &Parts,
    health: &Health,
) -> Result<(), OpenError> {
    let is_founded = raft.is_initialized().await.map_err(|error| start_error(&error))?;
    if is_founded {
        let seat = move |state: &openraft::RaftState<Member, Seat, tokio::time::Instant>| {
            let effective = state.membership_state.effective();
            let votes = effective.voter_ids().any(|voter| voter == me);
            (votes, effective.voter_ids().count(), effective.get_node(&me).is_some())
        };
        let seat = raft.with_raft_state(seat).await.map_err(|error| start_error(&error))?;
        match seat {
            // Nobody else could be elected in its place, and openraft would wait for that.
            (true, 1, _) => {
                raft.trigger().elect().await.map_err(|error| start_error(&error))?;
            }
            (_, _, true) => return Ok(()),
            (_, _, false) if !parts.founds => return Ok(()),
            (_, _, false) => return Err(OpenError::NotAMember { node: me.node() }),
        }
    } else {
        if !parts.founds {
            return Ok(());
        }
        let seats = std::collections::BTreeMap::from([(me, Seat::default())]);
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
