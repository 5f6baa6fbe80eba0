//! Packs waiting commands into log entries: one entry, one sync, many answers.
//!
//! While one entry is being synced and applied, the commands that arrive gather
//! for the next: the busier the node, the larger the entries. A lone command
//! finds nothing in front of it and waits for its own sync only.

use std::sync::Arc;

use bytes::Bytes;
use catalog::{Command, Outcome, Stamped};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use openraft::error::ClientWriteError;
use openraft::raft::ClientWriteResponse;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use units::Timestamp;

use crate::error::{ProposeError, Unavailable};
use crate::health::{Condition, Health};
use crate::limits;
use crate::stamps::Stamps;
use crate::types::{Answers, BODY_COMMANDS, Pack, Raft, Types};

/// What a proposer is told.
pub(crate) type Answer = Result<Outcome, ProposeError>;

/// A command in the queue.
pub(crate) struct Waiting {
    pub(crate) command: Command,
    /// The command, encoded where it was proposed.
    pub(crate) encoded: Vec<u8>,
    pub(crate) answer: oneshot::Sender<Answer>,
    /// Room in the queue, given back with the answer.
    pub(crate) room: OwnedSemaphorePermit,
}

/// Where the answers of an entry go.
type Askers = Vec<(oneshot::Sender<Answer>, OwnedSemaphorePermit)>;

/// The task that packs.
pub(crate) struct Proposer {
    pub(crate) raft: Raft,
    pub(crate) stamps: Arc<Stamps>,
    pub(crate) health: Arc<Health>,
    pub(crate) queue: mpsc::Receiver<Waiting>,
}

impl Proposer {
    /// Until every handle is gone and the queue is empty.
    pub(crate) async fn run(mut self) {
        let mut flying = FuturesUnordered::new();
        let mut left_over: Option<Waiting> = None;
        let mut packed = 0;
        loop {
            let may_send = flying.len() < limits::ENTRIES_IN_FLIGHT_MAX;
            let first = tokio::select! {
                biased;
                Some(()) = flying.next(), if !flying.is_empty() => continue,
                first = next(&mut left_over, &mut self.queue), if may_send => first,
            };
            let Some(first) = first else { break };
            self.gather(packed).await;
            let at = match self.stamps.next() {
                Ok(at) => at,
                Err(ahead) => {
                    // Whoever asked may have gone.
                    let _ = first.answer.send(Err(ahead.into()));
                    continue;
                }
            };
            let (pack, askers) = self.pack(at, first, &mut left_over);
            packed = askers.len();
            flying.push(self.send(pack, askers));
        }
        while flying.next().await.is_some() {}
    }

    /// Lets those who were just answered propose again, so that they share an
    /// entry once more instead of falling apart into two halves that take turns.
    async fn gather(&self, packed_before: usize) {
        for _ in 0..limits::GATHER_YIELDS_MAX {
            if self.queue.len() + 1 >= packed_before {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Takes what waits behind the first command, within the limits of an entry.
    fn pack(
        &mut self,
        at: Timestamp,
        first: Waiting,
        left_over: &mut Option<Waiting>,
    ) -> (Pack, Askers) {
        let mut taken = vec![first];
        let mut bytes = taken.iter().map(|waiting| waiting.encoded.len()).sum::<usize>();
        while taken.len() < limits::PACK_COMMANDS_MAX {
            let Ok(waiting) = self.queue.try_recv() else { break };
            if bytes + waiting.encoded.len() > limits::PACK_BYTES_MAX {
                *left_over = Some(waiting);
                break;
            }
            bytes += waiting.encoded.len();
            taken.push(waiting);
        }
        let body = body(at, taken.iter().map(|waiting| &waiting.encoded[..]), bytes);
        let mut commands = Vec::with_capacity(taken.len());
        let mut askers = Vec::with_capacity(taken.len());
        for waiting in taken {
            commands.push(Stamped { at, command: waiting.command });
            askers.push((waiting.answer, waiting.room));
        }
        (Pack { commands: commands.into(), body }, askers)
    }

    /// Proposes an entry and answers its askers.
    fn send(&self, pack: Pack, askers: Askers) -> impl Future<Output = ()> + use<> {
        let (raft, health) = (self.raft.clone(), Arc::clone(&self.health));
        async move {
            let written = match raft.client_write_ff(pack).await {
                Ok(written) => written,
                Err(fatal) => {
                    let refused = Unavailable::not_done(reason(&health, &fatal.to_string()));
                    return refuse(askers, &refused);
                }
            };
            match written.await {
                Ok(Ok(response)) => answer(askers, response),
                Ok(Err(error)) => refuse(askers, &not_written(&health, &error)),
                Err(_) => {
                    let reason = reason(&health, "the consensus stopped");
                    refuse(askers, &Unavailable::unknown(reason));
                }
            }
        }
    }
}

async fn next(
    left_over: &mut Option<Waiting>,
    queue: &mut mpsc::Receiver<Waiting>,
) -> Option<Waiting> {
    // Cancel-safety: nothing is taken before the only await.
    match left_over.take() {
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

fn answer(askers: Askers, response: ClientWriteResponse<Types>) {
    let Answers(outcomes) = response.data;
    let mut outcomes = outcomes.into_iter();
    for (asker, room) in askers {
        let missing = || Unavailable::unknown("the catalog gave no outcome").into();
        // Whoever asked may have gone.
        let _ = asker.send(outcomes.next().ok_or_else(missing));
        drop(room);
    }
}

fn refuse(askers: Askers, refused: &Unavailable) {
    for (asker, room) in askers {
        let _ = asker.send(Err(refused.clone().into()));
        drop(room);
    }
}

fn not_written(
    health: &Health,
    error: &ClientWriteError<crate::member::Member, crate::member::Seat>,
) -> Unavailable {
    match error {
        ClientWriteError::ForwardToLeader(_) => {
            Unavailable::not_done("this node does not lead the catalog")
        }
        ClientWriteError::ChangeMembershipError(error) => {
            Unavailable::unknown(reason(health, &error.to_string()))
        }
    }
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
