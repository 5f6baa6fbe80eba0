//! Ordered rows of bytes: what the catalog reads and what it asks to be written.
//!
//! `kv` implements [`Rows`] over a real engine; [`MemoryRows`] is the reference
//! model, used as oracle in tests and as the simulated engine.

use core::ops::Bound;
use std::collections::BTreeMap;

use thiserror::Error;

/// One row.
pub type Row = (Vec<u8>, Vec<u8>);

/// Rows that could not be read.
#[derive(Debug, Error)]
#[error("catalog rows could not be read: {reason}")]
pub struct RowsError {
    /// What the engine said.
    pub reason: String,
}

/// A consistent, ordered view of rows.
pub trait Rows: Send + Sync {
    /// The value of one key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError>;

    /// Rows between the bounds in ascending order, read lazily.
    fn scan<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a>;

    /// Rows between the bounds in descending order, read lazily.
    fn scan_back<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a>;
}

/// Writes that take effect together or not at all. `None` deletes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The last write of each key, in key order.
    pub writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// Rows in memory: the reference model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryRows {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MemoryRows {
    /// Carries out a batch.
    pub fn commit(&mut self, batch: Batch) {
        for (key, value) in batch.writes {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }
}

/// Bounds that `BTreeMap::range` would panic on are an empty range here.
fn is_empty_range(from: &Bound<&[u8]>, to: &Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
            a >= b
        }
    }
}

impl Rows for MemoryRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        Ok(self.rows.get(key).cloned())
    }

    fn scan<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a> {
        if is_empty_range(&from, &to) {
            return Box::new(core::iter::empty());
        }
        Box::new(self.rows.range::<[u8], _>((from, to)).map(|(k, v)| Ok((k.clone(), v.clone()))))
    }

    fn scan_back<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a> {
        if is_empty_range(&from, &to) {
            return Box::new(core::iter::empty());
        }
        Box::new(
            self.rows.range::<[u8], _>((from, to)).rev().map(|(k, v)| Ok((k.clone(), v.clone()))),
        )
    }
}
