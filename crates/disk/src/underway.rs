//! Operations on a disk that are under way, and since when the oldest is.
//!
//! A local file system answers from memory how full it is, whatever has become of the
//! device below it; that a sync, a write or a read has not come back for long is what
//! such a device shows of itself.
//!
//! **Invariant**: an operation is counted from before its call until after it, however it
//! ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long an operation may be under way before the disk counts as hanging: longer than a
/// slow disk takes to sync what many have written, shorter than the minute after which
/// clients give up.
const OPERATION_HANGS_AFTER: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Started {
    next: u64,
    /// In the order of their start.
    since: BTreeMap<u64, Instant>,
}

/// Operations that a disk is at.
#[derive(Debug, Default)]
pub(crate) struct Underway {
    started: Mutex<Started>,
}

/// One operation, until it is dropped.
pub(crate) struct Operation<'a> {
    underway: &'a Underway,
    number: u64,
}

impl Underway {
    /// The age at which an operation says that the disk hangs.
    #[cfg(test)]
    pub(crate) const fn hangs_after() -> Duration {
        OPERATION_HANGS_AFTER
    }

    /// An operation begins.
    pub(crate) fn begin(&self) -> Operation<'_> {
        self.begin_at(Instant::now())
    }

    /// The same of one that began at some time before: a test cannot wait for so long.
    pub(crate) fn begin_at(&self, now: Instant) -> Operation<'_> {
        let mut started = self.started.lock();
        let number = started.next;
        started.next += 1;
        started.since.insert(number, now);
        Operation { underway: self, number }
    }

    /// Whether one has been under way for so long that others would hang too.
    pub(crate) fn is_hanging(&self) -> bool {
        self.is_older_than(OPERATION_HANGS_AFTER)
    }

    fn is_older_than(&self, age: Duration) -> bool {
        let oldest = self.started.lock().since.values().next().copied();
        oldest.is_some_and(|since| since.elapsed() >= age)
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        self.underway.started.lock().since.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_operation_counts_until_it_ends() {
        let underway = Underway::default();
        let soon = Duration::from_millis(5);
        assert!(!underway.is_older_than(Duration::ZERO), "nothing is under way");
        let first = underway.begin();
        std::thread::sleep(soon);
        let second = underway.begin();
        assert!(underway.is_older_than(soon));
        assert!(!underway.is_hanging());
        drop(first);
        std::thread::sleep(soon);
        assert!(underway.is_older_than(soon), "the second has become old too");
        drop(second);
        assert!(!underway.is_older_than(Duration::ZERO));
    }
}
