//! What an ordered key-value engine can do. Blocking calls; async lives at the rim.

use std::sync::Arc;

use catalog::{Batch, Rows};
use units::ByteCount;

use crate::KvError;

/// First byte of the rows that the driver of the engine keeps beside the
/// catalog's, so that both change in one batch. No catalog table uses it.
pub const RESERVED_PREFIX: u8 = 0xFF;

/// An ordered store of rows with atomic batches and consistent views.
pub trait Engine: Send + Sync {
    /// The rows as they are now; cheap (microseconds), and unaffected by later batches.
    fn view(&self) -> Arc<dyn Rows>;

    /// Writes a batch: visible to every later view, not yet durable. After an
    /// error the batch is not visible, and nothing is taken until [`Engine::reopen`].
    fn commit(&self, batch: &Batch) -> Result<(), KvError>;

    /// Makes every batch committed so far durable.
    fn persist(&self) -> Result<(), KvError>;

    /// Gives back what lies on the disk twice, if there is enough of it to be worth the
    /// work and the work takes no more than `room` meanwhile. Whoever commits waits; views
    /// go on. An error is one of [`Engine::persist`].
    ///
    /// An engine that keeps nothing twice has nothing to give back: that is the default.
    fn give_back(&self, room: ByteCount) -> Result<(), KvError> {
        let _ = room;
        Ok(())
    }

    /// Opens the rows again after [`KvError::Full`] or [`KvError::Poisoned`], in
    /// the same process. As after a crash they are then those of some prefix of the
    /// batches, at least of every one that was persisted; the batch that failed may
    /// be among them. Views taken before answer no more; while it runs, reads wait.
    /// After an error there are no rows to read until a later call succeeds.
    ///
    /// An engine that cannot do it stays poisoned: that is the default.
    fn reopen(&self, cause: Cause) -> Result<(), KvError> {
        let _ = cause;
        Err(KvError::Poisoned)
    }

    /// Roughly how many bytes the rows take where they are kept.
    fn approximate_bytes(&self) -> ByteCount;
}

/// Why an engine is opened again, as far as its driver can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The file system had no room: writes were refused, nothing written was lost.
    NoRoom,
    /// Unknown: a sync may have failed, and what was written since the last good
    /// one must not be believed to reach the disk by itself.
    Unknown,
}
