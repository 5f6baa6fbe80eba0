//! Answers what other nodes ask about the catalog.
//!
//! **Invariants**
//! - Only nodes are answered, no machine that was merely invited.
//! - A node that has just started gives nobody its vote for
//!   [`limits::ELECTION_TIMEOUT_MAX`]: before it stopped it may have promised a leader
//!   that much, and nothing on its disk says so.
//! - A leader that counts on its lease gives nobody its vote; see `lease`.
//! - A voter short of room says of no entry that it took it which it left.
//! - A node without a log gives nobody its vote: it would elect somebody who has as little
//!   as it has itself.

use std::io::Write as _;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use catalog::View;
use openraft::Snapshot;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};
use units::planted;
use wire::{Call, Caller, Handler, Refused, Reply};

use crate::acquainting::Known;
use crate::consensus::Shared;
use crate::error::Unavailable;
use crate::forward::{self, Proposal};
use crate::handing::{LeadAsk, Release, vote_taken};
use crate::leading::is_load;
use crate::limits;
use crate::member::Member;
use crate::message::{self, Kind, Proposed, ReadPoint, SnapshotHead};
use crate::proposer::Origin;
use crate::snapshot::CatalogSnapshot;
use crate::types::{Entry, Types, entry_bytes};

/// What the transport calls.
pub(crate) struct Answering(pub(crate) Weak<Shared>);

fn refused(error: impl core::fmt::Display) -> Refused {
    Refused { reason: error.to_string() }
}

#[async_trait]
impl Handler for Answering {
    async fn handle(&self, caller: Caller, call: Call) -> Result<Reply, Refused> {
        let Caller::Node(node) = caller else {
            return Err(refused("only nodes of the cluster are answered"));
        };
        let shared = self.0.upgrade().ok_or_else(|| refused("the catalog is closed"))?;
        let (kind, rest) = message::kind_of(&call)?;
        match kind {
            Kind::Append => {
                message::reply(&append(&shared, message::body(call.body).await?).await?)
            }
            Kind::Vote => {
                let asked = message::body(call.body).await?;
                // To its end, whether or not anybody waits for it: a vote that was given
                // ends the lease.
                let judged = tokio::spawn(async move { vote(&shared, asked).await });
                message::reply(&judged.await.map_err(refused)??)
            }
            Kind::Snapshot => snapshot(&shared, message::read(&rest)?, call.body).await,
            Kind::Propose => propose(shared, node, call.body, forward::commands_of).await,
            Kind::ProposeAsOf => propose(shared, node, call.body, forward::commands_as_of).await,
            Kind::ReadPoint => {
                let point = shared.reads.point().await;
                message::reply(&point.map_or(ReadPoint::NotLeader, ReadPoint::At))
            }
            Kind::Release => {
                let release: Release = message::body(call.body).await?;
                if release.by.leader_id().voted_for() != Some(Member::new(node)) {
                    return Err(refused("only a leader gives back what it was promised"));
                }
                shared.released.note(release, shared.lease.now());
                message::reply(&())
            }
            Kind::Lead => {
                let asked = message::body(call.body).await?;
                message::reply(&lead(&shared, node, asked).await)
            }
            Kind::Known => {
                let map = View::new(shared.machine.view()).site_map().map_err(refused)?;
                message::reply(&Known::by(map))
            }
            Kind::Leader => {
                let leader = shared.raft.metrics().borrow().current_leader;
                message::reply(&leader.map(Member::node))
            }
            Kind::Clock => message::reply(&shared.clocks.own()),
        }
    }
}

/// Takes as many of a leader's entries as there is room for, and says how many that were.
///
/// What openraft is given it writes, and while that waits for room it hears nobody and
/// purges nothing. What is not given to it the leader sends again.
async fn append(
    shared: &Shared,
    mut asked: AppendEntriesRequest<Types>,
) -> Result<AppendEntriesResponse<Member>, Refused> {
    let sent = asked.entries.len();
    let mut taken = fitting(shared, &asked.entries);
    for _ in 1..limits::APPEND_LOOKS_MAX {
        if taken > 0 || sent == 0 {
            break;
        }
        tokio::time::sleep(limits::FULL_RETRY_INTERVAL).await;
        taken = fitting(shared, &asked.entries);
    }
    asked.entries.truncate(taken);
    let last = asked.entries.last().map(|entry| entry.log_id).or(asked.prev_log_id);
    if taken < sent && last.is_none() {
        return Err(refused("no room for the first entry"));
    }
    let answer = shared.raft.append_entries(asked).await.map_err(refused)?;
    if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
        *shared.leader_heard.lock() = shared.lease.now();
        shared.hint.forget();
    }
    Ok(match answer {
        AppendEntriesResponse::Success
            if taken < sent && !planted::is_on("consensus-takes-more-than-fits") =>
        {
            AppendEntriesResponse::PartialSuccess(last)
        }
        answer => answer,
    })
}

/// How many of a leader's entries there is room for; those that are in the log already
/// need none, but for those that are to be applied yet.
fn fitting(shared: &Shared, entries: &[Entry]) -> usize {
    let index = shared.index.lock();
    let length = |entry: &Entry| {
        let id = entry.log_id;
        let is_there = index.slot(id.index).is_some_and(|slot| slot.id == id);
        if is_there { 0 } else { entry_bytes(entry) }
    };
    let lengths: Vec<u64> = entries.iter().map(length).collect();
    let applied = shared.machine.applied().borrow().get();
    let waiting = (applied + 1..index.next_index()).filter_map(|at| index.slot(at));
    let unapplied = waiting.map(|slot| slot.length as u64).sum();
    drop(index);
    shared.admission.fitting(&lengths, unapplied)
}

/// Judges whether somebody gets the vote of this node.
async fn vote(
    shared: &Shared,
    asked: VoteRequest<Member>,
) -> Result<VoteResponse<Member>, Refused> {
    if shared.lease.now().saturating_sub(shared.opened) < limits::ELECTION_TIMEOUT_MAX {
        return Err(refused("this node has just started"));
    }
    if shared.has_no_log() {
        return Err(refused("this node has no log to compare with"));
    }
    if shared.reads.surely_leads() {
        return Err(refused("this node leads"));
    }
    let judging = shared.lease.vote_asked();
    let vote = asked.vote;
    let mine = shared.raft.metrics().borrow().vote;
    let last = shared.last_entry();
    if shared.released.covers(mine, vote, shared.lease.now()) && asked.last_log_id >= last {
        vote_taken(&shared.raft, vote, last).await;
    }
    let answer = shared.raft.vote(asked).await.map_err(refused)?;
    if answer.vote_granted {
        judging.gave(vote);
    }
    Ok(answer)
}

/// Answers a leader that wants to hand the lead over to this node; whether it does what is
/// asked.
async fn lead(shared: &Shared, asking: units::NodeId, asked: LeadAsk) -> bool {
    let leader = shared.raft.metrics().borrow().current_leader;
    if leader != Some(Member::new(asking)) || !shared.may_lead() {
        return false;
    }
    match asked {
        LeadAsk::May => true,
        LeadAsk::Now { last } if shared.last_entry() >= Some(last) => {
            shared.raft.trigger().elect().await.is_ok()
        }
        LeadAsk::Now { .. } => false,
    }
}

/// Receives a snapshot and has it installed.
async fn snapshot(
    shared: &Arc<Shared>,
    head: SnapshotHead,
    mut body: wire::Body,
) -> Result<Reply, Refused> {
    let begun = shared.raft.begin_receiving_snapshot().await.map_err(refused)?;
    let place = shared.machine.snapshot_place();
    let mut incoming = begun.into_incoming(&place).map_err(refused)?;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(refused)?;
        // The last of it is for what gives room back.
        if !shared.admission.has_room_for_engine() {
            return Err(refused("no room for the catalog of the leader"));
        }
        let written = host::blocking(move || incoming.write_all(&piece).map(|()| incoming));
        incoming = written.await.map_err(refused)?.map_err(refused)?;
    }
    let snapshot = Box::new(CatalogSnapshot::from(incoming));
    let snapshot = Snapshot { meta: head.meta, snapshot };
    let installed = shared.raft.install_full_snapshot(head.vote, snapshot).await;
    message::reply(&installed.map_err(refused)?)
}

/// Has commands carried out that another node sent here.
async fn propose(
    shared: Arc<Shared>,
    from: units::NodeId,
    body: wire::Body,
    commands_of: fn(&[u8]) -> Result<Vec<Proposal>, Refused>,
) -> Result<Reply, Refused> {
    let bytes = body.collect(limits::FORWARD_BYTES_MAX * 2).await.map_err(refused)?;
    let commands = commands_of(&bytes)?;
    let answers = commands.into_iter().map(|Proposal { as_of, encoded }| {
        let shared = Arc::clone(&shared);
        async move {
            if !shared.leads() {
                return Proposed::NotLeader;
            }
            let command = match postcard::from_bytes(&encoded) {
                Ok(command) => command,
                Err(error) => {
                    let unread = Unavailable::not_done(format!("not understood: {error}"));
                    return Proposed::not_done(unread.into());
                }
            };
            if is_load(&command) {
                shared.loads.note(from, 1, shared.lease.now());
            }
            match shared.enqueue(command, encoded, Origin::Elsewhere, as_of).await {
                Ok(done) => Proposed::Done { outcome: done.outcome, index: done.index },
                Err(error) if !shared.leads() && error.is_not_done() => Proposed::NotLeader,
                Err(error) => Proposed::not_done(error),
            }
        }
    });
    let said = forward::answers_of(answers.collect()).await;
    message::reply(&said)
}
