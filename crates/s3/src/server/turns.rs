//! Turns: how many requests the node works on at once, and who is next.
//!
//! A request takes a turn once it is known who asks, and gives it back while it
//! waits for its client: for the next piece of a body, or to read its answer. So
//! a turn is held only while the node works, and a client that dawdles holds
//! nothing that others wait for.
//!
//! As long as there are turns, taking one is a step of an atomic counter. When
//! there are none, requests wait in a queue per tenant
//! ([`access::FairQueue`]), and *express* turns are kept for tenants that have but
//! few turns of either kind: a quiet tenant does not even wait for the next turn to
//! end, be it held by a write whose disk takes its time.
//!
//! Who is alone may have all turns, so that a group commit is full. In company
//! there are few: what was begun stands before whoever comes next, on its core, in
//! its group commit and before the disk, and no queue can take it back.
//!
//! **Invariants**
//! - Never more turns than [`Turns::new`] was told, and an express one only for a
//!   lane that has fewer than [`SURE_PER_LANE`] in all.
//! - In company none is given out beyond [`TURNS_PER_CORE_SHARED`] a core.
//! - A turn that comes free while somebody waits is handed on at once: whoever gives
//!   one back looks for waiters after it is back, whoever begins to wait looks for
//!   turns after it waits, in one order of all (`SeqCst`). Those that the end of
//!   company frees are handed on with the next one.

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Instant;

use access::{FairQueue, Lane, Weight};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::limits::{COMPANY_CHANGES_MIN, COMPANY_LASTS, SURE_PER_LANE, TURN_WAIT_MAX};

/// Gives out turns; shared by all connections.
#[derive(Debug)]
pub(crate) struct Turns {
    usual_max: usize,
    /// As many in company.
    shared_max: usize,
    express_max: usize,
    company: Company,
    usual: AtomicUsize,
    /// Usual turns by the hash of their lane. Two lanes may share a count: then the
    /// one may have to wait for a turn where it would have had an express one.
    held: [AtomicUsize; HELD_COUNTS],
    waiting: AtomicUsize,
    line: Mutex<Line>,
    /// How long somebody waits for a turn.
    patience: Duration,
}

/// Counts of usual turns held.
const HELD_COUNTS: usize = 256;

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

/// Whether more than one lane has asked lately, and more than now and then.
#[derive(Debug)]
struct Company {
    began: Instant,
    hashes: RandomState,
    /// The lane that asked last.
    last: AtomicU64,
    /// Since when changes are counted, in milliseconds since `began`.
    since: AtomicU64,
    /// How often another lane asked than before, since then.
    changes: AtomicU64,
    /// Until when there is company, in milliseconds since `began`.
    until: AtomicU64,
}

impl Company {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            hashes: RandomState::new(),
            last: AtomicU64::new(0),
            since: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            until: AtomicU64::new(0),
        }
    }

    /// A number of the lane's that nobody can choose.
    fn hash(&self, lane: Lane) -> u64 {
        self.hashes.hash_one(lane) | 1
    }

    /// A lane asks.
    fn note(&self, lane: Lane) {
        let hash = self.hash(lane);
        let before = self.last.swap(hash, Ordering::Relaxed);
        if before == hash || before == 0 {
            return;
        }
        let lasts = u64::try_from(COMPANY_LASTS.as_millis()).unwrap_or(u64::MAX);
        let now = self.now();
        // Two threads may begin anew at once: a change more or less is no matter.
        if now.saturating_sub(self.since.load(Ordering::Relaxed)) > lasts {
            self.since.store(now, Ordering::Relaxed);
            self.changes.store(0, Ordering::Relaxed);
        }
        if self.changes.fetch_add(1, Ordering::Relaxed) + 1 >= COMPANY_CHANGES_MIN {
            self.until.store(now.saturating_add(lasts), Ordering::Relaxed);
        }
    }

    fn is_there(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        until > 0 && self.now() < until
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
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
    /// So many turns for one lane alone, and half as many express ones besides; in
    /// company, no more than `shared_max`.
    pub(crate) fn new(usual_max: NonZeroUsize, shared_max: NonZeroUsize) -> Arc<Self> {
        Self::with_patience(usual_max, shared_max, TURN_WAIT_MAX)
    }

    /// As [`Turns::new`], for those who wait no longer than this.
    pub(crate) fn with_patience(
        usual_max: NonZeroUsize,
        shared_max: NonZeroUsize,
        patience: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            patience,
            usual_max: usual_max.get(),
            shared_max: shared_max.min(usual_max).get(),
            company: Company::new(),
            // One lane's share must leave some for another.
            express_max: (usual_max.get() / 2).max(2 * SURE_PER_LANE),
            usual: AtomicUsize::new(0),
            held: [const { AtomicUsize::new(0) }; HELD_COUNTS],
            waiting: AtomicUsize::new(0),
            line: Mutex::new(Line::default()),
        })
    }

    /// A turn, if nobody has to wait for one.
    pub(crate) fn take_now(self: &Arc<Self>, lane: Lane) -> Option<Turn> {
        self.company.note(lane);
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
        match tokio::time::timeout(self.patience, waiting).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(NoTurn),
        }
    }

    /// Whether more than one lane has asked lately.
    pub(crate) fn is_in_company(&self) -> bool {
        self.company.is_there()
    }

    /// How many turns are taken, express ones too.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.usual.load(Ordering::Relaxed) + self.line.lock().express_taken
    }

    /// The count of a lane's usual turns.
    #[expect(clippy::indexing_slicing, reason = "a remainder is less than the length")]
    fn held(&self, lane: Lane) -> &AtomicUsize {
        let hash = usize::try_from(self.company.hash(lane) >> 32).unwrap_or(0);
        &self.held[hash % HELD_COUNTS]
    }

    fn turn(self: &Arc<Self>, lane: Lane, kind: Kind) -> Turn {
        if matches!(kind, Kind::Usual { .. }) {
            self.held(lane).fetch_add(1, Ordering::Relaxed);
        }
        Turn { turns: Some(Arc::clone(self)), lane, kind, since: Instant::now() }
    }

    fn step_up(&self) -> bool {
        let most = if self.company.is_there() { self.shared_max } else { self.usual_max };
        let more = |taken: usize| (taken < most).then_some(taken + 1);
        self.usual.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    fn express(self: &Arc<Self>, line: &mut Line, lane: Lane) -> Option<Turn> {
        // Who has others of its own waiting asks for more than a little.
        if line.express_taken >= self.express_max || line.queue.is_waiting(lane) {
            return None;
        }
        let own = line.express.get(&lane).copied().unwrap_or(0);
        if own + self.held(lane).load(Ordering::Relaxed) >= SURE_PER_LANE {
            return None;
        }
        line.express.insert(lane, own + 1);
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
                    self.held(lane).fetch_sub(1, Ordering::Relaxed);
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
                self.held(turn.lane).fetch_sub(1, Ordering::Relaxed);
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
                    // Company may have ended since: there is more to give out.
                    self.hand_on(&mut line);
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
        shared(count, count)
    }

    fn shared(count: usize, in_company: usize) -> Arc<Turns> {
        Turns::new(NonZeroUsize::new(count).unwrap(), NonZeroUsize::new(in_company).unwrap())
    }

    #[tokio::test]
    async fn who_is_alone_may_have_all_turns_and_in_company_few() {
        let turns = shared(8, 2);
        let mut held: Vec<Turn> = (0..8).filter_map(|_| turns.take_now(lane(1))).collect();
        assert_eq!(held.len(), 8, "alone");
        // Another looks in: that is no company yet.
        held.pop();
        drop(turns.take(lane(2)).await.unwrap());
        held.push(turns.take_now(lane(1)).unwrap());
        assert!(!turns.is_in_company());
        // It comes to stay, and finds express turns, since more than its share are taken.
        for _ in 0..COMPANY_CHANGES_MIN {
            assert_eq!(turns.take(lane(2)).await.unwrap().kind, Kind::Express);
            assert!(turns.take_now(lane(1)).is_none());
        }
        assert!(turns.is_in_company());
        held.truncate(3);
        assert!(turns.take_now(lane(1)).is_none(), "three are taken of two in company");
        held.truncate(1);
        assert!(turns.take_now(lane(1)).is_some(), "one is taken of two");
        tokio::time::sleep(COMPANY_LASTS + Duration::from_millis(20)).await;
        held.extend((0..9).filter_map(|_| turns.take_now(lane(1))));
        assert_eq!(held.len(), 8, "alone again");
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
    async fn who_keeps_others_of_its_own_waiting_has_no_express_turn() {
        let turns = turns(2);
        let mut held = Vec::new();
        for _ in 0..SURE_PER_LANE {
            held.push(turns.take(lane(1)).await.unwrap());
        }
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let waits = wait(&turns, 1, &told);
        tokio::task::yield_now().await;
        // An express turn comes back, but nobody of this lane may pass the one that waits.
        drop(held.pop());
        let soon = Duration::from_millis(10);
        assert!(tokio::time::timeout(soon, turns.take(lane(1))).await.is_err());
        assert!(heard.try_recv().is_err(), "the one that waits is not passed over to");
        assert_eq!(turns.take(lane(2)).await.unwrap().kind, Kind::Express);
        drop(held);
        waits.await.unwrap();
        assert_eq!(heard.recv().await, Some(1));
    }

    #[tokio::test]
    async fn a_quiet_tenant_is_served_before_a_crowd() {
        let turns = turns(2);
        // One tenant has all the usual turns, and express ones up to its share.
        let mut held = Vec::new();
        for _ in 0..SURE_PER_LANE {
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
        while more.len() < SURE_PER_LANE {
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
