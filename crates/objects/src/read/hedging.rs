//! Not waiting for a disk that is slow: when a request to it has taken longer than it
//! should, what it was asked for is taken from elsewhere as well.
//!
//! **Invariants**
//! - Of many requests few are made twice: each that is answered in time earns a share of
//!   a second one, and no more than a few are kept in store. When all disks are slow,
//!   nobody makes it worse.
//! - A disk found slow is left out for a while, and asked again afterwards.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::time::Instant;
use units::DiskId;

use crate::gateway::Inner;
use crate::limits::{
    HEDGE_AFTER, HEDGE_ONE_IN, HEDGE_ROUND_TRIPS, HEDGES_IN_STORE, SLOW_DISKS_MAX, SLOW_FOR,
};

/// What is known of slow disks, and how many second requests may be made.
#[derive(Debug)]
pub(crate) struct Hedging {
    /// In shares, of which one second request takes [`HEDGE_ONE_IN`].
    store: AtomicU32,
    slow: Mutex<BTreeMap<DiskId, Instant>>,
}

impl Default for Hedging {
    fn default() -> Self {
        let store = AtomicU32::new(HEDGES_IN_STORE * HEDGE_ONE_IN);
        Self { store, slow: Mutex::default() }
    }
}

impl Hedging {
    /// How long is waited for an answer over a way that takes so long there and back.
    pub(crate) fn patience(way: Duration) -> Duration {
        HEDGE_AFTER.saturating_add(way.saturating_mul(HEDGE_ROUND_TRIPS))
    }

    /// A request was answered in time.
    pub(crate) fn earn(&self) {
        let more = |shares: u32| (shares < HEDGES_IN_STORE * HEDGE_ONE_IN).then_some(shares + 1);
        // A full store stays as it is.
        let _ = self.store.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Whether a second request may be made; it is counted then.
    pub(crate) fn spend(&self) -> bool {
        let less = |shares: u32| shares.checked_sub(HEDGE_ONE_IN);
        self.store.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Somebody else was faster than this disk.
    pub(crate) fn slow(&self, disk: DiskId) {
        let mut slow = self.slow.lock();
        let now = Instant::now();
        if slow.len() >= SLOW_DISKS_MAX {
            slow.retain(|_, until| *until > now);
        }
        if slow.len() < SLOW_DISKS_MAX {
            slow.insert(disk, now + SLOW_FOR);
        }
    }

    /// Whether a disk has let others wait lately.
    pub(crate) fn is_slow(&self, disk: DiskId) -> bool {
        let mut slow = self.slow.lock();
        match slow.get(&disk) {
            Some(until) if *until > Instant::now() => true,
            Some(_) => {
                slow.remove(&disk);
                false
            }
            None => false,
        }
    }
}

/// The fragments of one request that have come, or have failed.
#[derive(Debug, Default)]
pub(crate) struct Answered(AtomicU32);

impl Answered {
    pub(crate) fn note(&self, fragment: u8) {
        self.0.fetch_or(bit(fragment), Ordering::Relaxed);
    }

    pub(crate) fn has(&self, fragment: u8) -> bool {
        self.0.load(Ordering::Relaxed) & bit(fragment) != 0
    }
}

/// A code has 32 fragments at most.
const fn bit(fragment: u8) -> u32 {
    1 << (fragment % 32)
}

const _: () = assert!(units::limits::FRAGMENTS_MAX <= 32, "one bit for each");

/// In which order disks are asked: near ones first, slow ones and those that do not answer
/// last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    is_away: bool,
    is_slow: bool,
    /// There and back.
    pub(crate) way: Duration,
}

/// Of a disk that cannot be asked.
pub(crate) const NOT_THERE: Rank = Rank { is_away: true, is_slow: true, way: Duration::ZERO };

impl Inner {
    pub(crate) fn rank(&self, disk: DiskId) -> Rank {
        match self.parts.fragments.way_to(disk) {
            Some(way) => Rank { is_away: false, is_slow: self.hedging.is_slow(disk), way },
            None => NOT_THERE,
        }
    }
}

#[cfg(test)]
impl Rank {
    pub(crate) const fn at(way: Duration) -> Self {
        Self { is_away: false, is_slow: false, way }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_requests_are_made_twice() {
        let hedging = Hedging::default();
        let spent = (0..1_000).filter(|_| hedging.spend()).count();
        assert_eq!(u32::try_from(spent), Ok(HEDGES_IN_STORE));
        let asked = 100 * HEDGE_ONE_IN;
        let spent = (0..asked).filter(|_| {
            hedging.earn();
            hedging.spend()
        });
        assert_eq!(u32::try_from(spent.count()), Ok(asked / HEDGE_ONE_IN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_disk_is_asked_again_after_a_while() {
        let hedging = Hedging::default();
        let disk = DiskId::from_u128(7);
        assert!(!hedging.is_slow(disk));
        hedging.slow(disk);
        assert!(hedging.is_slow(disk));
        tokio::time::advance(SLOW_FOR).await;
        assert!(!hedging.is_slow(disk));
        for number in 0..2 * SLOW_DISKS_MAX as u128 {
            hedging.slow(DiskId::from_u128(number));
        }
        assert!(hedging.slow.lock().len() <= SLOW_DISKS_MAX);
    }
}
