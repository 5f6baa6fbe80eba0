//! The open segment: where records are written and made durable.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use disk::{DiskError, DiskFile};
use units::{ByteCount, planted};

use crate::WriteError;
use crate::footer::Entry;
use crate::limits::{RESERVE_SHARE, RESERVE_STEP_MAX, RESERVE_STEP_MIN};
use crate::mark::{Mark, mark_bytes};
use crate::position::Position;
use crate::record::{Draft, RECORD_ALIGN};
use crate::scan::entry_of;
use crate::segment::{SEGMENT_DIRECTORY, SegmentHead};
use crate::shared::Shared;

/// Time of one group-committed sync.
const SYNC_SECONDS: &str = "essaim_fragment_sync_duration_seconds";

/// What is written where a record's length is no multiple of 8.
const PADDING: [u8; RECORD_ALIGN] = [0; RECORD_ALIGN];

/// The open segment.
pub(crate) struct Tail {
    pub(crate) segment: u32,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where the next record goes; everything before it is durable.
    pub(crate) end: u64,
    /// Room is reserved up to here.
    pub(crate) reserved: u64,
    pub(crate) entries: Vec<Entry>,
    /// The head is still to be written, together with the first records.
    pub(crate) head_pending: bool,
    /// The file's name is still to be made durable.
    pub(crate) name_pending: bool,
    /// A mark says that the last commit is durable.
    pub(crate) settled: bool,
}

/// How much room a write must leave free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// What is kept for removals: appends.
    Spare,
    /// Half of that: compaction.
    HalfSpare,
    /// Nothing: removals.
    Nothing,
}

impl Tail {
    pub(crate) fn can_grow(&self, bytes: u64) -> bool {
        self.end + bytes < u64::from(u32::MAX) / 2
    }

    /// Makes sure of room for some removals, whoever else fills the file system; where
    /// there is none, they will have to find it when they come.
    pub(crate) fn keep_removal_room(&mut self, shared: &Shared) {
        let ahead = self.end + shared.removal_room();
        if self.file.reserve(ByteCount::new(ahead)).is_ok() {
            self.reserved = self.reserved.max(ahead);
        }
    }

    /// Reserves room for `bytes` more (and, for all but removals, for some removals
    /// behind them), in steps that stay small beside what is stored.
    pub(crate) fn ensure_room(
        &mut self,
        shared: &Shared,
        bytes: u64,
        stored: u64,
        keep: Keep,
    ) -> Result<(), WriteError> {
        let headroom = match keep {
            Keep::Spare | Keep::HalfSpare => shared.removal_room(),
            Keep::Nothing => 0,
        };
        let needed = self.end + bytes + headroom;
        if !self.can_grow(bytes) {
            return Err(WriteError::Full);
        }
        if needed <= self.reserved {
            return Ok(());
        }
        let room = shared.disk.space()?;
        let kept = match keep {
            Keep::Spare => Shared::spare(room.total),
            Keep::HalfSpare => Shared::spare(room.total) / 2,
            Keep::Nothing => 0,
        };
        let taken = needed - self.reserved;
        let Some(left) = room.free.get().checked_sub(taken + kept) else {
            return Err(WriteError::Full);
        };
        let step = (stored / RESERVE_SHARE).clamp(RESERVE_STEP_MIN, RESERVE_STEP_MAX).min(left);
        let step = if keep == Keep::Nothing { 0 } else { step };
        let ahead = (needed + step).min(shared.segment_limit()).max(needed);
        self.file.reserve(ByteCount::new(ahead))?;
        self.reserved = ahead;
        Ok(())
    }

    /// Writes the records at the end; gives their entries and where they end.
    pub(crate) fn write(
        &mut self,
        shared: &Shared,
        drafts: &[&Draft],
    ) -> Result<(Vec<Entry>, u64), WriteError> {
        let synced = u32::try_from(self.end).unwrap_or(u32::MAX);
        let mut end = self.end;
        let mut headers = Vec::with_capacity(drafts.len());
        let mut entries = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let offset = u32::try_from(end).map_err(|_| WriteError::Full)?;
            let header = draft.placed(Position { segment: self.segment, offset }, synced);
            entries.extend(entry_of(&header));
            headers.push(header.encode(shared.id, &draft.checksums));
            end += draft.record_bytes();
        }
        let offset = u32::try_from(end).map_err(|_| WriteError::Full)?;
        let mark = Mark::new(&entries, Position { segment: self.segment, offset }, synced);
        let mark_header = mark.header.encode(shared.id, &mark.checksums);
        end += mark_bytes(entries.len());
        let head = SegmentHead { segment: self.segment, disk: shared.id, cluster: shared.cluster };
        let head = head.encode();
        let mut slices: Vec<&[u8]> = Vec::with_capacity(drafts.len() * 3 + 4);
        let mut at = self.end;
        if self.head_pending {
            slices.push(&head);
            at = 0;
        }
        for (header, draft) in headers.iter().zip(drafts) {
            slices.push(header);
            slices.push(&draft.payload);
            let odd = (header.len() + draft.payload.len()) % RECORD_ALIGN;
            slices.push(PADDING.get(..(RECORD_ALIGN - odd) % RECORD_ALIGN).unwrap_or_default());
        }
        // A list of entries, like the header before it, is a multiple of 8, but for the checksum.
        let odd = (mark_header.len() + mark.payload.len()) % RECORD_ALIGN;
        slices.push(&mark_header);
        slices.push(&mark.payload);
        slices.push(PADDING.get(..(RECORD_ALIGN - odd) % RECORD_ALIGN).unwrap_or_default());
        slices.retain(|slice| !slice.is_empty());
        if let Err(error) = self.file.write_slices_at(&slices, at) {
            self.take_back(shared);
            return Err(error.into());
        }
        Ok((entries, end))
    }

    /// Makes what was written durable; a failure poisons the disk.
    pub(crate) fn sync(&mut self, shared: &Shared) -> Result<(), WriteError> {
        if !planted::is_on("fragments-skips-sync") {
            let since = Instant::now();
            let outcome = self.file.sync_data();
            metrics::histogram!(SYNC_SECONDS).record(since.elapsed().as_secs_f64());
            if !planted::is_on("fragments-ignores-sync-error") {
                outcome?;
            }
        }
        self.head_pending = false;
        if self.name_pending {
            if !planted::is_on("fragments-skips-directory-sync")
                && let Err(error) = shared.disk.sync_dir(SEGMENT_DIRECTORY)
            {
                self.take_back(shared);
                return Err(error.into());
            }
            self.name_pending = false;
        }
        Ok(())
    }

    /// Cuts off what a failed write may have left; without that nothing may follow.
    pub(crate) fn take_back(&mut self, shared: &Shared) {
        let end = if self.head_pending { 0 } else { self.end };
        let outcome: Result<(), DiskError> = self.file.set_len(ByteCount::new(end));
        self.reserved = end;
        if let Err(error) = outcome {
            shared.stuck.store(true, Ordering::SeqCst);
            tracing::error!(%error, "a failed write could not be taken back; no more writes here");
        }
    }
}
