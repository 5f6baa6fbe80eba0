//! Overlay: rows as the commands before this one in the same log entry left them.
//!
//! Writes are gathered here and read back here; the rows below are not touched.
//! Each command is undone as a whole if it is refused.

use core::ops::Bound;
use std::collections::{BTreeMap, HashMap};

use crate::record::{Damaged, Record};
use crate::refusal::Refusal;
use crate::rows::{Batch, Row, Rows, RowsError};

/// Why a command could not go on: the rows cannot be read at all, or it is refused.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The engine failed; the whole log entry fails.
    Rows(RowsError),
    /// This command is refused.
    Refused(Refusal),
}

impl From<RowsError> for Halt {
    fn from(error: RowsError) -> Self {
        Self::Rows(error)
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Damaged> for Halt {
    fn from(damaged: Damaged) -> Self {
        Self::Refused(Refusal::Damaged { kind: damaged.kind.to_owned() })
    }
}

/// A row's new value; `None` removes it.
type Write = Option<Vec<u8>>;

/// Writes over rows.
pub(crate) struct Overlay<'a> {
    rows: &'a dyn Rows,
    writes: BTreeMap<Vec<u8>, Write>,
    /// Rows that were read from below and are likely to be read again.
    read: HashMap<Vec<u8>, Option<Vec<u8>>>,
    /// What each write of the current command replaced.
    undo: Vec<(Vec<u8>, Option<Write>)>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(rows: &'a dyn Rows) -> Self {
        Self { rows, writes: BTreeMap::new(), read: HashMap::new(), undo: Vec::new() }
    }

    /// Everything written so far stays.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// A point to go back to with [`Self::undo_to`].
    pub(crate) fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Everything written since the mark is undone.
    pub(crate) fn undo_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            let Some((key, before)) = self.undo.pop() else { return };
            match before {
                Some(before) => self.writes.insert(key, before),
                None => self.writes.remove(&key),
            };
        }
    }

    pub(crate) fn into_batch(self) -> Batch {
        Batch { writes: self.writes }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.rows.get(key),
        }
    }

    /// As [`Self::get`], and remembers the answer: for rows that every command reads.
    pub(crate) fn get_often(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        if let Some(written) = self.writes.get(key) {
            return Ok(written.clone());
        }
        if let Some(read) = self.read.get(key) {
            return Ok(read.clone());
        }
        let value = self.rows.get(key)?;
        self.read.insert(key.to_vec(), value.clone());
        Ok(value)
    }

    pub(crate) fn record<R: Record>(&self, key: &[u8]) -> Result<Option<R>, Halt> {
        self.get(key)?.map(|bytes| R::decode(&bytes)).transpose().map_err(Halt::from)
    }

    pub(crate) fn record_often<R: Record>(&mut self, key: &[u8]) -> Result<Option<R>, Halt> {
        self.get_often(key)?.map(|bytes| R::decode(&bytes)).transpose().map_err(Halt::from)
    }

    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.write(key, Some(value));
    }

    pub(crate) fn put_record<R: Record>(&mut self, key: Vec<u8>, record: &R) {
        self.write(key, Some(record.encode()));
    }

    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.write(key, None);
    }

    fn write(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let before = self.writes.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    /// The rows that start with `prefix`.
    pub(crate) fn scan_prefix(&self, prefix: &[u8]) -> RowsIn<'_> {
        let end = crate::table::after_prefix(prefix).unwrap_or_default();
        self.scan(prefix, &end)
    }

    /// The rows that start with `prefix` and come after this one.
    pub(crate) fn scan_after(&self, prefix: &[u8], after: Option<&[u8]>) -> RowsIn<'_> {
        let end = crate::table::after_prefix(prefix).unwrap_or_default();
        // The first key that comes after another is that with a zero byte more.
        let from = after.map_or_else(|| prefix.to_vec(), |after| [after, &[0]].concat());
        self.scan(&from, &end)
    }

    /// Rows from `from` up to but not including `to`, writes over rows.
    pub(crate) fn scan(&self, from: &[u8], to: &[u8]) -> RowsIn<'_> {
        if from >= to {
            return Box::new(core::iter::empty());
        }
        let bounds = (Bound::Included(from), Bound::Excluded(to));
        let mut below = self.rows.scan(bounds.0, bounds.1).peekable();
        let mut above = self.writes.range::<[u8], _>(bounds).peekable();
        Box::new(core::iter::from_fn(move || {
            loop {
                let take_above = match (below.peek(), above.peek()) {
                    (None, None) => return None,
                    (Some(Err(_)), _) | (Some(Ok(_)), None) => false,
                    (None, Some(_)) => true,
                    (Some(Ok((low, _))), Some((high, _))) if low == *high => {
                        below.next();
                        true
                    }
                    (Some(Ok((low, _))), Some((high, _))) => *high < low,
                };
                if !take_above {
                    return below.next();
                }
                if let Some((key, Some(value))) = above.next() {
                    return Some(Ok((key.clone(), value.clone())));
                }
            }
        }))
    }
}

/// Rows in order.
type RowsIn<'a> = Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a>;
