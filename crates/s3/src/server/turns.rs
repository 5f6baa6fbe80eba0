//! Turns: how many requests the node works on at once, and who is next.
//!
//! A request takes a turn once it is known who asks, and gives it back while it
//! waits for its client: for the next piece of a body, or to read its answer. So
//! a turn is held only while the node works, and a client that dawdles holds
//! nothing that others wait for.
//!
//! As long as there are turns, taking one is a step of an atomic counter. When
//! there are none, requests wait in a queue per tenant
//! ([`access::FairQueue`]), and a few *express* turns are kept for tenants that
//! have none of them: a quiet tenant does not even wait for the next turn to end.
//!
//! **Invariants**
//! - Never more turns than [`Turns::new`] was told, never more express ones per
//!   lane than [`EXPRESS_PER_LANE`].
//! - A turn that is free while somebody waits is handed on at once: whoever gives
//!   one back looks for waiters after it is back, whoever begins to wait looks for
//!   turns after it waits, in one order of all (`SeqCst`).

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use access::{FairQueue, Lane, Weight};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::limits::{EXPRESS_PER_LANE, TURN_WAIT_MAX};

/// Gives out turns; shared by all connections.
#[derive(Debug)]
pub(crate) struct Turns {
    usual_max: usize,
    express_max: usize,
    usual: AtomicUsize,
    waiting: AtomicUsize,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    queue: FairQueue<oneshot::Sender<Turn>>,
    express: HashMap<Lane, usize>,
    express_taken: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usual { queued: bool },
    Express,
}

/// Leave to work on a request; given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    /// `None` once there is nothing to give back.
    turns: Option<Arc<Turns>>,
    lane: Lane,
    kind: Kind,
    since: Instant,
}

/// There is no room to wait, or it took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoTurn;

impl Turns {
    /// So many turns, and half as many express ones besides.
    pub(crate) fn new(usual_max: NonZeroUsize) -> Arc<Self> {
        Arc::new(Self {
            usual_max: usual_max.get(),
            // One lane's share must leave some for another.
            express_max: (usual_max.get() / 2).max(2 * EXPRESS_PER_LANE),
            usual: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            line: Mutex::new(Line::default()),
        })
    }

    /// A turn, if nobody has to wait for one.
    pub(crate) fn take_now(self: &Arc<Self>, lane: Lane) -> Option<Turn> {
        if self.waiting.load(Ordering::SeqCst) > 0 || !self.step_up() {
            return None;
        }
        Some(self.turn(lane, Kind::Usual { queued: false }))
    }

    /// A turn, when it is this lane's.
    ///
    /// Cancel-safety: who stops waiting is passed over; a turn that was handed
    /// over meanwhile is given back as it is dropped.
    pub(crate) async fn take(self: &Arc<Self>, lane: Lane) -> Result<Turn, NoTurn> {
        if let Some(turn) = self.take_now(lane) {
            return Ok(turn);
        }
        let waiting = {
            let mut line = self.line.lock();
            if let Some(turn) = self.express(&mut line, lane) {
                return Ok(turn);
            }
            let (waiter, waiting) = oneshot::channel();
            line.queue.push(lane, Weight::ONE, waiter).map_err(|_| NoTurn)?;
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.hand_on(&mut line);
            waiting
        };
        match tokio::time::timeout(TURN_WAIT_MAX, waiting).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(NoTurn),
        }
    }

    /// How many turns are taken, express ones too.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.usual.load(Ordering::Relaxed) + self.line.lock().express_taken
    }

    fn turn(self: &Arc<Self>, lane: Lane, kind: Kind) -> Turn {
        Turn { turns: Some(Arc::clone(self)), lane, kind, since: Instant::now() }
    }

    fn step_up(&self) -> bool {
        let more = |taken: usize| (taken < self.usual_max).then_some(taken + 1);
        self.usual.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    fn express(self: &Arc<Self>, line: &mut Line, lane: Lane) -> Option<Turn> {
        if line.express_taken >= self.express_max {
            return None;
        }
        let own = line.express.entry(lane).or_insert(0);
        if *own >= EXPRESS_PER_LANE {
            return None;
        }
        *own += 1;
        line.express_taken += 1;
        Some(self.turn(lane, Kind::Express))
    }

    /// Hands free turns to those who wait.
    fn hand_on(self: &Arc<Self>, line: &mut Line) {
        while line.queue.waiting() > 0 && self.step_up() {
            if !self.hand_one(line) {
                self.usual.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    /// Gives the turn that was just taken to the next who still waits.
    fn hand_one(self: &Arc<Self>, line: &mut Line) -> bool {
        while let Some((lane, waiter)) = line.queue.pop() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            match waiter.send(self.turn(lane, Kind::Usual { queued: true })) {
                Ok(()) => return true,
                Err(mut turn) => {
                    // It has stopped waiting; the turn goes to the next.
                    turn.turns = None;
                    line.queue.charge(lane, 0, true);
                }
            }
        }
        false
    }

    fn give_back(self: &Arc<Self>, turn: &Turn) {
        let held = turn.since.elapsed();
        match turn.kind {
            Kind::Usual { queued } => {
                self.usual.fetch_sub(1, Ordering::SeqCst);
                if self.waiting.load(Ordering::SeqCst) == 0 {
                    return;
                }
                let mut line = self.line.lock();
                line.queue.charge(turn.lane, micros(held), queued);
                self.hand_on(&mut line);
            }
            Kind::Express => {
                let mut line = self.line.lock();
                line.express_taken = line.express_taken.saturating_sub(1);
                if let Some(own) = line.express.get_mut(&turn.lane) {
                    *own = own.saturating_sub(1);
                    if *own == 0 {
                        line.express.remove(&turn.lane);
                    }
                }
                if line.queue.waiting() > 0 {
                    line.queue.charge(turn.lane, micros(held), false);
                }
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.give_back(self);
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::TenantId;

    fn lane(number: u128) -> Lane {
        Lane::Tenant(TenantId::from_u128(number))
    }

    fn turns(count: usize) -> Arc<Turns> {
        Turns::new(NonZeroUsize::new(count).unwrap())
    }

    /// Begins to take a turn and reports the lane once it has it.
    fn wait(
        turns: &Arc<Turns>,
        number: u128,
        told: &tokio::sync::mpsc::UnboundedSender<u128>,
    ) -> tokio::task::JoinHandle<()> {
        let (turns, told) = (Arc::clone(turns), told.clone());
        tokio::spawn(async move {
            let turn = turns.take(lane(number)).await.unwrap();
            told.send(number).unwrap();
            tokio::task::yield_now().await;
            drop(turn);
        })
    }

    #[tokio::test]
    async fn a_quiet_tenant_is_served_before_a_crowd() {
        let turns = turns(2);
        // One tenant has all the usual turns, and its share of the express ones.
        let mut held = Vec::new();
        for _ in 0..2 + EXPRESS_PER_LANE {
            held.push(turns.take(lane(1)).await.unwrap());
        }
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let crowd: Vec<_> = (0..50).map(|_| wait(&turns, 1, &told)).collect();
        tokio::task::yield_now().await;
        // The other finds an express turn without waiting.
        let express = turns.take(lane(2)).await.unwrap();
        assert_eq!(express.kind, Kind::Express);
        // With none of those left it is next as soon as any turn ends.
        let mut more = vec![express];
        while more.len() < turns.express_max.saturating_sub(EXPRESS_PER_LANE).min(EXPRESS_PER_LANE)
        {
            more.push(turns.take(lane(2)).await.unwrap());
        }
        let quiet = wait(&turns, 3, &told);
        drop(held.remove(0));
        let first = heard.recv().await.unwrap();
        quiet.await.unwrap();
        drop(held);
        for one in crowd {
            one.await.unwrap();
        }
        drop((told, more));
        let mut order = vec![first];
        while let Some(number) = heard.recv().await {
            order.push(number);
        }
        let place = order.iter().position(|number| *number == 3).unwrap();
        assert!(place <= 2, "the quiet tenant came after {place} of the crowd");
        assert_eq!(order.len(), 51);
        assert_eq!(turns.taken(), 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_turn_is_lost_and_none_is_made() {
        let turns = turns(3);
        let busy = Arc::new(AtomicUsize::new(0));
        let mut all = tokio::task::JoinSet::new();
        for number in 0..400_u128 {
            let (turns, busy) = (Arc::clone(&turns), Arc::clone(&busy));
            all.spawn(async move {
                for round in 0..20_u32 {
                    let taking = turns.take(lane(number % 7));
                    // Some give up while they wait.
                    let patience =
                        Duration::from_micros(if round % 5 == 0 { 50 } else { 10_000_000 });
                    let Ok(turn) = tokio::time::timeout(patience, taking).await else { continue };
                    let turn = turn.unwrap();
                    let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(now <= turns.usual_max + turns.express_max, "{now} at once");
                    tokio::task::yield_now().await;
                    busy.fetch_sub(1, Ordering::SeqCst);
                    drop(turn);
                }
            });
        }
        while let Some(ended) = all.join_next().await {
            ended.unwrap();
        }
        assert_eq!((turns.taken(), turns.waiting.load(Ordering::SeqCst)), (0, 0));
        assert!(turns.take_now(lane(1)).is_some());
    }
}
