//! Reading fragments: find, read, verify once.
//!
//! A short range costs two small reads (the header with its block checksums, then
//! the blocks), or one if it lies near the header; a whole fragment costs one.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use disk::{DiskError, DiskFile};
use units::ByteCount;

use crate::checksum::blocks_match;
use crate::limits::BLOCK_BYTES;
use crate::position::Location;
use crate::record::{Kind, RECORD_HEADER_BYTES, RecordHeader};
use crate::shared::Shared;
use crate::{Fragment, FragmentHeader, FragmentName, ReadError};

/// Ranges that end within this many payload bytes are read together with the header.
const TOGETHER_BYTES: usize = 2 * BLOCK_BYTES;

/// How often a fragment that moves while it is read is looked up again.
const LOOKUPS_MAX: usize = 8;

/// Whether a read may wait for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Only what is in memory already.
    None,
    /// As long as it takes.
    Full,
}

/// A verified range and what its fragment says about itself.
pub(crate) struct Verified {
    pub(crate) header: FragmentHeader,
    pub(crate) bytes: Bytes,
}

/// What one attempt came to.
enum Attempt {
    Done(Verified),
    /// The record is not what the index said, or does not match its checksums.
    Mismatch,
    WouldWait,
}

impl Shared {
    /// A range of a fragment's payload, verified; `None` if that would have to wait
    /// and `patience` has none.
    pub(crate) fn read(
        &self,
        name: FragmentName,
        range: Option<&Range<usize>>,
        patience: Patience,
    ) -> Result<Option<Verified>, ReadError> {
        let mut last = None;
        for _ in 0..LOOKUPS_MAX {
            let found = self.contents.read().index.get(name);
            let location = found.ok_or(ReadError::NotFound { name })?;
            // Compaction and removal change the place; decay does not.
            if last == Some(location) {
                return Err(ReadError::Damaged { name });
            }
            last = Some(location);
            let range = range.cloned().unwrap_or(0..location.bytes as usize);
            if range.end > location.bytes as usize || range.start > range.end {
                return Err(ReadError::OutOfRange {
                    name,
                    bytes: ByteCount::new(u64::from(location.bytes)),
                    wanted: range.end as u64,
                });
            }
            match self.attempt(name, location, range, patience) {
                Ok(Attempt::Done(verified)) => return Ok(Some(verified)),
                Ok(Attempt::WouldWait) => return Ok(None),
                // The segment may just have been compacted away, or cut short by decay.
                Ok(Attempt::Mismatch)
                | Err(DiskError::NotFound { .. } | DiskError::UnexpectedEnd { .. }) => {}
                Err(DiskError::TooManyOpen { .. }) => return Err(ReadError::TooManyOpen { name }),
                Err(DiskError::Hanging { .. }) => return Err(ReadError::Hanging { name }),
                Err(source) => return Err(ReadError::Disk { name, source }),
            }
        }
        Err(ReadError::Damaged { name })
    }

    fn attempt(
        &self,
        name: FragmentName,
        location: Location,
        range: Range<usize>,
        patience: Patience,
    ) -> Result<Attempt, DiskError> {
        let file = self.file(location.position.segment)?;
        let total = location.bytes as usize;
        let at = u64::from(location.position.offset);
        // What the header will be if blocks are as we write them; checked below.
        let header_bytes = RECORD_HEADER_BYTES + 4 * total.div_ceil(BLOCK_BYTES);
        let blocks = block_range(&range, BLOCK_BYTES, total);
        let whole = blocks.start == 0 && (blocks.end == total || blocks.end <= TOGETHER_BYTES);
        let first = header_bytes + if whole { blocks.end } else { 0 };
        let Some(front) = fetch(&file, at, first, patience)? else {
            return Ok(Attempt::WouldWait);
        };
        let decoded = RecordHeader::decode(&front, self.id, location.position);
        let Some((header, checksums)) = decoded else { return Ok(Attempt::Mismatch) };
        let Kind::Fragment(facts) = header.kind else { return Ok(Attempt::Mismatch) };
        if facts.name != name
            || header.payload_bytes != location.bytes
            || header.block_bytes as usize != BLOCK_BYTES && total > 0
        {
            return Ok(Attempt::Mismatch);
        }
        let (skipped, checked) = if whole {
            (header_bytes, None)
        } else {
            let from = at + (header_bytes + blocks.start) as u64;
            let Some(bytes) = fetch(&file, from, blocks.len(), patience)? else {
                return Ok(Attempt::WouldWait);
            };
            (0, Some(bytes))
        };
        let first_checksum = blocks.start / BLOCK_BYTES * 4;
        let checksums = checksums.get(first_checksum..).unwrap_or_default().to_vec();
        let held = checked.unwrap_or(front);
        let Some(body) = held.get(skipped..) else { return Ok(Attempt::Mismatch) };
        if !blocks_match(body, BLOCK_BYTES, &checksums) {
            return Ok(Attempt::Mismatch);
        }
        let start = skipped + range.start - blocks.start;
        let bytes = Bytes::from(held).slice(start..start + range.len());
        Ok(Attempt::Done(Verified { header: facts, bytes }))
    }

    /// A whole fragment, verified.
    pub(crate) fn read_whole(
        &self,
        name: FragmentName,
        patience: Patience,
    ) -> Result<Option<Fragment>, ReadError> {
        let verified = self.read(name, None, patience)?;
        Ok(verified.map(|v| Fragment { header: v.header, payload: v.bytes }))
    }
}

/// The blocks that a range touches, as a range of the payload.
fn block_range(range: &Range<usize>, block_bytes: usize, total: usize) -> Range<usize> {
    let start = range.start / block_bytes * block_bytes;
    let end = range.end.div_ceil(block_bytes).saturating_mul(block_bytes).min(total);
    start.min(end)..end
}

fn fetch(
    file: &Arc<dyn DiskFile>,
    offset: u64,
    length: usize,
    patience: Patience,
) -> Result<Option<Vec<u8>>, DiskError> {
    match patience {
        Patience::None => file.read_cached_at(offset, length),
        Patience::Full => file.read_at(offset, length).map(Some),
    }
}
