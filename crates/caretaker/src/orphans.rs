//! Orphans: fragments that the catalog does not know.
//!
//! An upload that fails half-way leaves some. They are removed only on the
//! catalog's word: the command condemns the part first, so that a write that
//! was merely slow is refused instead of pointing at removed bytes.

use core::time::Duration;

use catalog::{Command, ReadError, View};
use units::{PartId, Timestamp};

use crate::limits::CLEAN_UP_PARTS_MAX;

/// A part of which a disk holds fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundPart {
    /// Which.
    pub part: PartId,
    /// When the newest of its fragments was written.
    pub written: Timestamp,
}

/// The command that condemns those of the found parts that the catalog does not
/// know and that are older than the grace period; `None` if there are none.
pub fn condemn_orphans(
    view: &View,
    found: &[FoundPart],
    now: Timestamp,
    grace: Duration,
) -> Result<Option<Command>, ReadError> {
    let mut parts = Vec::new();
    for one in found {
        if parts.len() == CLEAN_UP_PARTS_MAX {
            break;
        }
        if now.since(one.written) > grace && !view.part_known(one.part)? {
            parts.push(one.part);
        }
    }
    parts.sort_unstable();
    parts.dedup();
    Ok((!parts.is_empty()).then_some(Command::PartCondemn { parts }))
}
