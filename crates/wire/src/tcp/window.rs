//! How much the connections for upkeep with one node may have under way: as much as short
//! calls hardly notice.
//!
//! ```text
//!   round trip of a short call
//!   ├──── the shortest known ────┼── what stands in queues ──┤
//!                                │  target │                 │
//!                 a step more ◄──┘         └──► a step less
//! ```
//! What upkeep has standing before a narrow link is what each short call waits for there.
//! So while upkeep is written to a node, its short line is asked often how long a round
//! trip takes, and the window follows: the law is that of LEDBAT (RFC 6817, section 2.4.2),
//! with round trips in place of one-way delays, since no two clocks need agree on those.
//! A line that only upkeep uses is filled all the same: its queue is never empty, and never
//! longer than the target. Where others fill the queue, upkeep keeps the least window.
//!
//! **Invariants**
//! - The window stays within its limits, whatever is measured.
//! - Without a measurement it stays as it is, and it grows only if all of it was in use:
//!   nothing is known of a longer one.
//! - While nothing is written, only the last seconds say how long the way is.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::health::Heard;
use crate::limits::{
    PING_EVERY, SHORTEST_AT_REST_FOR, SHORTEST_KNOWN_FOR, UPKEEP_PING_EVERY, UPKEEP_QUEUE_TARGET,
    UPKEEP_REST_AFTER, UPKEEP_WINDOW_BYTES, UPKEEP_WINDOW_BYTES_MAX, UPKEEP_WINDOW_BYTES_MIN,
    UPKEEP_WINDOW_STEP_BYTES,
};

/// The window of one node, as its connections and its short line share it.
pub(super) struct Window {
    bytes: AtomicUsize,
    /// When more would have been written than the window takes.
    filled: Heard,
    /// More would have been written since the last measurement.
    is_full: AtomicBool,
    begins: Notify,
    law: Mutex<Law>,
}

impl Window {
    pub(super) fn new() -> Self {
        let law = Law::new(Instant::now());
        Self {
            bytes: AtomicUsize::new(law.bytes),
            filled: Heard::never(),
            is_full: AtomicBool::new(false),
            begins: Notify::new(),
            law: Mutex::new(law),
        }
    }

    /// How much of upkeep may be under way now.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// More would be written if more might be under way.
    pub(super) fn is_full(&self) {
        if !self.is_used() {
            self.begins.notify_one();
        }
        self.filled.now();
        self.is_full.store(true, Ordering::Relaxed);
    }

    /// A short call took so long there and back.
    pub(super) fn measured(&self, round_trip: Duration) {
        let may_grow = self.is_full.swap(false, Ordering::Relaxed);
        let (now, is_used) = (Instant::now(), self.is_used());
        let bytes = self.law.lock().measured(round_trip, now, is_used, may_grow);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Until the next measurement is due: soon while there is upkeep.
    pub(super) async fn rest(&self) {
        if self.is_used() {
            return sleep(UPKEEP_PING_EVERY).await;
        }
        tokio::select! {
            () = sleep(PING_EVERY) => {}
            () = self.begins.notified() => {}
        }
    }

    fn is_used(&self) -> bool {
        self.filled.ago().is_some_and(|ago| ago < UPKEEP_REST_AFTER)
    }
}

/// Decides, from measurements alone.
struct Law {
    bytes: usize,
    /// The shortest round trip of this span of time, and of the one before.
    shortest: [Option<Duration>; 2],
    since: Instant,
    /// The measurement before.
    last: Option<Duration>,
}

impl Law {
    const fn new(now: Instant) -> Self {
        Self { bytes: UPKEEP_WINDOW_BYTES, shortest: [None; 2], since: now, last: None }
    }

    /// The window after one more measurement.
    fn measured(
        &mut self,
        round_trip: Duration,
        now: Instant,
        is_used: bool,
        may_grow: bool,
    ) -> usize {
        let span = if is_used { SHORTEST_KNOWN_FOR } else { SHORTEST_AT_REST_FOR };
        if now.saturating_duration_since(self.since) >= span {
            self.shortest = [None, self.shortest[0]];
            self.since = now;
        }
        self.shortest[0] =
            Some(self.shortest[0].map_or(round_trip, |shortest| shortest.min(round_trip)));
        // A node that was busy for a moment is no queue.
        let lately = self.last.map_or(round_trip, |last| last.min(round_trip));
        self.last = Some(round_trip);
        let shortest = self.shortest.into_iter().flatten().min().unwrap_or(round_trip);
        if is_used {
            self.step(lately.saturating_sub(shortest), may_grow);
        }
        self.bytes
    }

    /// As far up or down as the queue is from its target, a whole step at the most.
    fn step(&mut self, queue: Duration, may_grow: bool) {
        let target = UPKEEP_QUEUE_TARGET.as_micros();
        let queue = queue.as_micros().min(2 * target);
        let part = |off: u128| {
            usize::try_from(UPKEEP_WINDOW_STEP_BYTES as u128 * off / target).unwrap_or(0)
        };
        self.bytes = if queue > target {
            self.bytes.saturating_sub(part(queue - target))
        } else if may_grow {
            self.bytes + part(target - queue)
        } else {
            self.bytes
        };
        self.bytes = self.bytes.clamp(UPKEEP_WINDOW_BYTES_MIN, UPKEEP_WINDOW_BYTES_MAX);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A link that carries so many bytes in a millisecond, and what stands before it.
    struct Link {
        law: Law,
        now: Instant,
        bytes_per_ms: usize,
        round_trip: Duration,
    }

    impl Link {
        fn new(bytes_per_ms: usize, round_trip: Duration) -> Self {
            let now = Instant::now();
            let mut law = Law::new(now);
            law.measured(round_trip, now, false, false);
            Self { law, now, bytes_per_ms, round_trip }
        }

        /// Upkeep for so long, while others have so many bytes in the queue; the bytes of
        /// the queue then, and the least that was under way in the second half.
        fn upkeep(&mut self, time: Duration, others: usize) -> (usize, usize) {
            let until = self.now + time;
            let (mut queued, mut least) = (0, usize::MAX);
            while self.now < until {
                // The operating system takes up to twice as much.
                let under_way = 2 * self.law.bytes + others;
                let carried = self.bytes_per_ms * self.round_trip.as_millis() as usize;
                queued = under_way.saturating_sub(carried);
                let waits = MS * u32::try_from(queued / self.bytes_per_ms).unwrap();
                let took = self.round_trip + waits;
                self.now += took.max(UPKEEP_PING_EVERY);
                self.law.measured(took, self.now, true, true);
                if self.now + time / 2 > until {
                    least = least.min(under_way);
                }
            }
            (queued, least)
        }

        fn queue_of(&self, time: Duration) -> usize {
            self.bytes_per_ms * time.as_millis() as usize
        }
    }

    #[test]
    fn a_line_of_its_own_is_filled_and_its_queue_short() {
        for (bytes_per_ms, round_trip) in [(8_000, MS * 10), (4_000, MS * 40), (12_500, MS * 20)] {
            let mut link = Link::new(bytes_per_ms, round_trip);
            let (queued, least) = link.upkeep(Duration::from_secs(10), 0);
            let most = link.queue_of(UPKEEP_QUEUE_TARGET + MS * 2);
            assert!(queued <= most, "{bytes_per_ms} {round_trip:?}: {queued} queued");
            let carried = link.queue_of(round_trip);
            assert!(least >= carried, "{bytes_per_ms} {round_trip:?}: {least} of {carried}");
        }
    }

    #[test]
    fn a_wide_line_gets_the_longest_window_and_a_narrow_one_the_shortest() {
        let mut wide = Link::new(1_000_000, MS * 30);
        wide.upkeep(Duration::from_secs(10), 0);
        assert_eq!(wide.law.bytes, UPKEEP_WINDOW_BYTES_MAX);
        let mut narrow = Link::new(100, MS * 5);
        narrow.upkeep(Duration::from_secs(30), 0);
        assert_eq!(narrow.law.bytes, UPKEEP_WINDOW_BYTES_MIN);
    }

    #[test]
    fn upkeep_gives_way_to_others_and_comes_back() {
        let mut link = Link::new(8_000, MS * 10);
        link.upkeep(Duration::from_secs(5), 0);
        let before = link.law.bytes;
        link.upkeep(Duration::from_secs(2), 8_000 * 40);
        assert_eq!(link.law.bytes, UPKEEP_WINDOW_BYTES_MIN);
        link.upkeep(Duration::from_secs(2), 0);
        assert!(link.law.bytes * 10 >= before * 9, "{} of {before}", link.law.bytes);
    }

    #[test]
    fn a_way_that_has_become_longer_is_believed_at_rest() {
        let mut link = Link::new(8_000, MS * 10);
        link.upkeep(Duration::from_secs(5), 0);
        link.round_trip = MS * 60;
        link.upkeep(Duration::from_secs(5), 0);
        assert_eq!(link.law.bytes, UPKEEP_WINDOW_BYTES_MIN, "taken for a queue");
        for _ in 0..3 {
            link.now += SHORTEST_AT_REST_FOR;
            link.law.measured(link.round_trip, link.now, false, false);
        }
        let (_, least) = link.upkeep(Duration::from_secs(10), 0);
        assert!(least >= link.queue_of(link.round_trip), "{least}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_measured_often_while_there_is_upkeep_and_seldom_otherwise() {
        let window = Window::new();
        let rest = async |window: &Window| {
            let since = Instant::now();
            window.rest().await;
            since.elapsed()
        };
        assert_eq!(rest(&window).await, PING_EVERY);
        window.measured(MS * 10);
        assert_eq!(window.bytes(), UPKEEP_WINDOW_BYTES, "it was not full");
        window.is_full();
        assert_eq!(rest(&window).await, UPKEEP_PING_EVERY);
        window.measured(MS * 10);
        assert!(window.bytes() > UPKEEP_WINDOW_BYTES);
        tokio::time::advance(UPKEEP_REST_AFTER).await;
        assert_eq!(window.begins.notified().now_or_never(), Some(()), "it began");
        assert_eq!(rest(&window).await, PING_EVERY);
    }
}
