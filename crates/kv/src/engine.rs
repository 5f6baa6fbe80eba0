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

    /// Writes a batch: visible to every later view, not yet durable.
    fn commit(&self, batch: Batch) -> Result<(), KvError>;

    /// Makes every batch committed so far durable.
    fn persist(&self) -> Result<(), KvError>;

    /// Roughly how many bytes the rows take where they are kept.
    fn approximate_bytes(&self) -> ByteCount;
}
