//! Not waiting for a disk that is slow: when a request to it has taken longer than it
//! usually does, what it was asked for is taken from elsewhere as well.
//!
//! What a disk usually takes is measured as TCP measures its round trips (RFC 6298): a
//! smoothed mean, and how far times stray from it. A site that is much farther away than
//! as many others as it takes is not asked at all: its way is known without asking it.
//!
//! **Invariants**
//! - Of many requests few are made twice: each that is answered in time earns a share of
//!   a second one, and no more than a few are kept in store. When all disks are slow,
//!   nobody makes it worse.
//! - A disk found slow is left out for a while. Then one reader asks it again, and others
//!   soon after, so that nobody waits for it should it still be slow.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::time::Instant;
use units::DiskId;

use crate::gateway::Inner;
use crate::limits::{
    DISKS_MEASURED_MAX, FAR_BEYOND, FAR_TIMES, HEDGE_AFTER_MAX, HEDGE_AFTER_MIN, HEDGE_ONE_IN,
    HEDGE_ROUND_TRIPS, HEDGES_IN_STORE, SLOW_FOR, SLOW_FORGOTTEN_AFTER,
};

/// What is known of disks, and how many second requests may be made.
#[derive(Debug)]
pub(crate) struct Hedging {
    /// In shares, of which one second request takes [`HEDGE_ONE_IN`].
    store: AtomicU32,
    disks: Mutex<BTreeMap<DiskId, Seen>>,
}

/// What was seen of a disk.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    usual: Option<Usual>,
    /// It has let others wait: until then it is left out.
    slow_until: Option<Instant>,
}

/// How long a disk takes.
#[derive(Clone, Copy, Debug)]
struct Usual {
    mean: Duration,
    strays: Duration,
}

/// What is done with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is asked.
    Well,
    /// It is left out.
    Slow,
    /// It was slow: who is told so asks it again, and others soon after.
    Tried,
}

impl Default for Hedging {
    fn default() -> Self {
        let store = AtomicU32::new(HEDGES_IN_STORE * HEDGE_ONE_IN);
        Self { store, disks: Mutex::default() }
    }
}

impl Usual {
    /// After the first time.
    fn first(took: Duration) -> Self {
        Self { mean: took, strays: took / 2 }
    }

    /// After one more.
    fn and(self, took: Duration) -> Self {
        Self {
            mean: (self.mean * 7 + took) / 8,
            strays: (self.strays * 3 + self.mean.abs_diff(took)) / 4,
        }
    }

    /// Nearly all are done within that.
    fn nearly_all(self) -> Duration {
        self.mean + self.strays * 4
    }
}

impl Hedging {
    /// How long is waited at most for an answer over a way that takes so long there and
    /// back.
    pub(crate) fn patience_max(way: Duration) -> Duration {
        HEDGE_AFTER_MAX.saturating_add(way.saturating_mul(HEDGE_ROUND_TRIPS))
    }

    /// How long is waited for a disk, over that way: hardly longer than it usually takes.
    pub(crate) fn patience(&self, disk: DiskId, way: Duration) -> Duration {
        let most = Self::patience_max(way);
        let usual = self.disks.lock().get(&disk).and_then(|seen| seen.usual);
        let least = HEDGE_AFTER_MIN.saturating_add(way).min(most);
        usual.map_or(most, |usual| usual.nearly_all().clamp(least, most))
    }

    /// A disk has answered with so much as a window has.
    pub(crate) fn measured(&self, disk: DiskId, took: Duration) {
        self.seen(disk, |seen| {
            seen.usual = Some(seen.usual.map_or(Usual::first(took), |usual| usual.and(took)));
        });
    }

    fn seen(&self, disk: DiskId, change: impl FnOnce(&mut Seen)) {
        let mut disks = self.disks.lock();
        if disks.len() < DISKS_MEASURED_MAX || disks.contains_key(&disk) {
            change(disks.entry(disk).or_default());
        }
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
        let until = Instant::now() + SLOW_FOR;
        self.seen(disk, |seen| seen.slow_until = Some(until));
    }

    /// This disk was as fast as it should be.
    pub(crate) fn well(&self, disk: DiskId) {
        self.seen(disk, |seen| seen.slow_until = None);
    }

    /// Whether a disk is left out.
    pub(crate) fn is_slow(&self, disk: DiskId) -> bool {
        let until = self.disks.lock().get(&disk).and_then(|seen| seen.slow_until);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// What whoever wants to ask a disk is to do. Of those who come when its time is over,
    /// one is to try it.
    pub(crate) fn standing(&self, disk: DiskId) -> Standing {
        let now = Instant::now();
        let mut disks = self.disks.lock();
        let Some(seen) = disks.get_mut(&disk) else { return Standing::Well };
        match seen.slow_until {
            None => Standing::Well,
            Some(until) if now < until => Standing::Slow,
            Some(until) if now >= until + SLOW_FORGOTTEN_AFTER => {
                seen.slow_until = None;
                Standing::Well
            }
            Some(_) => {
                // Left out by the others, and on if nothing comes of it.
                seen.slow_until = Some(now + SLOW_FOR);
                Standing::Tried
            }
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

impl Rank {
    /// Whether such a disk is asked.
    pub(crate) const fn is_asked(&self) -> bool {
        !self.is_away && !self.is_slow
    }
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

/// Whether a way is so much longer than that to the last of as many others as it takes,
/// that these are asked instead.
pub(crate) fn is_far(way: Duration, others: Duration) -> bool {
    way > others.saturating_mul(FAR_TIMES).saturating_add(FAR_BEYOND)
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
    async fn a_slow_disk_is_tried_by_one_after_a_while_and_forgotten_if_nobody_asks() {
        let hedging = Hedging::default();
        let disk = DiskId::from_u128(7);
        assert_eq!(hedging.standing(disk), Standing::Well);
        hedging.slow(disk);
        assert!(hedging.is_slow(disk) && hedging.standing(disk) == Standing::Slow);
        tokio::time::advance(SLOW_FOR).await;
        assert!(!hedging.is_slow(disk), "who has the choice may take it again");
        assert_eq!(hedging.standing(disk), Standing::Tried);
        assert_eq!(hedging.standing(disk), Standing::Slow, "one tries it");
        tokio::time::advance(SLOW_FOR).await;
        assert_eq!(hedging.standing(disk), Standing::Tried, "nothing came of it");
        hedging.well(disk);
        assert_eq!(hedging.standing(disk), Standing::Well);
        hedging.slow(disk);
        tokio::time::advance(SLOW_FOR + SLOW_FORGOTTEN_AFTER).await;
        assert_eq!(hedging.standing(disk), Standing::Well);
        for number in 0..2 * DISKS_MEASURED_MAX as u128 {
            hedging.slow(DiskId::from_u128(number));
        }
        assert!(hedging.disks.lock().len() <= DISKS_MEASURED_MAX);
    }

    #[test]
    fn a_disk_is_waited_for_hardly_longer_than_it_usually_takes() {
        let (hedging, disk, ms) = (Hedging::default(), DiskId::from_u128(7), Duration::from_millis);
        let way = ms(10);
        assert_eq!(hedging.patience(disk, way), Hedging::patience_max(way), "nothing is known");
        for _ in 0..100 {
            hedging.measured(disk, ms(14));
        }
        assert_eq!(hedging.patience(disk, way), HEDGE_AFTER_MIN + way, "it is that steady");
        for turn in 0..100 {
            hedging.measured(disk, ms(20 + 20 * (turn % 2)));
        }
        let patience = hedging.patience(disk, way);
        assert!(patience > ms(60) && patience < ms(80), "{patience:?}");
        for _ in 0..100 {
            hedging.measured(disk, ms(3_000));
        }
        assert_eq!(hedging.patience(disk, way), Hedging::patience_max(way));
    }

    #[test]
    fn far_is_what_costs_more_than_asking_others() {
        let ms = Duration::from_millis;
        for (way, others, expected) in
            [(210, 11, true), (60, 11, true), (40, 11, false), (60, 30, false), (5, 0, false)]
        {
            assert_eq!(is_far(ms(way), ms(others)), expected, "{way} beside {others}");
        }
    }
}
