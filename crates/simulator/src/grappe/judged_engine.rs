//! The engine of a catalog, looked at after every batch.

use std::sync::Arc;

use catalog::{Batch, Rows, View};
use kv::{Cause, Engine, KvError};
use units::ByteCount;

use super::judge::Judge;

/// The first byte of the keys of parts' rows, by the drawing in `catalog`'s `table.rs`.
const PART: u8 = 0x30;

/// Shows each batch that changes a part to the judge, with the rows before and after it.
pub(crate) struct JudgedEngine {
    engine: Arc<dyn Engine>,
    judge: Arc<Judge>,
}

impl JudgedEngine {
    pub(crate) fn new(engine: Arc<dyn Engine>, judge: Arc<Judge>) -> Self {
        Self { engine, judge }
    }
}

impl Engine for JudgedEngine {
    fn view(&self) -> Arc<dyn Rows> {
        self.engine.view()
    }

    fn commit(&self, batch: &Batch) -> Result<(), KvError> {
        let parts: Vec<&Vec<u8>> =
            batch.writes.keys().filter(|key| key.first() == Some(&PART)).collect();
        // Only a batch that notes which entry was applied is one of the log; others replace
        // all rows by those of a snapshot, piece by piece.
        let is_entry = batch.writes.keys().any(|key| key.first() == Some(&kv::RESERVED_PREFIX));
        if parts.is_empty() || !is_entry {
            return self.engine.commit(batch);
        }
        let before = View::new(self.engine.view());
        self.engine.commit(batch)?;
        let after = View::new(self.engine.view());
        for key in parts {
            if let Some(part) = key.get(1..).and_then(|id| id.try_into().ok()) {
                self.judge.changed(units::PartId::from_bytes(part), &before, &after);
            }
        }
        Ok(())
    }

    fn persist(&self) -> Result<(), KvError> {
        self.engine.persist()
    }

    fn reopen(&self, cause: Cause) -> Result<(), KvError> {
        self.engine.reopen(cause)
    }

    fn approximate_bytes(&self) -> ByteCount {
        self.engine.approximate_bytes()
    }
}
