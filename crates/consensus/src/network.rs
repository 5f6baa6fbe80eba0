//! The half of openraft that talks to other nodes.
//!
//! openraft gives a message with entries no longer than a heartbeat's time, and then
//! asks for it again. On a slow line that would never end: here the first message goes
//! on, and whoever asks again for what is under way already waits for its answer.
//!
//! openraft sends a message without entries after each commit, to say so, and no entries
//! before it is answered: the next ones would travel there and back twice. Such a word is
//! sent, and openraft is told at once what is known already; see `words`.
//!
//! **Invariants**
//! - An answer is given for what was sent, never for more: without asking only that what
//!   the node has accepted from this leader before is still there.
//! - Only what a node answered counts for the lease.

use std::sync::Arc;
use std::time::Duration;

use openraft::error::{
    InstallSnapshotError, NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError,
    Unreachable,
};
use openraft::network::{Backoff, RPCOption};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{AnyError, OptionalSend, RaftNetwork, RaftNetworkFactory, Snapshot, Vote};
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;
use units::planted;
use wire::{Call, CallError, Transport};

use crate::lease::Lease;
use crate::limits;
use crate::log::record::{Ballot, EntryId};
use crate::member::{Member, Seat};
use crate::message::{self, Kind, SnapshotHead};
use crate::told::Told;
use crate::types::Types;
use crate::words::Words;

type CallFailed<E = openraft::error::Infallible> = RPCError<Member, Seat, RaftError<Member, E>>;
pub(crate) type Appended = Result<AppendEntriesResponse<Member>, CallError>;

/// Connects to the nodes of the roster; a node alone connects to nobody.
pub(crate) struct Peers {
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) told: Arc<Told>,
}

impl RaftNetworkFactory<Types> for Peers {
    type Network = PeerLink;

    async fn new_client(&mut self, target: Member, _seat: &Seat) -> PeerLink {
        let (transport, lease) = (self.transport.clone(), Arc::clone(&self.lease));
        let told = Arc::clone(&self.told);
        PeerLink { target, transport, lease, told, under_way: None, words: Words::default() }
    }
}

/// The way to one node.
pub(crate) struct PeerLink {
    target: Member,
    transport: Option<Arc<dyn Transport>>,
    lease: Arc<Lease>,
    told: Arc<Told>,
    under_way: Option<UnderWay>,
    words: Words,
}

/// Entries that were sent and not answered yet.
struct UnderWay {
    vote: Ballot,
    before: Option<EntryId>,
    last: Option<EntryId>,
    sent: Duration,
    answer: JoinHandle<Appended>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.answer.abort();
    }
}

impl PeerLink {
    fn asking<T: DeserializeOwned>(
        &self,
        call: Result<Call, postcard::Error>,
        within: Duration,
    ) -> impl Future<Output = Result<T, CallError>> + Send + use<T> {
        let node = self.target.node();
        let transport = self.transport.clone();
        async move {
            let unreachable = |reason: String| CallError::Unreachable { node, reason };
            let transport = transport.ok_or_else(|| unreachable("no network".to_owned()))?;
            let call = call.map_err(|error| unreachable(error.to_string()))?;
            let reply = transport.call(node, call, within).await?;
            let refused = |refused| CallError::Refused { node, refused };
            message::said(reply).await.map_err(refused)
        }
    }

    /// Sends a message without entries, which leaves alone what is under way; waits for
    /// its answer unless that is known.
    async fn word(
        &mut self,
        call: &AppendEntriesRequest<Types>,
        sent: Duration,
    ) -> Result<AppendEntriesResponse<Member>, CallFailed> {
        let (vote, last, target) = (call.vote, call.prev_log_id, self.target);
        let lease = Arc::clone(&self.lease);
        if planted::is_on("consensus-lease-unanswered") {
            lease.note(target, vote, sent);
        }
        let asking = self.asking(message::call(Kind::Append, call), limits::HEARTBEAT_INTERVAL * 2);
        let asked = async move {
            let answer = asking.await;
            if matches!(answer, Ok(AppendEntriesResponse::Success)) {
                lease.note(target, vote, sent);
            }
            answer
        };
        if self.words.is_known(vote, last, sent) {
            self.words.send(vote, last, sent, asked);
            return Ok(AppendEntriesResponse::Success);
        }
        let answer = asked.await.map_err(|error| failed(&error))?;
        if answer == AppendEntriesResponse::Success {
            self.words.accepted(vote, last, sent);
        }
        Ok(answer)
    }

    /// Waits for what is under way if it answers this question, or at least its beginning.
    async fn awaited(
        &mut self,
        vote: Ballot,
        before: Option<EntryId>,
        last: Option<EntryId>,
    ) -> Option<Appended> {
        let same = |sent: &UnderWay| {
            sent.vote == vote && sent.before == before && message::reaches(last, sent.last)
        };
        if !self.under_way.as_ref().is_some_and(same) {
            self.under_way = None;
            return None;
        }
        // Cancel-safety: the answer stays where it is until it is there.
        let answer = match &mut self.under_way {
            Some(sent) => (&mut sent.answer).await,
            None => return None,
        };
        let sent = self.under_way.take()?;
        let answer = answer.ok()?;
        let has = match &answer {
            Ok(AppendEntriesResponse::Success) => Some(sent.last),
            Ok(AppendEntriesResponse::PartialSuccess(last)) => Some(*last),
            _ => None,
        };
        if let Some(has) = has {
            self.lease.note(self.target, sent.vote, sent.sent);
            self.words.accepted(sent.vote, has, sent.sent);
        } else {
            self.words.forget();
        }
        Some(match answer {
            // No more than what was sent is there.
            Ok(AppendEntriesResponse::Success) if sent.last != last => {
                Ok(AppendEntriesResponse::PartialSuccess(sent.last))
            }
            answer => answer,
        })
    }
}

fn failed<E: std::error::Error>(error: &CallError) -> CallFailed<E> {
    match error {
        // One that starts refuses at once: asked without a rest it is asked a thousand times
        // a second.
        CallError::Unreachable { .. }
        | CallError::NoSuchNode { .. }
        | CallError::Refused { .. } => RPCError::Unreachable(Unreachable::new(error)),
        CallError::Broken { .. } | CallError::Late { .. } => {
            RPCError::Network(NetworkError::new(error))
        }
    }
}

impl RaftNetwork<Types> for PeerLink {
    async fn append_entries(
        &mut self,
        call: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Member>, CallFailed> {
        let vote = call.vote;
        let sent = self.lease.now();
        self.told.note(call.leader_commit);
        let Some(last) = call.entries.last().map(|entry| entry.log_id) else {
            return self.word(&call, sent).await;
        };
        let (before, last) = (call.prev_log_id, Some(last));
        if let Some(answer) = self.awaited(vote, before, last).await {
            return answer.map_err(|error| failed(&error));
        }
        let answer =
            tokio::spawn(self.asking(message::call(Kind::Append, &call), limits::APPEND_WITHIN));
        self.under_way = Some(UnderWay { vote, before, last, sent, answer });
        let node = self.target.node();
        let ended = || CallError::Broken { node, reason: "the sender ended".to_owned() };
        let answer = self.awaited(vote, before, last).await;
        answer.unwrap_or_else(|| Err(ended())).map_err(|error| failed(&error))
    }

    /// Snapshots go as one stream, see [`PeerLink::full_snapshot`].
    async fn install_snapshot(
        &mut self,
        _call: InstallSnapshotRequest<Types>,
        _option: RPCOption,
    ) -> Result<InstallSnapshotResponse<Member>, CallFailed<InstallSnapshotError>> {
        let error = AnyError::error("snapshots are not sent in chunks");
        Err(RPCError::Unreachable(Unreachable::new(&error)))
    }

    async fn vote(
        &mut self,
        call: VoteRequest<Member>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Member>, CallFailed> {
        let asked = self.asking(message::call(Kind::Vote, &call), limits::VOTE_WITHIN).await;
        asked.map_err(|error| failed(&error))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote<Member>,
        snapshot: Snapshot<Types>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Member>, StreamingError<Types, openraft::error::Fatal<Member>>>
    {
        let unreachable = |error: &dyn std::error::Error| {
            StreamingError::Unreachable(Unreachable::new(&AnyError::error(error.to_string())))
        };
        let Some(transport) = self.transport.clone() else {
            let error = AnyError::error("no network");
            return Err(StreamingError::Unreachable(Unreachable::new(&error)));
        };
        let head = SnapshotHead { vote, meta: snapshot.meta };
        let body = snapshot.snapshot.into_body();
        let call =
            message::call_with(Kind::Snapshot, &head, body).map_err(|error| unreachable(&error))?;
        let sent = async {
            let reply = transport.call(self.target.node(), call, limits::SNAPSHOT_WITHIN).await;
            let reply = reply.map_err(|error| unreachable(&error))?;
            message::said(reply).await.map_err(|error| unreachable(&error))
        };
        tokio::select! {
            biased;
            sent = sent => sent,
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(limits::REPLICATION_BACKOFF))
    }
}
