//! A fjall snapshot as the catalog sees it.

use core::ops::Bound;
use std::sync::Arc;

use catalog::{Rows, RowsError};
use fjall::{Guard, Readable, Snapshot};

use crate::fjall_slot::{Inside, Slot};

type Row = (Vec<u8>, Vec<u8>);

/// Rows as they were when the snapshot was taken. Holding it keeps superseded
/// rows from being compacted away, so views are for requests, not for keeps.
pub(crate) struct FjallRows {
    snapshot: Snapshot,
    slot: Arc<Slot>,
    generation: u64,
}

impl FjallRows {
    pub(crate) fn new(snapshot: Snapshot, slot: Arc<Slot>, generation: u64) -> Self {
        Self { snapshot, slot, generation }
    }

    fn enter(&self) -> Result<Inside<'_>, RowsError> {
        self.slot.enter(self.generation).ok_or_else(gone)
    }

    fn range(&self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Result<Option<Range<'_>>, RowsError> {
        // The engine, like `BTreeMap::range`, must not be asked for inverted bounds.
        if is_empty_range(&from, &to) {
            return Ok(None);
        }
        let inside = self.enter()?;
        let rows = inside.as_ref().map(|opened| &opened.rows);
        let found = rows.map(|rows| self.snapshot.range::<&[u8], _>(rows, (from, to)));
        Ok(found.map(|found| Range { found, _inside: inside }))
    }
}

/// Rows being read; nobody takes the database away meanwhile. The order of the
/// fields is the order of their end.
struct Range<'a> {
    found: fjall::Iter,
    _inside: Inside<'a>,
}

impl Iterator for Range<'_> {
    type Item = Result<Row, RowsError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.found.next().map(row)
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.found.next_back().map(row)
    }
}

/// Rows of a database that is gone and not replaced yet.
pub(crate) struct NoRows;

fn gone() -> RowsError {
    RowsError { reason: "the engine was opened again after a failed write".to_owned() }
}

type Found<'a> = Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a>;

impl Rows for NoRows {
    fn get(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        Err(gone())
    }

    fn scan<'a>(&'a self, _from: Bound<&[u8]>, _to: Bound<&[u8]>) -> Found<'a> {
        Box::new(core::iter::once(Err(gone())))
    }

    fn scan_back<'a>(&'a self, _from: Bound<&[u8]>, _to: Bound<&[u8]>) -> Found<'a> {
        Box::new(core::iter::once(Err(gone())))
    }
}

fn is_empty_range(from: &Bound<&[u8]>, to: &Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
            a >= b
        }
    }
}

fn row(guard: Guard) -> Result<Row, RowsError> {
    let (key, value) = guard.into_inner().map_err(|error| unreadable(&error))?;
    Ok((key.to_vec(), value.to_vec()))
}

fn unreadable(error: &fjall::Error) -> RowsError {
    RowsError { reason: error.to_string() }
}

impl Rows for FjallRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        let inside = self.enter()?;
        let Some(opened) = &*inside else { return Err(gone()) };
        let value = self.snapshot.get(&opened.rows, key).map_err(|error| unreadable(&error))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Found<'a> {
        match self.range(from, to) {
            Ok(found) => Box::new(found.into_iter().flatten()),
            Err(error) => Box::new(core::iter::once(Err(error))),
        }
    }

    fn scan_back<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Found<'a> {
        match self.range(from, to) {
            Ok(found) => Box::new(found.into_iter().flat_map(Iterator::rev)),
            Err(error) => Box::new(core::iter::once(Err(error))),
        }
    }
}
