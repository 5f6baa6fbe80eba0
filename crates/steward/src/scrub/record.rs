//! The row of the scrub: how far the round under way is, and when the last one ended.
//!
//! ```text
//! 1 | postcard ScrubRecord
//! ```

use caretaker::ScrubFacts;
use catalog::{JobName, SealedBytes};
use fragments::{FragmentName, ScrubCursor};
use serde::{Deserialize, Serialize};
use units::{DiskId, FragmentNumber, PartId, StripeNumber, Timestamp};

use crate::limits::SCRUB_DISKS_MAX;

const VERSION: u8 = 1;

/// Where the scrub stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScrubRecord {
    /// From when on the next round is counted: the end of the last one, or the
    /// node's first start.
    pub(super) since: Timestamp,
    /// When the last round ended.
    pub(super) finished: Option<Timestamp>,
    /// The one under way.
    pub(super) round: Option<Round>,
    /// How far it is on each disk.
    pub(super) disks: Vec<DiskRecord>,
}

/// A round under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) started: Timestamp,
    /// Up to where the catalog's parts were held against the disks' indexes.
    pub(super) presence: Option<PartId>,
    pub(super) presence_done: bool,
}

/// How far the round is on a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DiskRecord {
    pub(super) disk: DiskId,
    pub(super) started: Option<Timestamp>,
    pub(super) finished: bool,
    /// The last fragment read.
    after: Option<(PartId, StripeNumber, FragmentNumber)>,
}

impl ScrubRecord {
    /// The name of its job.
    pub(super) fn job() -> Option<JobName> {
        JobName::new("scrub").ok()
    }

    pub(super) fn new(since: Timestamp) -> Self {
        Self { since, finished: None, round: None, disks: Vec::new() }
    }

    /// A round begins.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.round = Some(Round { started: now, presence: None, presence_done: false });
        self.disks.clear();
    }

    /// Adds disks that the round does not know yet.
    pub(super) fn know(&mut self, disks: &[DiskId]) {
        for disk in disks {
            let known = self.disks.iter().any(|entry| entry.disk == *disk);
            if !known && self.disks.len() < SCRUB_DISKS_MAX {
                let disk = *disk;
                let entry = DiskRecord { disk, started: None, finished: false, after: None };
                self.disks.push(entry);
            }
        }
    }

    /// What the caretaker wants to know.
    pub(super) fn facts(&self, readable: impl Fn(&DiskId) -> bool) -> Vec<ScrubFacts> {
        let facts = |entry: &DiskRecord| ScrubFacts {
            disk: entry.disk,
            started: entry.started,
            finished: entry.finished,
            readable: readable(&entry.disk),
        };
        self.disks.iter().map(facts).collect()
    }

    pub(super) fn encode(&self) -> SealedBytes {
        SealedBytes::new(postcard::to_extend(self, vec![VERSION]).unwrap_or_default())
    }

    /// Reads a row; one that is damaged or newer than this node is none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }
}

impl DiskRecord {
    /// Where to read on.
    pub(super) fn cursor(&self) -> ScrubCursor {
        self.after.map_or(ScrubCursor::START, |(part, stripe, fragment)| {
            ScrubCursor::after(FragmentName { part, stripe, fragment })
        })
    }

    /// Where the next step reads on; `None` was the end.
    pub(super) fn go_on(&mut self, next: Option<ScrubCursor>) {
        let name = next.and_then(ScrubCursor::last);
        self.after = name.map(|name| (name.part, name.stripe, name.fragment));
        self.finished = next.is_none();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let mut record = ScrubRecord::new(Timestamp::from_seconds(5));
        record.begin(Timestamp::from_seconds(9));
        record.know(&[DiskId::from_u128(1), DiskId::from_u128(2)]);
        let name = FragmentName {
            part: PartId::from_u128(3),
            stripe: StripeNumber::new(4),
            fragment: FragmentNumber::new(5),
        };
        record.disks[0].go_on(Some(ScrubCursor::after(name)));
        record.disks[1].go_on(None);
        let bytes = record.encode();
        assert_eq!(ScrubRecord::decode(bytes.as_slice()), Some(record.clone()));
        assert_eq!(record.disks[0].cursor().last(), Some(name));
        assert!(record.disks[1].finished && !record.disks[0].finished);
        assert_eq!(ScrubRecord::decode(&[]), None);
        assert_eq!(ScrubRecord::decode(&[9, 9]), None);
    }
}
