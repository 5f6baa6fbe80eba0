//! Many hands: a part is repaired by one of the nodes that have fragments of it, not by
//! whoever found what it lacks.
//!
//! ```text
//! who has found it                       a node that has a fragment of the part
//!      │  ── part, slots ──────────────────►  │  rebuilds, writes, proves, proposes
//!      │  ◄─ still at work, each second ────  │
//!      │  ◄─ what came of each slot ────────  │
//! ```
//! What one node alone rebuilds comes through its one line; with all of them at work the
//! lines of the lost site's neighbours are used side by side, and a fragment less travels.
//!
//! ```text
//!   question    1 byte version: 1, postcard of an Ask
//!   answer      a 0 for each sign of work, a 1, postcard of an Answer
//! ```
//!
//! **Invariants**
//! - A helper decides everything by its own catalog, as new as that of who asked; it is
//!   told only what to look at.
//! - What a helper does not do, or does not answer, is done by who asked.
//! - Who asked keeps the part claimed meanwhile, and the helper has it claimed at its own.

use core::pin::Pin;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use caretaker::RepairTask;
use catalog::PartRow;
use fragments::Reach;
use futures::stream;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use units::{FragmentNumber, NodeId, PartId};
use wire::{Body, BodyError, Call, Caller, Handler, Refused, Reply, Service, Transport};

use crate::limits::{
    HANDS_MAX, HELP_ANSWER_BYTES_MAX, HELP_SIGN_EVERY, HELP_SILENCE_MAX, REPAIRS_AT_ONCE,
};
use crate::repair::Repaired;
use crate::{RepairOutcome, Steward};

/// The version that is spoken.
const VERSION: u8 = 1;
/// That somebody is still at work.
const AT_WORK: u8 = 0;
/// That the answer follows.
const DONE: u8 = 1;

/// What a helper is to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ask {
    part: PartId,
    slots: Vec<u8>,
    was_in_vain: bool,
}

/// What came of it. Only ever added to at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Answer {
    /// These slots were dealt with.
    Done { slots: Vec<(u8, Words)> },
    /// Somebody there is at work on the part.
    Claimed,
    /// It could not be done there; in words.
    Failed { reason: String },
}

/// A [`RepairOutcome`] between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Words {
    repaired: u64,
    moved: u64,
    lost: u64,
    homeless: u64,
    deferred: u64,
}

impl From<RepairOutcome> for Words {
    fn from(outcome: RepairOutcome) -> Self {
        let RepairOutcome { repaired, moved, lost, homeless, deferred } = outcome;
        Self { repaired, moved, lost, homeless, deferred }
    }
}

impl From<Words> for RepairOutcome {
    fn from(words: Words) -> Self {
        let Words { repaired, moved, lost, homeless, deferred } = words;
        Self { repaired, moved, lost, homeless, deferred }
    }
}

/// The others, and how many parts each is repairing for this node.
#[derive(Default)]
pub(crate) struct Hands {
    /// Held by the node; not here, since the transport holds what answers for this steward.
    transport: OnceLock<Weak<dyn Transport>>,
    busy: Mutex<BTreeMap<NodeId, usize>>,
}

/// A part that is with a node; counted there until this is dropped.
pub(crate) struct Hand {
    steward: Steward,
    transport: Arc<dyn Transport>,
    node: NodeId,
}

impl Drop for Hand {
    fn drop(&mut self) {
        let mut busy = self.steward.shared.hands.busy.lock();
        if let Some(count) = busy.get_mut(&self.node) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Steward {
    /// Has parts repaired by other nodes from now on, and repairs for them.
    pub fn join_hands(&self, transport: &Arc<dyn Transport>) {
        let steward = self.clone();
        let room = Arc::new(Semaphore::new(REPAIRS_AT_ONCE));
        transport.serve(Service::Repair, Arc::new(Helping { steward, room }));
        // Set once: a steward lives as long as its node's transport.
        let _ = self.shared.hands.transport.set(Arc::downgrade(transport));
    }

    /// How many parts may be repaired at once, by all nodes together.
    pub(crate) fn repairs_at_once(&self) -> usize {
        let Some(transport) = self.transport() else { return REPAIRS_AT_ONCE };
        let me = transport.me();
        let mut nodes: Vec<NodeId> = self.fragments().map().values().copied().collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.retain(|node| *node == me || transport.contact(*node).reached == Some(true));
        REPAIRS_AT_ONCE * nodes.len().clamp(1, HANDS_MAX)
    }

    fn transport(&self) -> Option<Arc<dyn Transport>> {
        self.shared.hands.transport.get()?.upgrade()
    }

    /// The other node that is to repair a part: of those that have a good fragment of it
    /// the one with the least to do. None if that is this one.
    pub(crate) fn hand_for(&self, task: &RepairTask, row: &PartRow) -> Option<Hand> {
        // What a reader found out here is not known elsewhere.
        if self.shared.distrusted.lock().iter().any(|name| name.part == task.part) {
            return None;
        }
        let transport = self.transport()?;
        let me = transport.me();
        let mut busy = self.shared.hands.busy.lock();
        let mut best: Option<(usize, NodeId)> = None;
        for (slot, disk) in (0_u8..).zip(&row.slots) {
            let is_lost = task.lost.contains(&FragmentNumber::new(slot));
            let node = match self.fragments().reach(*disk) {
                Reach::Here => me,
                Reach::There { node } => node,
                _ => continue,
            };
            let count = busy.get(&node).copied().unwrap_or(0);
            let is_better = best.is_none_or(|(least, _)| count < least);
            if !is_lost && self.disk_is_sound(*disk) && count < REPAIRS_AT_ONCE && is_better {
                best = Some((count, node));
            }
        }
        let (count, node) = best?;
        busy.insert(node, count.saturating_add(1));
        drop(busy);
        // Also when it is this one: so that all get their share.
        Some(Hand { steward: self.clone(), transport, node })
    }

    /// Has a part repaired, by another node if one is free.
    pub(crate) async fn task_by_hand(
        &self,
        task: &RepairTask,
        hand: Option<Hand>,
    ) -> Option<Repaired> {
        if let Some(hand) = &hand
            && hand.node != hand.transport.me()
        {
            let claim = self.shared.claims.claim(task.part)?;
            match hand.ask(task).await {
                Ok(done) => return done,
                Err(reason) => {
                    tracing::debug!(node = %hand.node, part = %task.part, reason, "no help");
                }
            }
            drop(claim);
        }
        self.task_repair(task).await
    }

    /// Repairs for another node.
    async fn help(self, ask: Ask) -> Answer {
        if let Err(error) = self.shared.objects.parts().consensus.catch_up().await {
            return Answer::Failed { reason: error.to_string() };
        }
        let lost = ask.slots.into_iter().map(FragmentNumber::new).collect();
        let task = RepairTask { part: ask.part, lost, spare: 0 };
        let Some(done) = self.task_rebuild(&task, ask.was_in_vain).await else {
            return Answer::Claimed;
        };
        if let Some(error) = done.failed {
            return Answer::Failed { reason: error.to_string() };
        }
        self.count(|status| status.helped += 1);
        let words = |(slot, outcome): (FragmentNumber, RepairOutcome)| (slot.get(), outcome.into());
        Answer::Done { slots: done.slots.into_iter().map(words).collect() }
    }
}

impl Hand {
    /// Asks the node, and waits until it is done; none if somebody there is at work on the
    /// part already, and why if it does not help.
    async fn ask(&self, task: &RepairTask) -> Result<Option<Repaired>, String> {
        let row = self.steward.view().part(task.part).ok().flatten();
        let was_in_vain =
            row.is_some_and(|row| self.steward.shared.repairs.lock().was_in_vain(task.part, &row));
        let slots = task.lost.iter().map(|slot| slot.get()).collect();
        let ask = Ask { part: task.part, slots, was_in_vain };
        let head = postcard::to_extend(&ask, vec![VERSION]).map_err(|error| error.to_string())?;
        let call = Call { service: Service::Repair, head: head.into(), body: Body::empty() };
        let reply = self.transport.call(self.node, call, HELP_SILENCE_MAX).await;
        let reply = reply.map_err(|error| error.to_string())?;
        let body = reply.body.collect(HELP_ANSWER_BYTES_MAX).await;
        match answer_of(&body.map_err(|error| error.to_string())?) {
            Some(Answer::Done { slots }) => {
                let mut done = Repaired::default();
                for (slot, words) in slots {
                    let slot = FragmentNumber::new(slot);
                    // It speaks of what it was asked about, or not at all.
                    if task.lost.contains(&slot) {
                        done.slots.push((slot, words.into()));
                    }
                }
                let is_told = |slot| done.slots.iter().any(|(told, _)| told == slot);
                if !task.lost.iter().all(is_told) {
                    return Err("it does not say what became of each slot".to_owned());
                }
                Ok(Some(done))
            }
            Some(Answer::Claimed) => Ok(None),
            Some(Answer::Failed { reason }) => Err(reason),
            None => Err("its answer makes no sense".to_owned()),
        }
    }
}

/// What stands behind the signs of work.
fn answer_of(body: &[u8]) -> Option<Answer> {
    let at = body.iter().position(|byte| *byte != AT_WORK)?;
    let (mark, words) = body.get(at..)?.split_first()?;
    (*mark == DONE).then(|| postcard::from_bytes(words).ok()).flatten()
}

/// Answers [`Service::Repair`].
struct Helping {
    steward: Steward,
    room: Arc<Semaphore>,
}

type Work = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The repair of one part for another node: it goes on as long as its signs are taken.
struct Helped {
    work: Work,
    _room: OwnedSemaphorePermit,
}

impl Helped {
    /// The next sign of work, or the answer.
    async fn next(mut self) -> (Result<Bytes, BodyError>, Option<Self>) {
        tokio::select! {
            biased;
            answer = &mut self.work => {
                let bytes = postcard::to_extend(&answer, vec![DONE]);
                let broken = |error: postcard::Error| BodyError::Broken { reason: error.to_string() };
                (bytes.map(Bytes::from).map_err(broken), None)
            }
            () = tokio::time::sleep(HELP_SIGN_EVERY) => {
                (Ok(Bytes::from_static(&[AT_WORK])), Some(self))
            }
        }
    }
}

#[async_trait]
impl Handler for Helping {
    // Cancel-safety: who asked gets only the way to the answer; the repair is cut where it
    // stands when that is dropped, as by a loss of power.
    async fn handle(&self, caller: Caller, call: Call) -> Result<Reply, Refused> {
        if !matches!(caller, Caller::Node(_)) {
            return Err(refused("only nodes of the cluster may ask for a repair"));
        }
        let ask: Ask = match call.head.split_first() {
            Some((&VERSION, words)) => postcard::from_bytes(words).ok(),
            _ => None,
        }
        .ok_or_else(|| refused("the question makes no sense: update the older of the two nodes"))?;
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            return Err(refused("it repairs as much as it can"));
        };
        let work: Work = Box::pin(self.steward.clone().help(ask));
        let signs = stream::unfold(Some(Helped { work, _room: room }), async |helped| {
            Some(helped?.next().await)
        });
        Ok(Reply { head: Bytes::from_static(&[VERSION]), body: Body::pieces(Box::pin(signs)) })
    }
}

fn refused(reason: &str) -> Refused {
    Refused { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stands_behind_any_number_of_signs() {
        let words = Words { repaired: 3, moved: 1, lost: 0, homeless: 0, deferred: 2 };
        let answer = Answer::Done { slots: vec![(0, words), (4, words)] };
        for signs in [0, 1, 5_000] {
            let mut body = vec![AT_WORK; signs];
            body.push(DONE);
            let body = postcard::to_extend(&answer, body).expect("it has words");
            assert_eq!(answer_of(&body), Some(answer.clone()));
            assert_eq!(answer_of(&body[..body.len() - 1]), None, "what is cut short is none");
        }
        assert_eq!(answer_of(&[]), None);
        assert_eq!(answer_of(&[AT_WORK; 9]), None);
        assert_eq!(answer_of(&[AT_WORK, 2, 1]), None);
    }
}
