//! Linearizable reads: how far this node must have applied to show everything that was
//! acknowledged before the question.
//!
//! The leader knows without asking while its lease holds, and asks a majority otherwise
//! (Raft, section 6.4 of Ongaro's thesis). The others ask the leader; reads that come
//! while a question is under way share the next one.
//!
//! **Invariants**
//! - A question is asked after the read that waits for its answer began.
//! - A leader that has not applied all that was acknowledged before it led says nothing
//!   of it; see `standing`.
//! - Nor is it read before it has applied what others may show on its word; see `told`.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use openraft::{RaftMetrics, ServerState};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use units::{LogIndex, planted};
use wire::CallError;

use crate::error::Unavailable;
use crate::forward::{Forwarder, Lead, NO_LEADER};
use crate::lease::Lease;
use crate::limits;
use crate::member::{Member, Seat};
use crate::message::{self, Kind, ReadPoint};
use crate::standing::Standing;
use crate::told::Told;
use crate::touch::Touch;
use crate::types::Raft;

/// Whoever waits to read.
pub(crate) type Reader = oneshot::Sender<Result<(), Unavailable>>;

/// What a leader can say about reads.
#[derive(Clone)]
pub(crate) struct Reads {
    pub(crate) raft: Raft,
    pub(crate) me: Member,
    pub(crate) lease: Arc<Lease>,
    pub(crate) standing: Standing,
    pub(crate) told: Arc<Told>,
    /// Follows the last entry applied here, which is known before anybody is answered.
    pub(crate) applied: watch::Receiver<LogIndex>,
}

impl Reads {
    /// Whether this node may be read as it is: it is the only voter, or surely leads, and
    /// shows all that any other shows.
    pub(crate) fn is_current(&self) -> bool {
        self.is_sure() && *self.applied.borrow() >= self.told.last()
    }

    /// Whether nothing is acknowledged that this node does not know of.
    fn is_sure(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        // Also the only voter may have learnt only now, as a follower, that it is: what
        // another acknowledged before is in its log and may not be applied yet.
        if !self.standing.knows_all(&metrics) {
            return false;
        }
        let voters = metrics.membership_config.membership().get_joint_config();
        // Nobody else acknowledges anything: so it stays when its log is broken.
        if let [alone] = &voters[..]
            && alone.len() == 1
            && alone.contains(&self.me)
        {
            return matches!(metrics.state, ServerState::Leader | ServerState::Shutdown);
        }
        self.has_lease(&metrics)
    }

    /// Whether this node leads and nobody else can have been elected meanwhile.
    pub(crate) fn surely_leads(&self) -> bool {
        self.has_lease(&self.raft.metrics().borrow())
    }

    fn has_lease(&self, metrics: &RaftMetrics<Member, Seat>) -> bool {
        let voters = metrics.membership_config.membership().get_joint_config();
        metrics.state == ServerState::Leader && self.lease.holds(self.me, metrics.vote, voters)
    }

    /// How far a node must have applied; none if this one does not lead.
    pub(crate) async fn point(&self) -> Option<LogIndex> {
        if self.is_sure() {
            let applied = *self.applied.borrow();
            return Some(applied.max(self.told.last()));
        }
        let is_leader = self.raft.metrics().borrow().state == ServerState::Leader;
        if is_leader && planted::is_on("consensus-read-unconfirmed") {
            return Some(*self.applied.borrow());
        }
        let vote = self.raft.metrics().borrow().vote;
        let asked = self.raft.get_read_log_id();
        let (read, _) = tokio::time::timeout(limits::READ_POINT_WITHIN, asked).await.ok()?.ok()?;
        // What openraft takes for committed is older after a start.
        let acknowledged = self.standing.acknowledged(vote).unwrap_or_default();
        read.map(|id| LogIndex::new(id.index.max(acknowledged)))
    }
}

/// The task that asks for those who read here.
pub(crate) struct Asking {
    pub(crate) touch: Arc<Touch>,
    pub(crate) reads: Reads,
    pub(crate) forwarder: Forwarder,
    pub(crate) readers: mpsc::Receiver<Reader>,
}

impl Asking {
    /// Until every handle is gone.
    pub(crate) async fn run(mut self) {
        let mut flying: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
        loop {
            let may_ask = flying.len() < limits::READ_POINTS_IN_FLIGHT_MAX;
            let first = tokio::select! {
                biased;
                Some(()) = flying.next(), if !flying.is_empty() => continue,
                first = self.readers.recv(), if may_ask => first,
            };
            let Some(first) = first else { break };
            let mut readers = vec![first];
            while let Ok(reader) = self.readers.try_recv() {
                readers.push(reader);
            }
            let (reads, forwarder) = (self.reads.clone(), self.forwarder.clone());
            let touch = Arc::clone(&self.touch);
            flying.push(Box::pin(async move {
                let confirmed = confirm(&reads, &forwarder, &touch).await;
                for reader in readers {
                    // Whoever asked may have gone.
                    let _ = reader.send(confirmed.clone());
                }
            }));
        }
        while flying.next().await.is_some() {}
    }
}

/// Waits until this node shows everything that was acknowledged before the call.
async fn confirm(reads: &Reads, forwarder: &Forwarder, touch: &Touch) -> Result<(), Unavailable> {
    let until = Instant::now() + limits::READ_WITHIN;
    if planted::is_on("consensus-read-unasked") {
        return Ok(());
    }
    loop {
        let asked = touch.now();
        let point = point(reads, forwarder).await;
        let left = until.saturating_duration_since(Instant::now());
        match point {
            Some(point) if forwarder.catch_up(point, left).await => {
                touch.note(asked);
                return Ok(());
            }
            Some(_) => {
                let behind = "this node is behind and did not catch up in time";
                return Err(Unavailable::not_done(behind));
            }
            None if left.is_zero() => return Err(Unavailable::not_done(NO_LEADER)),
            None => tokio::time::sleep(limits::LEADER_LOOK_INTERVAL.min(left)).await,
        }
    }
}

/// Whether this node shows, or comes to show in so long, everything that was acknowledged
/// before the call; asks once.
pub(crate) async fn is_confirmed(reads: &Reads, forwarder: &Forwarder, within: Duration) -> bool {
    match point(reads, forwarder).await {
        Some(point) => forwarder.catch_up(point, within).await,
        None => false,
    }
}

/// How far this node must have applied, by word of whoever leads.
async fn point(reads: &Reads, forwarder: &Forwarder) -> Option<LogIndex> {
    match forwarder.lead() {
        Lead::Mine => reads.point().await,
        Lead::Of(leader) => ask(forwarder, leader).await,
        Lead::Nobody => None,
    }
}

async fn ask(forwarder: &Forwarder, leader: units::NodeId) -> Option<LogIndex> {
    let within: Duration = limits::READ_POINT_WITHIN;
    let call = message::call(Kind::ReadPoint, &()).ok()?;
    let replied: Result<_, CallError> = forwarder.transport.call(leader, call, within).await;
    match message::said(replied.ok()?).await {
        Ok(ReadPoint::At(index)) => Some(index),
        Ok(ReadPoint::NotLeader) | Err(_) => None,
    }
}
