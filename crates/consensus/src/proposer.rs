//! Packs waiting commands into log entries: one entry, one sync, many answers.
//!
//! While one entry is being synced and applied, the commands that arrive gather
//! for the next: the busier the node, the larger the entries. A lone command
//! finds nothing in front of it and waits for its own sync only. Those who were just
//! answered are waited for a moment ([`Round`]).
//!
//! **Invariants**
//! - A command is in at most one entry that may be carried out: one whose entry was cut
//!   off the log is not proposed again, since another node that has the entry may yet be
//!   elected and carry it out.
//! - A command that nobody waits for any more is not proposed.
//! - A command that was decided as of an entry is in none if directory rows have changed
//!   since, as far as a leader knows that has applied all that was acknowledged.
//! - Nothing is stamped before all earlier stamps are applied here, nor before the clocks
//!   of most voters are known: until then what came in waits, as long as somebody waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Command, Outcome, Stamped};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use openraft::ServerState;
use openraft::error::ClientWriteError;
use openraft::raft::ClientWriteResponse;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;
use units::{LogIndex, Timestamp, planted};

use crate::error::{ProposeError, Unavailable};
use crate::forward::{Forwarder, NO_LEADER, drop_late};
use crate::handing::Hold;
use crate::health::{Condition, Health};
use crate::limits;
use crate::log::store::Cuts;
use crate::round::Round;
use crate::stamps::{NoStamp, Stamps};
use crate::standing::Standing;
use crate::state_machine::StateMachine;
use crate::told::Told;
use crate::types::{Answers, BODY_COMMANDS, Pack, Raft, Types};

/// What the log made of a command.
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    /// The entry that says so.
    pub(crate) index: LogIndex,
}

/// What a proposer is told.
pub(crate) type Answer = Result<Done, ProposeError>;

/// Whose command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Proposed on this node: it finds the leader.
    Here,
    /// Sent here by a node that took this one for the leader: it is told if it was wrong.
    Elsewhere,
}

/// A command in the queue.
pub(crate) struct Waiting {
    /// The command, until it was packed once.
    pub(crate) command: Option<Command>,
    /// The command, encoded where it was proposed.
    pub(crate) encoded: Bytes,
    pub(crate) answer: oneshot::Sender<Answer>,
    /// Room in the queue, given back with the answer.
    pub(crate) room: OwnedSemaphorePermit,
    pub(crate) origin: Origin,
    /// Of a command that was not decided on the newest directory rows: the entry whose rows
    /// it was decided on, or later ones.
    pub(crate) as_of: Option<LogIndex>,
    /// When nobody waits for it any more.
    pub(crate) until: Instant,
}

impl Waiting {
    /// Answers it. Whoever asked may have gone.
    pub(crate) fn answer(self, answer: Answer) {
        let _ = self.answer.send(answer);
        drop(self.room);
    }

    /// Whether somebody waits for its answer.
    pub(crate) fn is_wanted(&self, now: Instant) -> bool {
        self.until > now && !self.answer.is_closed()
    }

    fn is_own(&self) -> bool {
        self.origin == Origin::Here
    }

    fn refuse(self, refused: &Unavailable) {
        self.answer(Err(refused.clone().into()));
    }
}

/// Commands that were not taken and are to be proposed again.
type Again = Vec<Waiting>;

/// The task that packs.
pub(crate) struct Proposer {
    pub(crate) raft: Raft,
    pub(crate) stamps: Arc<Stamps>,
    pub(crate) machine: StateMachine,
    pub(crate) health: Arc<Health>,
    pub(crate) queue: mpsc::Receiver<Waiting>,
    pub(crate) forwarder: Option<Forwarder>,
    /// Whether commands wait for whoever leads next.
    pub(crate) hold: Hold,
    pub(crate) standing: Standing,
    pub(crate) told: Arc<Told>,
    /// How often entries were cut off the log.
    pub(crate) cuts: Cuts,
}

impl Proposer {
    /// Until every handle is gone and the queue is empty.
    pub(crate) async fn run(mut self) {
        let mut flying: FuturesUnordered<BoxFuture<'static, Again>> = FuturesUnordered::new();
        let mut left_over = VecDeque::new();
        let mut round = Round::default();
        let mut closed = None;
        loop {
            let leads = self.leads();
            let most =
                if leads { limits::ENTRIES_IN_FLIGHT_MAX } else { limits::FORWARDS_IN_FLIGHT_MAX };
            let must_wait = leads && !self.takes_now();
            let may_send = flying.len() < most && !must_wait;
            let first = tokio::select! {
                biased;
                Some(again) = flying.next(), if !flying.is_empty() => {
                    left_over.extend(again);
                    self.drain(&mut left_over);
                    round.ended(own_among(&left_over));
                    continue;
                }
                () = tokio::time::sleep(limits::LEADER_LOOK_INTERVAL), if must_wait => {
                    // It may never be able to lead, as others stop as well: it ends when
                    // nobody can wait any more.
                    if self.queue.is_closed()
                        && closed.get_or_insert_with(Instant::now).elapsed()
                            > limits::PROPOSE_TIMEOUT
                    {
                        self.drain(&mut left_over);
                        break;
                    }
                    continue;
                }
                first = next(&mut left_over, &mut self.queue), if may_send => first,
            };
            let Some(first) = first else { break };
            // Nothing may have come for long, and the lead meanwhile.
            if self.leads() != leads {
                left_over.push_front(first);
                continue;
            }
            // Time may have passed, and the lead with it.
            self.gather(&round, &first, &mut left_over).await;
            if self.leads() != leads || (leads && !self.takes_now()) {
                left_over.push_front(first);
                continue;
            }
            if leads {
                if let Some((pack, taken)) = self.pack(first, &mut left_over) {
                    round = Round::begun(taken.len(), own_among(&taken));
                    flying.push(Box::pin(self.send(pack, taken)));
                }
            } else if let Some(forwarder) = &self.forwarder {
                let taken = take(first, &mut self.queue, &mut left_over, limits::FORWARD_BYTES_MAX);
                if let Some(own) = own_of(taken) {
                    round = Round::begun(own.len(), own.len());
                    flying.push(Box::pin(forwarder.clone().send(own)));
                }
            } else {
                // Alone, the lead was lost: the log says why.
                first.refuse(&Unavailable::not_done(reason(&self.health, NO_LEADER)));
            }
        }
        let mut again = Vec::new();
        while let Some(more) = flying.next().await {
            again.extend(more);
        }
        for waiting in left_over.into_iter().chain(again) {
            waiting.refuse(&Unavailable::not_done("the node is stopping"));
        }
    }

    fn leads(&self) -> bool {
        self.forwarder.is_none() || self.raft.metrics().borrow().state == ServerState::Leader
    }

    /// The entry since which the directory rows are as any node may show them, or a later one.
    fn directory_changed(&self) -> LogIndex {
        let (applied, told) = (*self.machine.applied().borrow(), self.told.last());
        if applied < told { told } else { self.machine.directory_changed() }
    }

    /// Whether a node that leads has applied all that was acknowledged before it did, and
    /// with it every stamp.
    fn knows_all(&self) -> bool {
        self.forwarder.is_none() || self.standing.knows_all(&self.raft.metrics().borrow())
    }

    /// Whether a node that leads proposes what waits now.
    fn takes_now(&self) -> bool {
        self.knows_all() && !self.hold.is_on() && self.stamps.knows_time()
    }

    /// Lets those who were just answered propose again, so that they share an
    /// entry once more instead of falling apart into groups that take turns.
    async fn gather(&mut self, round: &Round, first: &Waiting, left_over: &mut VecDeque<Waiting>) {
        for _ in 0..limits::GATHER_YIELDS_MAX {
            if self.queue.len() + left_over.len() + 1 >= round.packed() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let Some((expected, until)) = round.waits_for() else { return };
        self.drain(left_over);
        let mut own = own_among(left_over.iter()) + usize::from(first.is_own());
        while own < expected {
            // Cancel-safety: a command that was not received stays in the queue.
            match tokio::time::timeout_at(until, self.queue.recv()).await {
                Ok(Some(waiting)) => {
                    own += usize::from(waiting.is_own());
                    left_over.push_back(waiting);
                }
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Takes all that waits out of the queue.
    fn drain(&mut self, left_over: &mut VecDeque<Waiting>) {
        while let Ok(waiting) = self.queue.try_recv() {
            left_over.push_back(waiting);
        }
    }

    /// Takes what waits behind the first command, within the limits of an entry.
    fn pack(
        &mut self,
        first: Waiting,
        left_over: &mut VecDeque<Waiting>,
    ) -> Option<(Pack, Vec<Waiting>)> {
        let taken = take(first, &mut self.queue, left_over, limits::PACK_BYTES_MAX);
        let taken = drop_outdated(drop_late(taken), self.directory_changed());
        if taken.is_empty() {
            return None;
        }
        let at = match self.stamps.next(self.machine.stamped()) {
            Ok(at) => at,
            Err(NoStamp::Ahead(ahead)) => {
                for waiting in taken {
                    waiting.answer(Err(ahead.into()));
                }
                return None;
            }
            // Known a moment ago: they wait again, in their order.
            Err(NoStamp::Unknown) => {
                for waiting in taken.into_iter().rev() {
                    left_over.push_front(waiting);
                }
                return None;
            }
        };
        let mut kept = Vec::with_capacity(taken.len());
        let mut commands = Vec::with_capacity(taken.len());
        for mut waiting in taken {
            let decode = || postcard::from_bytes(&waiting.encoded);
            match waiting.command.take().map_or_else(decode, Ok) {
                Ok(command) => {
                    commands.push(Stamped { at, command });
                    kept.push(waiting);
                }
                Err(error) => waiting.refuse(&Unavailable::not_done(error.to_string())),
            }
        }
        if kept.is_empty() {
            return None;
        }
        let bytes = kept.iter().map(|waiting| waiting.encoded.len()).sum();
        let body = body(at, kept.iter().map(|waiting| &waiting.encoded[..]), bytes);
        Some((Pack { commands: commands.into(), body }, kept))
    }

    /// Proposes an entry and answers its askers; gives back those that another node
    /// has to be asked for.
    fn send(&self, pack: Pack, taken: Vec<Waiting>) -> impl Future<Output = Again> + use<> {
        let (raft, health) = (self.raft.clone(), Arc::clone(&self.health));
        let cuts = self.cuts.clone();
        async move {
            let cut_before = cuts.count();
            let until = taken.iter().map(|waiting| waiting.until).max();
            let written = match raft.client_write_ff(pack).await {
                Ok(written) => written,
                Err(fatal) => {
                    let reason = reason(&health, &fatal.to_string());
                    return refuse(taken, &Unavailable::not_done(reason));
                }
            };
            // openraft never answers for an entry that a snapshot of another leader covers.
            let until = until.unwrap_or_else(Instant::now);
            let Ok(written) = tokio::time::timeout_at(until, written).await else {
                let reason = reason(&health, "the entry was not applied in time");
                return refuse(taken, &Unavailable::unknown(reason));
            };
            match written {
                Ok(Ok(response)) => answer(taken, response),
                // It never was in the log: not done.
                Ok(Err(ClientWriteError::ForwardToLeader(_))) if cuts.count() == cut_before => {
                    taken
                }
                Ok(Err(ClientWriteError::ForwardToLeader(_))) => {
                    let cut = "another leader cut the entry off the log";
                    refuse(taken, &Unavailable::unknown(cut))
                }
                Ok(Err(ClientWriteError::ChangeMembershipError(error))) => {
                    let reason = reason(&health, &error.to_string());
                    refuse(taken, &Unavailable::unknown(reason))
                }
                Err(_) => {
                    let reason = reason(&health, "the consensus stopped");
                    refuse(taken, &Unavailable::unknown(reason))
                }
            }
        }
    }
}

/// Without those that were decided on directory rows that have changed since.
fn drop_outdated(taken: Vec<Waiting>, changed: LogIndex) -> Vec<Waiting> {
    let is_outdated = |waiting: &Waiting| waiting.as_of.is_some_and(|as_of| as_of < changed);
    let mut kept = Vec::with_capacity(taken.len());
    for waiting in taken {
        if is_outdated(&waiting) && !planted::is_on("consensus-old-directory") {
            waiting.answer(Err(ProposeError::DirectoryChanged));
        } else {
            kept.push(waiting);
        }
    }
    kept
}

/// How many of them this node's clients proposed.
fn own_among<'a>(waiting: impl IntoIterator<Item = &'a Waiting>) -> usize {
    waiting.into_iter().filter(|waiting| waiting.is_own()).count()
}

/// What waits behind the first, as much as fits.
fn take(
    first: Waiting,
    queue: &mut mpsc::Receiver<Waiting>,
    left_over: &mut VecDeque<Waiting>,
    bytes_max: usize,
) -> Vec<Waiting> {
    let mut bytes = first.encoded.len();
    let mut taken = vec![first];
    while taken.len() < limits::PACK_COMMANDS_MAX {
        let next = left_over.pop_front().or_else(|| queue.try_recv().ok());
        let Some(waiting) = next else { break };
        if bytes + waiting.encoded.len() > bytes_max {
            left_over.push_front(waiting);
            break;
        }
        bytes += waiting.encoded.len();
        taken.push(waiting);
    }
    taken
}

/// Those proposed here; the others are told that this node does not lead.
fn own_of(taken: Vec<Waiting>) -> Option<Vec<Waiting>> {
    let (own, others): (Vec<_>, Vec<_>) = taken.into_iter().partition(Waiting::is_own);
    refuse(others, &Unavailable::not_done(NO_LEADER));
    (!own.is_empty()).then_some(own)
}

async fn next(
    left_over: &mut VecDeque<Waiting>,
    queue: &mut mpsc::Receiver<Waiting>,
) -> Option<Waiting> {
    // Cancel-safety: nothing is taken before the only await.
    match left_over.pop_front() {
        Some(waiting) => Some(waiting),
        None => queue.recv().await,
    }
}

/// The body of an entry, as [`Stamped::encode_entry`] would write it, from
/// commands that are encoded already.
fn body<'a>(
    at: Timestamp,
    commands: impl ExactSizeIterator<Item = &'a [u8]>,
    bytes: usize,
) -> Bytes {
    let mut at_bytes = [0_u8; 16];
    let at_bytes = postcard::to_slice(&at, &mut at_bytes).map(|used| &*used).unwrap_or_default();
    let none = Stamped::encode_entry(&[]);
    let version = none.first().copied().unwrap_or_default();
    let mut body = Vec::with_capacity(bytes + commands.len() * at_bytes.len() + 16);
    body.extend_from_slice(&[BODY_COMMANDS, version]);
    let mut count_bytes = [0_u8; 16];
    let count = postcard::to_slice(&commands.len(), &mut count_bytes);
    body.extend_from_slice(count.map(|used| &*used).unwrap_or_default());
    for command in commands {
        body.extend_from_slice(at_bytes);
        body.extend_from_slice(command);
    }
    body.into()
}

fn answer(taken: Vec<Waiting>, response: ClientWriteResponse<Types>) -> Again {
    let index = LogIndex::new(response.log_id.index);
    let Answers(outcomes) = response.data;
    let mut outcomes = outcomes.into_iter();
    for waiting in taken {
        let missing = || Unavailable::unknown("the catalog gave no outcome").into();
        let outcome = outcomes.next().map(|outcome| Done { outcome, index });
        waiting.answer(outcome.ok_or_else(missing));
    }
    Vec::new()
}

fn refuse(taken: Vec<Waiting>, refused: &Unavailable) -> Again {
    for waiting in taken {
        waiting.refuse(refused);
    }
    Vec::new()
}

/// The fault behind a failure, if one is known.
fn reason(health: &Health, otherwise: &str) -> String {
    match health.condition() {
        Condition::Failed { reason } => reason,
        Condition::Full => "the disk of the catalog is full".to_owned(),
        Condition::Serving => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_made_of_encoded_commands_is_the_catalogs_own() {
        let at = Timestamp::from_micros(1_700_000_000_000_001);
        for count in [1, 2, 300] {
            let commands: Vec<Stamped> =
                (0..count).map(|_| Stamped { at, command: Command::Nothing }).collect();
            let encoded: Vec<Vec<u8>> = commands
                .iter()
                .map(|stamped| postcard::to_stdvec(&stamped.command).expect("encodes"))
                .collect();
            let body = body(at, encoded.iter().map(|bytes| &bytes[..]), 0);
            assert_eq!(body[0], BODY_COMMANDS);
            assert_eq!(body[1..], Stamped::encode_entry(&commands));
            assert_eq!(Pack::from_body(body).expect("decodes").commands[..], commands[..]);
        }
    }
}
