//! The place where the open database lies, so that it can be taken out and
//! another put in while views of it are about.
//!
//! fjall takes nothing more after a failed write, and opens a directory only when
//! the last handle to the old database is gone. Views therefore hold no handle:
//! they enter the slot for each read, with the generation they were taken in.
//!
//! **Invariants**
//! - A view reads from the database that it was taken of, or not at all.
//! - Nobody is inside while the database is taken out: an iterator holds tables,
//!   and the last holder of a table that compaction gave up removes its file, whose
//!   name the next database may have given again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::{Database, Keyspace, Snapshot};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{KvError, limits};

/// An open database and its one keyspace.
pub(crate) struct Opened {
    pub(crate) database: Database,
    pub(crate) rows: Keyspace,
}

/// The place; empty while there is no database that could be read.
#[derive(Default)]
pub(crate) struct Slot {
    opened: RwLock<Option<Opened>>,
    generation: AtomicU64,
}

/// The inside of the slot, for one read.
pub(crate) type Inside<'a> = RwLockReadGuard<'a, Option<Opened>>;

impl Slot {
    pub(crate) fn of(opened: Opened) -> Arc<Self> {
        Arc::new(Self { opened: RwLock::new(Some(opened)), generation: AtomicU64::new(0) })
    }

    /// For those who write. Waits for a reopening.
    pub(crate) fn writing(&self) -> Inside<'_> {
        self.opened.read()
    }

    /// For those who can do without: `None` while it is shut.
    pub(crate) fn looking(&self) -> Option<Inside<'_>> {
        self.opened.try_read()
    }

    /// A snapshot and its generation. Waits for a reopening, but not for ever: the
    /// caller may itself hold the iterator that the reopening waits for.
    pub(crate) fn snapshot(&self) -> Option<(Snapshot, u64)> {
        let inside = self.opened.try_read_for(limits::REOPEN_PATIENCE)?;
        let generation = self.generation.load(Ordering::Acquire);
        inside.as_ref().map(|opened| (opened.database.snapshot(), generation))
    }

    /// For a view of this generation; `None` if its database is gone.
    ///
    /// A reader may come in while it is inside already, so it must not queue
    /// behind somebody who waits for it to leave.
    pub(crate) fn enter(&self, generation: u64) -> Option<Inside<'_>> {
        let is_current = || self.generation.load(Ordering::Acquire) == generation;
        if !is_current() {
            return None;
        }
        let inside = self.opened.read_recursive();
        (is_current() && inside.is_some()).then_some(inside)
    }

    /// Sends everybody out and keeps the door shut while the guard is held.
    pub(crate) fn shut(&self) -> Result<RwLockWriteGuard<'_, Option<Opened>>, KvError> {
        // Twice: the first time so that readers stop coming and the lock can be had,
        // the second time for views that were taken in between.
        self.generation.fetch_add(1, Ordering::AcqRel);
        let inside = self.opened.try_write_for(limits::REOPEN_PATIENCE);
        let inside = inside.ok_or_else(|| KvError::Engine {
            operation: "reopen",
            source: "somebody is still reading the old rows".into(),
        })?;
        self.generation.fetch_add(1, Ordering::AcqRel);
        Ok(inside)
    }
}
