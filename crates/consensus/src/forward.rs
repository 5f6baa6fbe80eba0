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
use wire::Transport;

use crate::error::{CatalogFull, ProposeError, Unavailable};
use crate::limits;
use crate::member::Member;
use crate::message::{self, Kind, Proposed};
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
        let encoded: Vec<&[u8]> = commands.iter().map(|waiting| &waiting.encoded[..]).collect();
        let within = longest(&commands);
        let call = match message::call(Kind::Propose, &encoded) {
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
                return commands;
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

/// Takes the commands of a batch apart.
pub(crate) fn commands_of(body: &[u8]) -> Result<Vec<Bytes>, wire::Refused> {
    let encoded: Vec<Vec<u8>> = message::read(body)?;
    if encoded.len() > limits::PACK_COMMANDS_MAX {
        return Err(wire::Refused { reason: "too many commands at once".to_owned() });
    }
    Ok(encoded.into_iter().map(Bytes::from).collect())
}

/// All answers, in order.
pub(crate) async fn answers_of(answers: Vec<impl Future<Output = Proposed>>) -> Vec<Proposed> {
    join_all(answers).await
}
