//! Pauses: a part that could not be rebuilt is not tried again at once.
//!
//! What is missing rarely comes back within a minute, and every attempt reads what is
//! left of the part, time that those which can be rebuilt are waiting for. Each
//! attempt in vain doubles the pause; it ends when its time is over or when the part
//! lies on other disks than then.

use core::time::Duration;
use std::collections::BTreeMap;

use catalog::PartRow;
use units::{DiskId, PartId};

use crate::limits::{REPAIR_PAUSE_MAX, REPAIR_PAUSE_MIN, REPAIR_TASKS_MAX};

/// Parts whose repair was tried in vain, with the time since an arbitrary start from
/// which on it is worth trying again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pauses {
    parts: BTreeMap<PartId, Pause>,
}

#[derive(Clone, Debug)]
struct Pause {
    /// Where the part's fragments were looked for.
    slots: Vec<DiskId>,
    length: Duration,
    until: Duration,
}

impl Pauses {
    /// Notes an attempt in vain. More parts than there is room for are not remembered,
    /// and tried as often as they are found.
    pub(crate) fn begin(&mut self, part: PartId, row: &PartRow, now: Duration) {
        let before = self.parts.remove(&part).filter(|pause| pause.slots == row.slots);
        if self.parts.len() >= REPAIR_TASKS_MAX {
            return;
        }
        let doubled = before.map(|pause| (pause.length * 2).min(REPAIR_PAUSE_MAX));
        let length = doubled.unwrap_or(REPAIR_PAUSE_MIN);
        let until = now.saturating_add(length);
        self.parts.insert(part, Pause { slots: row.slots.clone(), length, until });
    }

    /// Whether a repair was tried in vain on these disks.
    pub(crate) fn is_known(&self, part: PartId, row: &PartRow) -> bool {
        self.parts.get(&part).is_some_and(|pause| pause.slots == row.slots)
    }

    /// Whether it is too early to try again.
    pub(crate) fn holds(&self, part: PartId, row: &PartRow, now: Duration) -> bool {
        let pause = self.parts.get(&part);
        pause.is_some_and(|pause| pause.slots == row.slots && now < pause.until)
    }

    pub(crate) fn end(&mut self, part: PartId) {
        self.parts.remove(&part);
    }

    pub(crate) fn end_all(&mut self) {
        self.parts.clear();
    }
}

#[cfg(test)]
mod tests {
    use units::{ByteCount, Timestamp};

    use super::*;

    fn row(disks: &[u128]) -> PartRow {
        PartRow {
            size: ByteCount::new(1),
            stripe_bytes: 1,
            stripe_count: 1,
            codec: 0,
            data: 2,
            parity: 0,
            slots: disks.iter().map(|disk| DiskId::from_u128(*disk)).collect(),
            references: 1,
            created: Timestamp::EPOCH,
            released: None,
            buckets: Vec::new(),
        }
    }

    /// How long it is waited after each of so many attempts in vain.
    fn waited(pauses: &mut Pauses, row: &PartRow, attempts: usize) -> Vec<u64> {
        let part = PartId::from_u128(1);
        let (mut now, mut waits) = (Duration::ZERO, Vec::new());
        for _ in 0..attempts {
            pauses.begin(part, row, now);
            let begun = now;
            while pauses.holds(part, row, now) {
                now += Duration::from_secs(1);
            }
            waits.push(now.abs_diff(begun).as_secs());
        }
        waits
    }

    #[test]
    fn a_pause_doubles_up_to_an_hour() {
        let waits = waited(&mut Pauses::default(), &row(&[1, 2]), 8);
        assert_eq!(waits, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    }

    #[test]
    fn a_pause_ends_when_the_part_lies_elsewhere() {
        let (part, now) = (PartId::from_u128(1), Duration::ZERO);
        let mut pauses = Pauses::default();
        waited(&mut pauses, &row(&[1, 2]), 3);
        pauses.begin(part, &row(&[1, 2]), now);
        assert!(pauses.holds(part, &row(&[1, 2]), now));
        assert!(!pauses.holds(part, &row(&[1, 3]), now), "somebody moved a slot");
        assert!(!pauses.is_known(part, &row(&[1, 3])));
        assert_eq!(waited(&mut pauses, &row(&[1, 3]), 1), [60], "counted from the start");
        pauses.end(part);
        assert!(!pauses.is_known(part, &row(&[1, 3])));
    }
}
