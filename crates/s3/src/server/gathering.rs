//! Memory for what must be whole before it is looked at: documents, and chunks that
//! are signed.
//!
//! The protocol library parses a document, and verifies a chunk, once the last byte
//! of it has come; until then the client decides how long its bytes lie here. So they
//! are asked for before any of them is kept, all at once, that nobody holds one half
//! and waits for the other. What every client may hold without asking is small
//! ([`GATHERED_CHUNK_FREE_BYTES`], [`GATHERED_DOCUMENT_FREE_BYTES`]): ordinary
//! documents and the chunks of most clients never come here.
//!
//! ```text
//! pool   16 MiB   over all
//!  └ lane 4 MiB   of it for one tenant, or one address of unsigned requests
//! ```
//!
//! **Invariants**
//! - Never more is given out than the pool has, nor to a lane than its share.
//! - Who waits holds nothing of the pool, and no turn.
//! - Whose bytes a share is for is waited for a bounded time in all as soon as somebody
//!   waits for what it holds, then the request ends: who only holds on does not keep
//!   others out. Whom nobody waits behind may be slow.
//! - A share comes back with the last of the bytes it was for, however they end: read,
//!   refused, or cut off with their connection.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use access::Lane;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::work::Taking;
use crate::limits::{
    GATHERED_BYTES_MAX, GATHERED_HOLD_MIN, GATHERED_LANE_BYTES_MAX, GATHERED_LANES_KEPT,
    GATHERED_RATE_BYTES_MIN, GATHERED_WAIT_MAX,
};
use crate::request::{BodyFault, RequestContext};

/// Gives out memory for gathered bytes; shared by all connections.
#[derive(Debug)]
pub(crate) struct Gathering {
    pool: Room,
    /// A lane that holds nothing and waits for nothing has no use for its entry.
    lanes: Mutex<HashMap<Lane, Weak<Room>>>,
    patience: Duration,
    hold: Hold,
}

/// Memory that is given out, and how many wait for some of it.
#[derive(Debug)]
struct Room {
    free: Arc<Semaphore>,
    waiting: watch::Sender<usize>,
}

impl Room {
    fn new(bytes: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes)), waiting: watch::Sender::new(0) }
    }

    /// Some of it, if nobody has to wait for it.
    fn take_now(&self, bytes: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_many_owned(bytes).ok()
    }

    /// Some of it; who has to wait is counted as long as it does.
    async fn take(&self, bytes: u32) -> Result<OwnedSemaphorePermit, Crowded> {
        if let Some(taken) = self.take_now(bytes) {
            return Ok(taken);
        }
        let _waits = Waits::new(&self.waiting);
        Arc::clone(&self.free).acquire_many_owned(bytes).await.map_err(|_| Crowded)
    }
}

/// One who waits; no more of them when dropped.
struct Waits<'a>(&'a watch::Sender<usize>);

impl<'a> Waits<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting = waiting.saturating_add(1));
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }
}

/// Whoever waits for what a share holds: others of its lane, and all who wait for the
/// pool.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    lane: watch::Receiver<usize>,
    pool: watch::Receiver<usize>,
}

impl Crowd {
    /// Whether somebody does now.
    pub(crate) fn waits(&self) -> bool {
        *self.lane.borrow() > 0 || *self.pool.borrow() > 0
    }

    /// Ends when somebody does.
    pub(crate) async fn wait(mut self) {
        async fn some(waiting: &mut watch::Receiver<usize>) {
            if waiting.wait_for(|waiting| *waiting > 0).await.is_err() {
                // The lane is no more, so nobody waits for it.
                core::future::pending::<()>().await;
            }
        }
        tokio::select! {
            () = some(&mut self.lane) => {}
            () = some(&mut self.pool) => {}
        }
    }

    /// One of which a test says whether somebody waits.
    #[cfg(test)]
    pub(crate) fn of(waiting: &watch::Sender<usize>) -> Self {
        Self { lane: waiting.subscribe(), pool: waiting.subscribe() }
    }
}

/// How long a client is waited for whose bytes have a share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    /// However few they are.
    pub least: Duration,
    /// Bytes a second beyond that.
    pub rate: u32,
}

const HOLD: Hold = Hold { least: GATHERED_HOLD_MIN, rate: GATHERED_RATE_BYTES_MIN };

impl Hold {
    /// For so many bytes.
    fn of(self, bytes: usize) -> Duration {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.least.saturating_add(Duration::from_secs(1).saturating_mul(bytes) / self.rate)
    }
}

/// Leave to hold so many bytes; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    lane: OwnedSemaphorePermit,
    pool: OwnedSemaphorePermit,
    crowd: Crowd,
    /// Remembered as long as something of it is given out.
    room: Arc<Room>,
}

/// There was no room for so long that the client is to come back later.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no memory was free for a document or a signed chunk")]
pub(crate) struct Crowded;

impl Gathering {
    /// All of the memory is free.
    pub(crate) fn new() -> Arc<Self> {
        Self::with(GATHERED_WAIT_MAX, HOLD)
    }

    /// All of it is free, nobody waits for it or is waited for longer than this.
    fn with(patience: Duration, hold: Hold) -> Arc<Self> {
        let pool = Room::new(GATHERED_BYTES_MAX);
        Arc::new(Self { pool, lanes: Mutex::new(HashMap::new()), patience, hold })
    }

    /// Nobody waits for it longer than this.
    #[cfg(test)]
    pub(crate) fn impatient(patience: Duration) -> Arc<Self> {
        Self::with(patience, HOLD)
    }

    /// Nobody is waited for longer than this while somebody waits.
    #[cfg(test)]
    pub(crate) fn hasty(least: Duration) -> Arc<Self> {
        Self::with(GATHERED_WAIT_MAX, Hold { least, rate: u32::MAX })
    }

    /// Bytes that are given out.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        GATHERED_BYTES_MAX - self.pool.free.available_permits()
    }

    fn lane(&self, lane: Lane) -> Arc<Room> {
        let mut lanes = self.lanes.lock();
        if let Some(found) = lanes.get(&lane).and_then(Weak::upgrade) {
            return found;
        }
        if lanes.len() >= GATHERED_LANES_KEPT {
            lanes.retain(|_, lane| lane.strong_count() > 0);
        }
        let made = Arc::new(Room::new(GATHERED_LANE_BYTES_MAX));
        lanes.insert(lane, Arc::downgrade(&made));
        made
    }

    /// A share, if nobody has to wait for one.
    fn share_now(&self, lane: Lane, bytes: u32) -> Option<Share> {
        let room = self.lane(lane);
        let (lane, pool) = (room.take_now(bytes)?, self.pool.take_now(bytes)?);
        Some(self.share_of(room, lane, pool))
    }

    /// A share, once it is this one's turn in its lane and then among all.
    ///
    /// Cancel-safety: who stops waiting leaves both lines and what it was given.
    async fn share(self: Arc<Self>, lane: Lane, bytes: u32) -> Result<Share, Crowded> {
        let waiting = async {
            let room = self.lane(lane);
            let lane = room.take(bytes).await?;
            let pool = self.pool.take(bytes).await?;
            Ok(self.share_of(room, lane, pool))
        };
        tokio::time::timeout(self.patience, waiting).await.unwrap_or(Err(Crowded))
    }

    fn share_of(
        &self,
        room: Arc<Room>,
        lane: OwnedSemaphorePermit,
        pool: OwnedSemaphorePermit,
    ) -> Share {
        let crowd = Crowd { lane: room.waiting.subscribe(), pool: self.pool.waiting.subscribe() };
        Share { lane, pool, crowd, room }
    }
}

impl Share {
    /// A share of so many of these bytes; the rest stays.
    pub(crate) fn split(&mut self, bytes: usize) -> Option<Self> {
        let (lane, pool) = (self.lane.split(bytes)?, self.pool.split(bytes)?);
        Some(Self { lane, pool, crowd: self.crowd.clone(), room: Arc::clone(&self.room) })
    }
}

/// Bytes with the share they are held under.
struct Held {
    bytes: BytesMut,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// These bytes, so that the share comes back with the last reader of them.
pub(crate) fn held(bytes: BytesMut, share: Option<Share>) -> Bytes {
    match share {
        Some(share) => Bytes::from_owner(Held { bytes, _share: share }),
        None => bytes.freeze(),
    }
}

/// Waits for a share.
type Sharing = Pin<Box<dyn Future<Output = Result<Share, Crowded>> + Send>>;

/// A body's way to a share: while it waits others have the turn.
pub(crate) struct Asking {
    gathering: Arc<Gathering>,
    context: Arc<RequestContext>,
    waiting: Option<Sharing>,
    /// There is a share, and a turn is waited for.
    given: Option<(Share, Taking)>,
}

impl Asking {
    /// For the bodies of this request.
    pub(crate) fn new(gathering: Arc<Gathering>, context: Arc<RequestContext>) -> Self {
        Self { gathering, context, waiting: None, given: None }
    }

    /// What the body is of.
    pub(crate) fn context(&self) -> &RequestContext {
        &self.context
    }

    /// A share of so many bytes; to be asked again with the same number until ready.
    /// From then on the client is waited for so long in all, if somebody waits behind it.
    pub(crate) fn poll_share(
        &mut self,
        bytes: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Share, Crowded>> {
        let share = ready!(self.poll_given(bytes, cx));
        if let Ok(share) = &share {
            self.context.share_begin(self.gathering.hold.of(bytes), share.crowd.clone());
        }
        Poll::Ready(share)
    }

    /// All the bytes that the share was for have come.
    pub(crate) fn share_end(&self) {
        self.context.share_end();
    }

    fn poll_given(&mut self, bytes: usize, cx: &mut Context<'_>) -> Poll<Result<Share, Crowded>> {
        if self.given.is_none() {
            let share = match &mut self.waiting {
                None => {
                    let (lane, bytes) =
                        (self.context.lane(), u32::try_from(bytes).unwrap_or(u32::MAX));
                    if let Some(share) = self.gathering.share_now(lane, bytes) {
                        return Poll::Ready(Ok(share));
                    }
                    self.context.work_pause();
                    let waiting = Arc::clone(&self.gathering).share(lane, bytes);
                    let waiting = self.waiting.insert(Box::pin(waiting));
                    ready!(waiting.as_mut().poll(cx))
                }
                Some(waiting) => ready!(waiting.as_mut().poll(cx)),
            };
            self.waiting = None;
            let share = share.inspect_err(|_| self.context.note_fault(BodyFault::Crowded))?;
            match self.context.work_resume() {
                None => return Poll::Ready(Ok(share)),
                Some(taking) => self.given = Some((share, taking)),
            }
        }
        if let Some((_, taking)) = &mut self.given {
            let taken = ready!(taking.as_mut().poll(cx));
            // A body that was begun is not given up for want of a turn.
            if let Ok(turn) = taken {
                self.context.work_resumed(turn);
            }
        }
        Poll::Ready(self.given.take().map(|(share, _)| share).ok_or(Crowded))
    }
}

impl core::fmt::Debug for Asking {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Asking").field("waits", &self.waiting.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::TenantId;

    const MIB: usize = 1024 * 1024;

    fn lane(number: u128) -> Lane {
        Lane::Tenant(TenantId::from_u128(number))
    }

    fn bytes(count: usize) -> u32 {
        u32::try_from(count).unwrap()
    }

    #[tokio::test]
    async fn a_lane_has_its_share_and_no_more() {
        let gathering = Gathering::new();
        let most = bytes(GATHERED_LANE_BYTES_MAX);
        let all = gathering.share_now(lane(1), most);
        assert!(all.is_some() && gathering.share_now(lane(1), 1).is_none());
        let others: Vec<_> =
            (2..10).filter_map(|number| gathering.share_now(lane(number), most)).collect();
        assert_eq!(others.len(), GATHERED_BYTES_MAX / GATHERED_LANE_BYTES_MAX - 1);
        assert_eq!(gathering.held(), GATHERED_BYTES_MAX, "the pool is given out");
        drop((all, others));
        assert_eq!(gathering.held(), 0);
    }

    #[test]
    fn who_holds_is_waited_for_as_long_as_its_bytes_take() {
        assert_eq!(HOLD.of(0), GATHERED_HOLD_MIN);
        assert_eq!(HOLD.of(MIB), Duration::from_secs(60 + 16));
        assert_eq!(HOLD.of(4 * MIB), Duration::from_secs(124));
        assert!(HOLD.of(usize::MAX) < Duration::from_secs(65_600), "of more than there is");
    }

    #[tokio::test]
    async fn who_stops_waiting_holds_nothing() {
        let gathering = Gathering::new();
        let most = bytes(GATHERED_LANE_BYTES_MAX);
        let full: Vec<_> = (1..=4).map(|number| gathering.share_now(lane(number), most)).collect();
        let waits = tokio::spawn(Arc::clone(&gathering).share(lane(5), bytes(MIB)));
        tokio::task::yield_now().await;
        waits.abort();
        let _ = waits.await;
        drop(full);
        assert_eq!(gathering.held(), 0);
        assert!(gathering.share_now(lane(5), most).is_some(), "its lane is whole");
    }

    #[tokio::test]
    async fn it_is_known_who_waits_behind_whom() {
        let gathering = Gathering::new();
        let most = bytes(GATHERED_LANE_BYTES_MAX);
        let full: Vec<_> =
            (1..=4).filter_map(|number| gathering.share_now(lane(number), most)).collect();
        let crowded = || full.iter().map(|share| share.crowd.waits()).collect::<Vec<_>>();
        assert_eq!(crowded(), [false; 4]);
        let waits = |number| Box::pin(Arc::clone(&gathering).share(lane(number), bytes(MIB)));
        let mut of_lane = waits(2);
        assert!(futures::poll!(of_lane.as_mut()).is_pending());
        assert_eq!(crowded(), [false, true, false, false], "one behind its own lane");
        let mut of_pool = waits(5);
        assert!(futures::poll!(of_pool.as_mut()).is_pending());
        assert_eq!(crowded(), [true; 4], "one behind all");
        drop(of_pool);
        assert_eq!(crowded(), [false, true, false, false], "it has left");
        drop(of_lane);
        assert_eq!(crowded(), [false; 4]);
    }

    #[tokio::test]
    async fn a_share_comes_back_with_the_last_of_its_bytes() {
        let gathering = Gathering::new();
        let mut share = gathering.share_now(lane(1), bytes(3 * MIB)).unwrap();
        let part = share.split(MIB).unwrap();
        let first = held(BytesMut::from(&b"first"[..]), Some(part));
        let rest = held(BytesMut::from(&b"rest"[..]), Some(share));
        let slice = first.slice(1..2);
        drop(first);
        assert_eq!(gathering.held(), 3 * MIB, "a slice of it is still read");
        drop(slice);
        assert_eq!(gathering.held(), 2 * MIB);
        drop(rest);
        assert_eq!(gathering.held(), 0);
    }

    #[test]
    fn lanes_that_hold_nothing_are_forgotten() {
        let gathering = Gathering::new();
        let kept = gathering.share_now(lane(0), 1);
        for number in 1..(3 * GATHERED_LANES_KEPT as u128) {
            assert!(gathering.share_now(lane(number), 1).is_some());
        }
        assert!(gathering.lanes.lock().len() <= GATHERED_LANES_KEPT);
        let rest = bytes(GATHERED_LANE_BYTES_MAX);
        assert!(gathering.share_now(lane(0), rest).is_none(), "one that holds is not");
        drop(kept);
    }

    /// Whatever comes and goes: no lane is above its share, all are within the pool,
    /// and when all have gone nothing is missing.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_given_out_is_within_bounds_and_comes_back() {
        use core::sync::atomic::{AtomicUsize, Ordering};
        let gathering = Gathering::new();
        let held: Arc<[AtomicUsize; 6]> = Arc::default();
        let mut all = tokio::task::JoinSet::new();
        for number in 0..600_usize {
            let (gathering, held) = (Arc::clone(&gathering), Arc::clone(&held));
            all.spawn(async move {
                let count = 1 + (number * 7_919) % (4 * MIB);
                let asked = gathering.share(lane((number % 6) as u128), bytes(count));
                // Every fifth goes away before it has what it asked for, or soon after.
                if number % 5 == 0 {
                    let soon = Duration::from_micros(number as u64);
                    drop(tokio::time::timeout(soon, asked).await);
                    return;
                }
                let share = asked.await.unwrap();
                let own = &held[number % 6];
                let in_lane = own.fetch_add(count, Ordering::SeqCst) + count;
                assert!(in_lane <= GATHERED_LANE_BYTES_MAX, "{in_lane}");
                tokio::task::yield_now().await;
                own.fetch_sub(count, Ordering::SeqCst);
                drop(share);
            });
        }
        while let Some(done) = all.join_next().await {
            done.unwrap();
        }
        assert_eq!(gathering.held(), 0);
        assert!(gathering.lanes.lock().values().all(|lane| lane.strong_count() == 0));
    }
}
