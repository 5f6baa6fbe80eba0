//! The fragments of a stripe that are still on their way when enough are durable.
//!
//! ```text
//!   all begun          enough are durable      the moment is over
//!   ├─────────────────────┼───────────────────────┤
//!   │     the rule took   │   as long once more   │   what is late goes on behind
//! ```
//! A write waits a moment for the last fragments, since each makes it safer: as long as the
//! rule took, so that whoever is no slower than others twice over is waited for. What is
//! late then goes on by itself, and its disk is not waited for any more until it has been
//! in time for a while. So a disk or a site that is slow costs clients nothing but the
//! first few writes, and one that has recovered is waited for again.
//!
//! **Invariants**
//! - What is late counts for nothing in what is answered for: see [`super::durable`].
//! - A late fragment that fails is told to the steward, as one that failed in time is;
//!   until it has ended its part is in use.
//! - Late fragments hold memory up to a limit, those of one disk up to half of it. What
//!   finds no room is given up, and made up for by the steward.

use core::mem::take;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fragments::WriteError;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use units::{DiskId, planted};

use super::durable::Durable;
use crate::limits::{
    LATE_BYTES_MAX, LATE_BYTES_OF_DISK_MAX, LATE_DISKS_MAX, LATE_FOR, STRAGGLERS_WITHIN_MAX,
    STRAGGLERS_WITHIN_MIN,
};
use crate::planted::LATE_COUNTS;

/// The disks that were late, and what is on its way to them.
#[derive(Default)]
pub(crate) struct Stragglers {
    known: Mutex<Known>,
}

/// Parts that were answered for and of which fragments are on their way; they end with it.
#[derive(Default)]
pub(crate) struct Behind(Mutex<JoinSet<()>>);

#[derive(Default)]
struct Known {
    late_until: BTreeMap<DiskId, Instant>,
    bytes: BTreeMap<DiskId, usize>,
    all_bytes: usize,
}

/// Memory of a late fragment; given back on drop.
pub(crate) struct LateRoom {
    stragglers: Arc<Stragglers>,
    disk: DiskId,
    bytes: usize,
}

/// What became of the fragments of a stripe by the time it can be answered for.
#[derive(Debug)]
pub(crate) struct Answerable {
    /// The slots that are still on their way.
    pub(crate) late: BTreeSet<usize>,
    /// Until when a fragment was in time.
    pub(crate) in_time: Instant,
}

impl Stragglers {
    /// A disk was late.
    pub(crate) fn late(&self, disk: DiskId) {
        let mut known = self.known.lock();
        let now = Instant::now();
        if known.late_until.len() >= LATE_DISKS_MAX {
            known.late_until.retain(|_, until| *until > now);
        }
        if known.late_until.len() < LATE_DISKS_MAX {
            known.late_until.insert(disk, now + LATE_FOR);
        }
    }

    /// A disk has not answered, of which that was to be expected until then.
    pub(crate) fn late_if(&self, disk: DiskId, in_time: Instant) {
        if Instant::now() >= in_time {
            self.late(disk);
        }
    }

    /// Whether a disk was late lately.
    pub(crate) fn is_late(&self, disk: DiskId) -> bool {
        self.known.lock().late_until.get(&disk).is_some_and(|until| *until > Instant::now())
    }

    /// Whether so much is on its way to a disk that nothing more is sent to it meanwhile.
    pub(crate) fn is_full(&self, disk: DiskId, bytes: usize) -> bool {
        self.known.lock().is_full(disk, bytes)
    }

    /// Room for a late fragment, which keeps so many bytes in memory.
    pub(crate) fn room(self: &Arc<Self>, disk: DiskId, bytes: usize) -> Option<LateRoom> {
        let mut known = self.known.lock();
        if known.is_full(disk, bytes) {
            return None;
        }
        *known.bytes.entry(disk).or_default() += bytes;
        known.all_bytes += bytes;
        Some(LateRoom { stragglers: Arc::clone(self), disk, bytes })
    }
}

impl Behind {
    /// Has something go on that nobody waits for.
    pub(crate) fn go_on(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut behind = self.0.lock();
        while behind.try_join_next().is_some() {}
        behind.spawn(work);
    }

    /// Waits until nothing is on its way any more.
    // Cancel-safety: what was waited for ends with the call.
    pub(crate) async fn ended(&self) {
        loop {
            let mut behind = take(&mut *self.0.lock());
            if behind.is_empty() {
                return;
            }
            while behind.join_next().await.is_some() {}
        }
    }
}

impl Known {
    fn is_full(&self, disk: DiskId, bytes: usize) -> bool {
        let of_disk = self.bytes.get(&disk).copied().unwrap_or(0);
        of_disk + bytes > LATE_BYTES_OF_DISK_MAX || self.all_bytes + bytes > LATE_BYTES_MAX
    }
}

impl Drop for LateRoom {
    fn drop(&mut self) {
        let mut known = self.stragglers.known.lock();
        known.all_bytes = known.all_bytes.saturating_sub(self.bytes);
        if let Some(bytes) = known.bytes.get_mut(&self.disk) {
            *bytes = bytes.saturating_sub(self.bytes);
            if *bytes == 0 {
                known.bytes.remove(&self.disk);
            }
        }
    }
}

/// How long the last fragments are waited for when enough took so long.
fn moment(rule_took: Duration) -> Duration {
    rule_took.clamp(STRAGGLERS_WITHIN_MIN, STRAGGLERS_WITHIN_MAX)
}

/// Waits until so many fragments of a stripe are durable that it may be answered for, and a
/// moment for the others; what is late is left in `appends`, each of which says its slot.
pub(crate) async fn answerable<A>(
    durable: &Durable,
    disks: &[DiskId],
    stragglers: &Stragglers,
    under_way: BTreeSet<usize>,
    appends: &mut FuturesUnordered<A>,
) -> Result<Answerable, WriteError>
where
    A: Future<Output = (usize, Result<(), WriteError>)>,
{
    let is_late = |slot: &usize| disks.get(*slot).is_some_and(|disk| stragglers.is_late(*disk));
    let begun = Instant::now();
    let mut left = under_way;
    let mut done = BTreeSet::new();
    if planted::is_on(LATE_COUNTS) {
        done.extend(left.iter().copied().filter(is_late));
    }
    // Of what is in time nothing is known before the rule holds.
    let mut in_time = None;
    loop {
        if in_time.is_none() && durable.is_enough(&done) {
            let now = Instant::now();
            in_time = Some(now + moment(now.saturating_duration_since(begun)));
        }
        let next = match in_time {
            // Nobody is left who is worth waiting for.
            Some(until) if left.iter().all(is_late) => {
                return Ok(Answerable { late: left, in_time: until });
            }
            Some(until) => match timeout_at(until, appends.next()).await {
                Ok(next) => next,
                Err(_) => return Ok(Answerable { late: left, in_time: until }),
            },
            None => appends.next().await,
        };
        let Some((slot, appended)) = next else { break };
        left.remove(&slot);
        match appended {
            Ok(()) => _ = done.insert(slot),
            Err(error) => durable.fail(slot, error)?,
        }
    }
    assert!(durable.is_enough(&done), "what failed was not too much");
    Ok(Answerable { late: BTreeSet::new(), in_time: in_time.unwrap_or(begun) })
}

#[cfg(test)]
mod tests {
    use core::pin::Pin;

    use erasure::Code;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    type Append = Pin<Box<dyn Future<Output = (usize, Result<(), WriteError>)>>>;

    fn disk(slot: usize) -> DiskId {
        DiskId::from_u128(slot as u128)
    }

    /// Five sites, 3+2.
    fn five() -> Durable {
        let sites = (0..5).map(units::SiteId::from_u128).collect();
        Durable::none_yet(Code::new(3, 2).unwrap(), sites, 5)
    }

    /// Writes a stripe of which each fragment takes so many milliseconds; after how many it
    /// can be answered for, and who is late then.
    async fn written(stragglers: &Stragglers, takes: [u64; 5]) -> (u64, Vec<usize>) {
        let disks: Vec<DiskId> = (0..5).map(disk).collect();
        let begun = Instant::now();
        let append = |(slot, ms): (usize, u64)| {
            let append: Append = Box::pin(async move {
                tokio::time::sleep(MS * u32::try_from(ms).unwrap()).await;
                (slot, Ok(()))
            });
            append
        };
        let mut appends: FuturesUnordered<Append> =
            takes.into_iter().enumerate().map(append).collect();
        let all = (0..5).collect();
        let stripe = answerable(&five(), &disks, stragglers, all, &mut appends).await.unwrap();
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
        for slot in &stripe.late {
            stragglers.late(disk(*slot));
        }
        (took, stripe.late.into_iter().collect())
    }

    #[tokio::test(start_paused = true)]
    async fn one_slow_site_is_waited_for_once_and_again_when_it_has_recovered() {
        for slow in [45, 200, 3_600_000] {
            let stragglers = Stragglers::default();
            let one_slow = [20, 20, slow, 20, 20];
            assert_eq!(written(&stragglers, one_slow).await, (40, vec![2]), "a moment");
            for _ in 0..100 {
                assert_eq!(written(&stragglers, one_slow).await, (20, vec![2]), "not at all");
            }
            tokio::time::advance(LATE_FOR).await;
            assert_eq!(written(&stragglers, [20, 20, 30, 20, 20]).await, (30, vec![]), "again");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_are_waited_for_that_the_rule_needs_however_late_they_are() {
        let stragglers = Stragglers::default();
        for slot in 0..5 {
            stragglers.late(disk(slot));
        }
        assert_eq!(written(&stragglers, [700, 700, 700, 700, 701]).await, (700, vec![4]));
        // Three of 3+2 are durable early: any of them could vanish.
        assert_eq!(written(&stragglers, [1, 1, 1, 700, 900]).await, (700, vec![4]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_moment_is_neither_nothing_nor_for_ever() {
        let least = u64::try_from(STRAGGLERS_WITHIN_MIN.as_millis()).unwrap();
        let most = u64::try_from(STRAGGLERS_WITHIN_MAX.as_millis()).unwrap();
        let hour = 3_600_000;
        let fresh = Stragglers::default;
        assert_eq!(written(&fresh(), [1, 1, 1, 1, hour]).await, (1 + least, vec![4]));
        assert_eq!(written(&fresh(), [1, 1, 1, 1, least]).await, (least, vec![]));
        assert_eq!(written(&fresh(), [900, 900, 900, 900, hour]).await, (900 + most, vec![4]));
    }

    #[test]
    fn late_fragments_hold_so_much_memory_and_one_disk_half_of_it() {
        let stragglers = Arc::new(Stragglers::default());
        let mut held = Vec::new();
        while let Some(room) = stragglers.room(disk(1), 1 << 20) {
            held.push(room);
        }
        assert_eq!(held.len() << 20, LATE_BYTES_OF_DISK_MAX);
        assert!(stragglers.is_full(disk(1), 1) && !stragglers.is_full(disk(2), 1));
        for number in 2..9 {
            while let Some(room) = stragglers.room(disk(number), 1 << 20) {
                held.push(room);
            }
        }
        assert_eq!(held.len() << 20, LATE_BYTES_MAX);
        drop(held);
        let known = stragglers.known.lock();
        assert!(known.bytes.is_empty() && known.all_bytes == 0);
    }
}
