//! A fjall snapshot as the catalog sees it.

use core::ops::Bound;

use catalog::{Rows, RowsError};
use fjall::{Guard, Keyspace, Readable, Snapshot};

type Row = (Vec<u8>, Vec<u8>);

/// Rows as they were when the snapshot was taken. Holding it keeps superseded
/// rows from being compacted away, so views are for requests, not for keeps.
pub(crate) struct FjallRows {
    snapshot: Snapshot,
    rows: Keyspace,
}

impl FjallRows {
    pub(crate) fn new(snapshot: Snapshot, rows: Keyspace) -> Self {
        Self { snapshot, rows }
    }

    fn range(&self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Option<fjall::Iter> {
        // The engine, like `BTreeMap::range`, must not be asked for inverted bounds.
        if is_empty_range(&from, &to) {
            return None;
        }
        Some(self.snapshot.range::<&[u8], _>(&self.rows, (from, to)))
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
        let value = self.snapshot.get(&self.rows, key).map_err(|error| unreadable(&error))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a> {
        Box::new(self.range(from, to).into_iter().flatten().map(row))
    }

    fn scan_back<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a> {
        Box::new(self.range(from, to).into_iter().flat_map(Iterator::rev).map(row))
    }
}
