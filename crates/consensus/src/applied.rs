//! How far the log was applied: one reserved row, written in the same batch as
//! the rows it speaks of.
//!
//! ```text
//! FF "applied" -> version 1 | postcard { last, membership, installed, stamped }
//! FF "restoring" -> present while rows are being replaced wholesale
//! ```

use catalog::{Batch, Rows};
use serde::{Deserialize, Serialize};
use units::Timestamp;

use crate::error::OpenError;
use crate::log::record::EntryId;
use crate::types::StoredMembership;

const KEY: &[u8] = b"\xFFapplied";
const RESTORING: &[u8] = b"\xFFrestoring";
const VERSION: u8 = 1;

/// What the state machine knows of the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AppliedState {
    /// The last entry applied.
    pub(crate) last: Option<EntryId>,
    /// The last membership applied.
    pub(crate) membership: StoredMembership,
    /// The last entry in the snapshot that the rows came from, if they came from
    /// one: only then may the rows be ahead of the log.
    pub(crate) installed: Option<EntryId>,
    /// The latest stamp applied; stamps never go back.
    pub(crate) stamped: Timestamp,
}

impl AppliedState {
    /// Reads the row; nothing was applied if there is none.
    pub(crate) fn read(rows: &dyn Rows) -> Result<Self, OpenError> {
        let Some(bytes) = rows.get(KEY)? else { return Ok(Self::default()) };
        let damaged = |reason: &str| OpenError::Damaged { reason: reason.to_owned() };
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest)
                .map_err(|_| damaged("the row that says what was applied cannot be read")),
            _ => Err(damaged("the row that says what was applied has an unknown version")),
        }
    }

    /// Adds the row to a batch.
    pub(crate) fn put(&self, batch: &mut Batch) -> Result<(), postcard::Error> {
        let value = postcard::to_extend(self, vec![VERSION])?;
        batch.writes.insert(KEY.to_vec(), Some(value));
        Ok(())
    }

    /// Where the log may begin after these rows.
    pub(crate) fn next_index(&self) -> u64 {
        self.last.map_or(0, |id| id.index + 1)
    }
}

/// Whether a wholesale replacement of the rows was interrupted.
pub(crate) fn is_restoring(rows: &dyn Rows) -> Result<bool, OpenError> {
    Ok(rows.get(RESTORING)?.is_some())
}

/// Marks the beginning or the end of a wholesale replacement.
pub(crate) fn mark_restoring(batch: &mut Batch, restoring: bool) {
    batch.writes.insert(RESTORING.to_vec(), restoring.then(|| vec![VERSION]));
}
