//! Scrub: when a round is due, and which disk is re-read next.

use core::time::Duration;

use units::{DiskId, Timestamp};

/// Where the round under way stands on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubFacts {
    /// Which disk.
    pub disk: DiskId,
    /// When this round came to it, if it has.
    pub started: Option<Timestamp>,
    /// Whether this round has read all of it.
    pub finished: bool,
    /// Whether the disk can be read.
    pub readable: bool,
}

/// The disk to read on: the one the round is in, then those it has not come to.
/// `None` ends the round.
pub fn next_scrub(disks: &[ScrubFacts]) -> Option<DiskId> {
    let left = disks.iter().filter(|facts| facts.readable && !facts.finished);
    let order =
        |facts: &&ScrubFacts| (facts.started.map_or(i64::MAX, Timestamp::micros), facts.disk);
    left.min_by_key(order).map(|facts| facts.disk)
}

/// How long until the next round, if the last one ended then (or nothing has been
/// read since the node began, then). A clock that was set back delays it by a period
/// at most.
pub fn scrub_wait(ended: Timestamp, now: Timestamp, period: Duration) -> Duration {
    period.saturating_sub(now.since(ended))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(disk: u128, started: Option<i64>, finished: bool) -> ScrubFacts {
        ScrubFacts {
            disk: DiskId::from_u128(disk),
            started: started.map(Timestamp::from_seconds),
            finished,
            readable: true,
        }
    }

    #[test]
    fn a_disk_that_was_begun_is_next() {
        let next = |disks: &[ScrubFacts]| next_scrub(disks).map(DiskId::to_u128);
        assert_eq!(next(&[facts(1, Some(9), true)]), None);
        assert_eq!(next(&[facts(1, None, false), facts(2, Some(9), false)]), Some(2));
        assert_eq!(next(&[facts(1, Some(5), true), facts(2, None, false)]), Some(2));
        let mut gone = facts(1, None, false);
        gone.readable = false;
        assert_eq!(next(&[gone]), None);
    }

    #[test]
    fn a_round_is_due_a_period_after_the_last() {
        let period = Duration::from_secs(100);
        let wait = |now| {
            scrub_wait(Timestamp::from_seconds(50), Timestamp::from_seconds(now), period).as_secs()
        };
        assert_eq!((wait(50), wait(120), wait(150), wait(900), wait(0)), (100, 30, 0, 0, 100));
    }
}
