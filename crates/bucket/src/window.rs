//! What was read of a bucket lately: readers that walk a file in small steps, as a scan
//! does, ask for one large range instead of a thousand small ones.

use std::collections::VecDeque;

use bytes::Bytes;
use object_store::path::Path;
use parking_lot::Mutex;

use crate::limits::{KEPT_BYTES_MAX, READ_WHOLE_BYTES};

/// A range of an object.
#[derive(Debug)]
struct Kept {
    path: Path,
    start: u64,
    bytes: Bytes,
}

/// Ranges that were read last; objects never change, so that none is ever out of date.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    kept: Mutex<VecDeque<Kept>>,
}

impl Windows {
    /// A range, if it lies in one that is kept.
    pub(crate) fn find(&self, path: &Path, start: u64, end: u64) -> Option<Bytes> {
        let kept = self.kept.lock();
        let holds = |kept: &&Kept| {
            kept.path == *path && kept.start <= start && end <= kept.start + kept.bytes.len() as u64
        };
        let kept = kept.iter().rev().find(holds)?;
        let from = usize::try_from(start - kept.start).ok()?;
        let to = usize::try_from(end - kept.start).ok()?;
        Some(kept.bytes.slice(from..to))
    }

    /// Keeps a range.
    pub(crate) fn keep(&self, path: Path, start: u64, bytes: Bytes) {
        let mut kept = self.kept.lock();
        kept.push_back(Kept { path, start, bytes });
        let mut all: usize = kept.iter().map(|one| one.bytes.len()).sum();
        while all > KEPT_BYTES_MAX {
            let Some(oldest) = kept.pop_front() else { break };
            all = all.saturating_sub(oldest.bytes.len());
        }
    }

    /// The range that is asked for to have this one of an object with so many bytes:
    /// all of a small object; of a larger one more than was wanted, if somebody walks it.
    pub(crate) fn wider(start: u64, end: u64, bytes: u64, walks: bool) -> (u64, u64) {
        if bytes <= READ_WHOLE_BYTES {
            (0, bytes)
        } else if walks {
            (start, end.max(start.saturating_add(READ_WHOLE_BYTES)).min(bytes))
        } else {
            (start, end)
        }
    }
}
