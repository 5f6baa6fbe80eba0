//! The journal gives back what the tables have.
//!
//! fjall begins another journal, and removes the one before, only when 64 MB were written
//! to it: on a small disk that is all of it. So whoever drives the engine asks for the room
//! from time to time. All rows are flushed to tables, which are durable when that has
//! ended, and the journal is cut to nothing under fjall's hands: it is opened for writing
//! at its end, which is then its beginning.
//!
//! **Invariants**
//! - Nothing is committed from before the flush until the journal is cut, and the cut is
//!   durable: what is in the journal is in the tables, and after a power cut the journal is
//!   the old one or what was committed since, never a mixture.
//! - A journal that fjall does not write at its end is left alone: cut, it would begin with
//!   a hole, and recovery would take that for its end.
//! - No flush is begun that might meet a full disk: it would stop the engine.

use fjall::PersistMode;
use units::ByteCount;

use crate::fjall_engine::{FjallEngine, failed, io_failure};
use crate::fjall_journals as journals;
use crate::fjall_slot::Opened;
use crate::{KvError, limits};

/// Whether a journal of this length, of rows that take so much when they are flushed, is
/// given back: it is long for the disk or for what is left, and there is room for the flush.
fn is_due(journal: u64, memory: u64, most: ByteCount, room: ByteCount) -> bool {
    let short = (room.get() / limits::JOURNAL_ROOM_SHARE).max(limits::JOURNAL_BYTES_MIN);
    journal >= most.get().min(short)
        && memory.saturating_add(limits::FLUSH_BYTES_BESIDES) <= room.get()
}

impl FjallEngine {
    /// What [`crate::Engine::give_back`] does here.
    pub(crate) fn journal_give_back(&self, room: ByteCount) -> Result<(), KvError> {
        let io = |source| io_failure("give back", source);
        let inside = self.slot.writing();
        let Some(opened) = &*inside else { return Err(KvError::Poisoned) };
        let journal = journals::taken_bytes(&self.path).map_err(io)?;
        let memory = opened.database.write_buffer_size();
        if !is_due(journal, memory, self.settings.journal, room) {
            return Ok(());
        }
        let _journal = self.journal.lock();
        // A flush that gives nothing back only makes more tables.
        if journals::cuttable(&self.path).map_err(io)?.is_none() {
            return Ok(());
        }
        opened.flush()?;
        // With another journal sealed and not yet gone it is the next time's turn.
        if opened.database.journal_count() > 1 {
            return Ok(());
        }
        // A cut that may not be durable must not be written behind.
        journals::empty(&self.path).map_err(|_| KvError::Poisoned)
    }
}

impl Opened {
    /// Brings all rows into tables. Nobody may commit meanwhile.
    fn flush(&self) -> Result<(), KvError> {
        self.persist(PersistMode::SyncAll)?;
        if !units::planted::is_on("kv-cuts-unflushed-journal") {
            self.rows.rotate_memtable().map_err(|error| failed("flush", error))?;
        }
        while self.rows.sealed_memtable_count() > 0 {
            // Writes nothing new: it tells whether the threads that flush have died.
            self.persist(PersistMode::Buffer)?;
            std::thread::sleep(limits::HOLD_BACK_POLL_INTERVAL);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_given_back_when_it_is_long_or_room_is_short() {
        let mib = |count: u64| count << 20;
        let due = |journal, memory, most, room| {
            is_due(journal, memory, ByteCount::new(most), ByteCount::new(room))
        };
        assert!(!due(mib(1), mib(1), mib(2), mib(30)), "short, with room enough");
        assert!(due(mib(2), mib(2), mib(2), mib(30)), "long");
        assert!(due(mib(1), mib(1), mib(2), mib(4)), "long for what is left");
        assert!(!due(mib(3), mib(3), mib(2), mib(3)), "no room for the flush");
        assert!(!due(1 << 10, 1 << 10, mib(2), mib(1)), "not worth it");
    }
}
