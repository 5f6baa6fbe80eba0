//! Commands on their way to the leader, from a node that does not lead.
//!
//! **Invariants**
//! - What the leader surely did not take is sent again, to whoever leads by then, until
//!   nobody waits for it any more.
//! - What it may have taken is not: its outcome is unknown.
//! - What nobody waits for any more is not sent: whoever gave a command up goes by its not
//!   having been done, or by finding out.
//! - Whoever is answered finds what was done on this node too, as soon as it is told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use openraft::ServerState;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use units::{LogIndex, NodeId, planted};
use wire::{Call, CallError, Transport};

use crate::error::{CatalogFull, ProposeError, Unavailable};
use crate::limits;
use crate::member::Member;
use crate::message::{self, AsOf, Kind, Proposed};
use crate::proposer::{Done, Waiting};
use crate::stamps::ClockAhead;
use crate::types::Raft;

/// What somebody is told who cannot wait for a leader any longer.
pub(crate) const NO_LEADER: &str = "no node leads the catalog: fewer than half of its \
     voting sites can be reached from here";

/// Knows the leader and the way to it.
#[derive(Clone)]
pub(crate) struct Forwarder {
    pub(crate) raft: Raft,
    pub(crate) me: Member,
    pub(crate) transport: Arc<dyn Transport>,
    /// Follows the last entry applied here.
    pub(crate) applied: watch::Receiver<LogIndex>,
    pub(crate) hint: Arc<Hint>,
}

/// Who leads, by word of another node while this one is cut off; forgotten as soon as a
/// leader is heard. One that does not lead says so, and is asked again to no harm.
#[derive(Default)]
pub(crate) struct Hint(Mutex<Option<NodeId>>);

impl Hint {
    pub(crate) fn note(&self, leader: Option<NodeId>) {
        *self.0.lock() = leader;
    }

    pub(crate) fn forget(&self) {
        self.note(None);
    }

    fn leader(&self) -> Option<NodeId> {
        *self.0.lock()
    }
}

/// What is known of the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    Mine,
    Of(NodeId),
    Nobody,
}

impl Forwarder {
    /// Who leads, as far as this node has heard.
    pub(crate) fn lead(&self) -> Lead {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let hint = self.hint.leader().filter(|hint| *hint != self.me.node());
        match metrics.current_leader {
            // The vote may be one that this node lost its seat with.
            Some(leader) if leader == self.me && metrics.state == ServerState::Leader => Lead::Mine,
            leader => {
                let heard = leader.filter(|leader| *leader != self.me).map(Member::node);
                hint.or(heard).map_or(Lead::Nobody, Lead::Of)
            }
        }
    }

    /// Has commands carried out by the leader and answers their askers; gives back those
    /// that this node has to propose itself by now.
    pub(crate) async fn send(self, mut commands: Vec<Waiting>) -> Vec<Waiting> {
        loop {
            commands = drop_late(commands);
            if commands.is_empty() {
                return commands;
            }
            let leader = match self.lead() {
                Lead::Mine => return commands,
                Lead::Of(leader) => leader,
                Lead::Nobody => {
                    tokio::time::sleep(limits::LEADER_LOOK_INTERVAL).await;
                    continue;
                }
            };
            commands = self.send_to(leader, commands).await;
            if !commands.is_empty() {
                tokio::time::sleep(limits::LEADER_LOOK_INTERVAL).await;
            }
        }
    }

    /// Gives back what was not taken.
    async fn send_to(&self, leader: NodeId, commands: Vec<Waiting>) -> Vec<Waiting> {
        let within = longest(&commands);
        let call = match call_of(&commands) {
            Ok(call) => call,
            Err(error) => return refuse(commands, &Unavailable::not_done(error.to_string())),
        };
        let reply = match self.transport.call(leader, call, within).await {
            Ok(reply) => reply,
            Err(error) if error.is_unknown() && !planted::is_on("consensus-forward-again") => {
                return refuse(commands, &Unavailable::unknown(error.to_string()));
            }
            Err(error) => {
                tracing::debug!(%error, "the leader did not take commands");
                let is_refused = matches!(error, CallError::Refused { .. });
                return if is_refused { without_as_of(commands) } else { commands };
            }
        };
        // The leader has answered, so it took them: an answer that breaks off or cannot be
        // read says nothing of what became of them.
        let said = match message::said::<Vec<Proposed>>(reply).await {
            Ok(said) if said.len() == commands.len() => said,
            Ok(_) => {
                let wrong = "the leader answered for another number of commands";
                return refuse(commands, &Unavailable::unknown(wrong));
            }
            Err(unread) => {
                let reason = format!("the answer of the leader was lost: {unread}");
                return refuse(commands, &Unavailable::unknown(reason));
            }
        };
        self.answer(commands, said).await
    }

    async fn answer(&self, commands: Vec<Waiting>, said: Vec<Proposed>) -> Vec<Waiting> {
        let last = said.iter().filter_map(|one| match one {
            Proposed::Done { index, .. } => Some(*index),
            _ => None,
        });
        if let Some(last) = last.max()
            && !planted::is_on("consensus-forward-early")
        {
            // What was done is done, also if this node is slow to hear of it.
            let _ = self.catch_up(last, longest(&commands)).await;
        }
        let mut again = Vec::new();
        for (waiting, said) in commands.into_iter().zip(said) {
            match said {
                Proposed::NotLeader => again.push(waiting),
                Proposed::DirectoryChanged => {
                    waiting.answer(Err(ProposeError::DirectoryChanged));
                }
                Proposed::Done { outcome, index } => waiting.answer(Ok(Done { outcome, index })),
                Proposed::Unavailable { reason, is_unknown } => {
                    let refused = if is_unknown {
                        Unavailable::unknown(reason)
                    } else {
                        Unavailable::not_done(reason)
                    };
                    waiting.answer(Err(refused.into()));
                }
                Proposed::Full { free, needed } => {
                    waiting.answer(Err(CatalogFull { free, needed }.into()));
                }
                Proposed::Clock { hours, now, expected } => {
                    waiting.answer(Err(ClockAhead { hours, now, expected }.into()));
                }
                Proposed::TooLong { bytes } => {
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    waiting.answer(Err(ProposeError::TooLong { bytes }));
                }
            }
        }
        again
    }

    /// Waits until this node has applied an entry; says whether it did.
    pub(crate) async fn catch_up(&self, index: LogIndex, within: Duration) -> bool {
        let mut applied = self.applied.clone();
        let waited = tokio::time::timeout(within, applied.wait_for(|applied| *applied >= index));
        matches!(waited.await, Ok(Ok(_)))
    }
}

fn longest(commands: &[Waiting]) -> Duration {
    let now = Instant::now();
    let left = commands.iter().map(|waiting| waiting.until.saturating_duration_since(now));
    left.max().unwrap_or_default()
}

/// Without those nobody waits for any more.
pub(crate) fn drop_late(commands: Vec<Waiting>) -> Vec<Waiting> {
    let now = Instant::now();
    let (left, late): (Vec<_>, Vec<_>) =
        commands.into_iter().partition(|waiting| waiting.is_wanted(now));
    refuse(late, &Unavailable::not_done(NO_LEADER));
    left
}

fn refuse(commands: Vec<Waiting>, refused: &Unavailable) -> Vec<Waiting> {
    for waiting in commands {
        waiting.answer(Err(refused.clone().into()));
    }
    Vec::new()
}

/// The call that has these carried out.
fn call_of(commands: &[Waiting]) -> Result<Call, postcard::Error> {
    if commands.iter().all(|waiting| waiting.as_of.is_none()) {
        let encoded: Vec<&[u8]> = commands.iter().map(|waiting| &waiting.encoded[..]).collect();
        return message::call(Kind::Propose, &encoded);
    }
    let as_of =
        |waiting: &Waiting| AsOf { as_of: waiting.as_of, encoded: waiting.encoded.to_vec() };
    message::call(Kind::ProposeAsOf, &commands.iter().map(as_of).collect::<Vec<_>>())
}

/// Without those that a leader of an older version cannot judge: they are to be decided on
/// the newest rows.
fn without_as_of(commands: Vec<Waiting>) -> Vec<Waiting> {
    let (left, others): (Vec<_>, Vec<_>) =
        commands.into_iter().partition(|waiting| waiting.as_of.is_none());
    for waiting in others {
        waiting.answer(Err(ProposeError::DirectoryChanged));
    }
    left
}

/// A command that another node sent.
pub(crate) struct Proposal {
    pub(crate) as_of: Option<LogIndex>,
    pub(crate) encoded: Bytes,
}

/// Takes the commands of a batch apart.
pub(crate) fn commands_of(body: &[u8]) -> Result<Vec<Proposal>, wire::Refused> {
    let encoded: Vec<Vec<u8>> = message::read(body)?;
    bounded(encoded.into_iter().map(|encoded| Proposal { as_of: None, encoded: encoded.into() }))
}

/// The same of a batch in which some say what they were decided on.
pub(crate) fn commands_as_of(body: &[u8]) -> Result<Vec<Proposal>, wire::Refused> {
    let commands: Vec<AsOf> = message::read(body)?;
    let proposal = |AsOf { as_of, encoded }| Proposal { as_of, encoded: encoded.into() };
    bounded(commands.into_iter().map(proposal))
}

fn bounded(
    proposals: impl ExactSizeIterator<Item = Proposal>,
) -> Result<Vec<Proposal>, wire::Refused> {
    if proposals.len() > limits::PACK_COMMANDS_MAX {
        return Err(wire::Refused { reason: "too many commands at once".to_owned() });
    }
    Ok(proposals.collect())
}

/// All answers, in order.
pub(crate) async fn answers_of(answers: Vec<impl Future<Output = Proposed>>) -> Vec<Proposed> {
    join_all(answers).await
}
