//! Looking at a disk without changing it: listing, scrub, room, and the reading
//! half of the synchronous store.

use std::ops::Range;

use bytes::Bytes;
use units::ByteCount;

use crate::disk_store::DiskStore;
use crate::limits::LIST_MAX;
use crate::read::Patience;
use crate::shared::Shared;
use crate::{
    DiskSpace, DiskState, Fragment, FragmentName, Listed, ReadError, ScrubCursor, ScrubReport,
};

/// How many names scrub looks up at once.
const SCRUB_PAGE: usize = 64;

impl Shared {
    /// Names after `after` in order.
    pub(crate) fn list(&self, after: Option<FragmentName>, limit: usize) -> Vec<Listed> {
        self.contents.read().index.list(after, limit.min(LIST_MAX))
    }

    /// Reads fragments whole, from the cursor on, until the budget is spent; always at
    /// least one, so that every run gets on. A disk that stops to answer ends the run
    /// before the fragment of which it said nothing.
    pub(crate) fn scrub(
        &self,
        cursor: ScrubCursor,
        budget: ByteCount,
    ) -> Result<ScrubReport, ReadError> {
        let mut report = ScrubReport::default();
        if cursor == ScrubCursor::START {
            report.holes = self.contents.read().segments.values().map(|facts| facts.holes).sum();
        }
        let mut last = cursor.0;
        loop {
            let page = self.list(last, SCRUB_PAGE);
            if page.is_empty() {
                report.next = None;
                return Ok(report);
            }
            for listed in page {
                let name = listed.name;
                match self.read_whole(name, Patience::Full) {
                    Ok(_) => {}
                    // Removed since it was listed.
                    Err(ReadError::NotFound { .. }) => continue,
                    Err(error) if error.says_nothing() && report.fragments == 0 => {
                        return Err(error);
                    }
                    Err(error) if error.says_nothing() => {
                        report.next = Some(ScrubCursor(last));
                        return Ok(report);
                    }
                    Err(error) => {
                        tracing::warn!(%error, disk = %self.id, %name, "scrub found damage");
                        report.damaged.push(name);
                    }
                }
                last = Some(name);
                report.fragments += 1;
                report.bytes = report.bytes.plus(listed.bytes);
                if report.bytes >= budget {
                    report.next = Some(ScrubCursor(last));
                    return Ok(report);
                }
            }
        }
    }
}

impl DiskStore {
    /// A range of a fragment's payload, verified.
    pub fn read(&self, name: FragmentName, range: Range<usize>) -> Result<Bytes, ReadError> {
        let verified = self.shared.read(name, Some(&range), Patience::Full)?;
        verified.map(|v| v.bytes).ok_or(ReadError::NotFound { name })
    }

    /// A whole fragment, verified.
    pub fn read_whole(&self, name: FragmentName) -> Result<Fragment, ReadError> {
        self.shared.read_whole(name, Patience::Full)?.ok_or(ReadError::NotFound { name })
    }

    /// Names after `after` in order.
    pub fn list(&self, after: Option<FragmentName>, limit: usize) -> Vec<Listed> {
        self.shared.list(after, limit)
    }

    /// Verifies fragments from the cursor on; nothing of a disk that does not answer.
    pub fn scrub(&self, cursor: ScrubCursor, budget: ByteCount) -> ScrubReport {
        self.shared.scrub(cursor, budget).unwrap_or_default()
    }

    /// Room and contents.
    pub fn space(&self) -> Result<DiskSpace, disk::DiskError> {
        self.shared.space()
    }

    /// State of the disk.
    pub fn state(&self) -> DiskState {
        self.shared.state()
    }

    /// Memory that the index takes.
    pub fn index_memory(&self) -> ByteCount {
        self.shared.contents.read().index.memory()
    }
}
