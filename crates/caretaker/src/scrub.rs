//! Scrub: which disk is re-read next, and how fast.

use core::time::Duration;

use units::{ByteCount, DiskId, Timestamp};

/// Where the scrub of a disk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubFacts {
    /// Which disk.
    pub disk: DiskId,
    /// When its last whole pass ended; `None`: never.
    pub finished: Option<Timestamp>,
    /// When the pass began that is under way.
    pub started: Option<Timestamp>,
    /// Bytes that the pass under way has still to read, or that a new one would.
    pub left: ByteCount,
    /// Whether the disk can be read.
    pub readable: bool,
}

/// How fast to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubPace {
    /// Bytes per second.
    pub bytes_per_second: ByteCount,
}

/// The disk whose scrub is most overdue: passes under way first, then disks that
/// were never read, then those whose last pass is older than the period.
pub fn next_scrub(disks: &[ScrubFacts], now: Timestamp, period: Duration) -> Option<DiskId> {
    let due = |facts: &&ScrubFacts| {
        facts.readable
            && (facts.started.is_some()
                || facts.finished.is_none_or(|ended| now.since(ended) >= period))
    };
    let order = |facts: &&ScrubFacts| {
        let under_way = facts.started.map_or(i64::MAX, Timestamp::micros);
        (under_way, facts.finished.map_or(i64::MIN, Timestamp::micros), facts.disk)
    };
    disks.iter().filter(due).min_by_key(order).map(|facts| facts.disk)
}

/// The pace that ends the pass under way within the period, but not below
/// `least`: a pass that is late hurries, one that is early takes its time.
pub fn scrub_pace(
    facts: &ScrubFacts,
    now: Timestamp,
    period: Duration,
    least: ByteCount,
) -> ScrubPace {
    let spent = facts.started.map_or(Duration::ZERO, |started| now.since(started));
    let seconds = period.saturating_sub(spent).as_secs().max(1);
    let pace = ByteCount::new(facts.left.get().div_ceil(seconds));
    ScrubPace { bytes_per_second: pace.max(least) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(disk: u128, finished: Option<i64>, started: Option<i64>) -> ScrubFacts {
        ScrubFacts {
            disk: DiskId::from_u128(disk),
            finished: finished.map(Timestamp::from_seconds),
            started: started.map(Timestamp::from_seconds),
            left: ByteCount::new(1_000),
            readable: true,
        }
    }

    #[test]
    fn the_most_overdue_disk_is_next() {
        let now = Timestamp::from_seconds(1_000);
        let period = Duration::from_secs(100);
        let next = |disks: &[ScrubFacts]| next_scrub(disks, now, period).map(DiskId::to_u128);
        assert_eq!(next(&[facts(1, Some(950), None)]), None);
        assert_eq!(next(&[facts(1, Some(800), None), facts(2, Some(700), None)]), Some(2));
        assert_eq!(next(&[facts(1, Some(800), None), facts(2, None, None)]), Some(2));
        assert_eq!(next(&[facts(1, Some(950), Some(990)), facts(2, None, None)]), Some(1));
        let mut gone = facts(1, None, None);
        gone.readable = false;
        assert_eq!(next(&[gone]), None);
    }

    #[test]
    fn a_late_pass_hurries() {
        let least = ByteCount::new(10);
        let pace = |now| {
            let now = Timestamp::from_seconds(now);
            let pace = scrub_pace(&facts(1, None, Some(0)), now, Duration::from_secs(100), least);
            pace.bytes_per_second.get()
        };
        assert_eq!((pace(0), pace(90), pace(200)), (10, 100, 1_000));
    }
}
