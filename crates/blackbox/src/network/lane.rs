//! The queue of one direction: decides when a packet arrives, if it does.
//!
//! Pure: time is an argument, and what is drawn comes from a seed of its own, so that
//! the n-th packet of a direction has the same luck in every run.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::link::Link;

/// What one direction holds back at the most: 50 ms of 1 GB/s. Beyond it packets are
/// dropped, as a router would.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, at this time.
    Arrives(Duration),
    /// It was drawn to be lost, or the way is cut.
    Lost,
    /// The queue is full.
    Dropped,
}

/// The state of one direction.
#[derive(Debug)]
pub struct Lane {
    random: ChaCha8Rng,
    /// When what was sent before has gone through a link of limited width.
    free_at: Duration,
    /// No packet overtakes another.
    last_arrives: Duration,
}

impl Lane {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            free_at: Duration::ZERO,
            last_arrives: Duration::ZERO,
        }
    }

    /// A packet of so many bytes is sent now, while so many bytes are under way already.
    pub fn sent(&mut self, link: &Link, bytes: usize, queued: usize, now: Duration) -> Fate {
        // Drawn for each packet, whatever the link is like: the same packets have the
        // same luck if only the delay is another.
        let (luck, lateness): (f64, f64) = (self.random.random(), self.random.random());
        if link.is_cut || luck < link.loss {
            return Fate::Lost;
        }
        if queued.saturating_add(bytes) > QUEUE_BYTES_MAX {
            return Fate::Dropped;
        }
        let mut gone = now;
        if let Some(width) = link.bytes_per_second {
            let nanos = (bytes as u128 * 1_000_000_000) / u128::from(width.max(1));
            let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            self.free_at = self.free_at.max(now).saturating_add(takes);
            gone = self.free_at;
        }
        let arrives = gone + link.delay + link.jitter.mul_f64(lateness);
        self.last_arrives = self.last_arrives.max(arrives);
        Fate::Arrives(self.last_arrives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn fates(seed: u64, link: &Link, count: u32) -> Vec<Fate> {
        let mut lane = Lane::new(seed);
        (0..count).map(|n| lane.sent(link, 1_000, 0, MS * n)).collect()
    }

    #[test]
    fn a_plain_link_holds_nothing_back() {
        let expected: Vec<Fate> = (0..50).map(|n| Fate::Arrives(MS * n)).collect();
        assert_eq!(fates(1, &Link::default(), 50), expected);
    }

    #[test]
    fn loss_and_jitter_are_of_the_seed_and_packets_keep_their_order() {
        let link = Link { delay: MS * 5, jitter: MS * 20, loss: 0.2, ..Link::default() };
        let found = fates(7, &link, 1_000);
        assert_eq!(found, fates(7, &link, 1_000));
        assert_ne!(found, fates(8, &link, 1_000));
        let lost = found.iter().filter(|fate| **fate == Fate::Lost).count();
        assert!((150..250).contains(&lost), "{lost} of 1,000");
        let mut before = Duration::ZERO;
        for (n, fate) in (0..).zip(&found) {
            let Fate::Arrives(at) = fate else { continue };
            assert!(*at >= before && *at >= MS * (n + 5) && *at < MS * (n + 26), "{n}: {at:?}");
            before = *at;
        }
    }

    #[test]
    fn a_narrow_link_takes_its_time_and_drops_what_does_not_fit() {
        let link = Link { bytes_per_second: Some(1_000_000), ..Link::default() };
        let mut lane = Lane::new(1);
        for n in 1..=10 {
            assert_eq!(lane.sent(&link, 1_000, 0, Duration::ZERO), Fate::Arrives(MS * n));
        }
        let full = QUEUE_BYTES_MAX - 999;
        assert_eq!(lane.sent(&link, 1_000, full, Duration::ZERO), Fate::Dropped);
        assert_eq!(lane.sent(&link, 1_000, full - 1, Duration::ZERO), Fate::Arrives(MS * 11));
    }

    #[test]
    fn nothing_passes_a_cut_link() {
        let found = fates(3, &Link::default().cut(), 20);
        assert!(found.iter().all(|fate| *fate == Fate::Lost));
    }
}
