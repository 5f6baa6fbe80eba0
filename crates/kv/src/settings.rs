//! What of the real engine can be set. The defaults are what the bake-off chose;
//! anything else is for measuring.
//!
//! Blocks, filters and compression are remembered by the engine when it is
//! created: a database that exists keeps what it was created with.

use units::ByteCount;

use crate::limits;

/// Which levels of the tree are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// The large, old ones; what was written lately is not.
    Old,
    /// All.
    All,
}

/// Sizes and policies of the real engine.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Blocks kept in memory.
    pub cache: ByteCount,
    /// Length of a memtable.
    pub memtable: ByteCount,
    /// Length of the journals beyond which they are given back when somebody asks for it.
    pub journal: ByteCount,
    /// Length of a data block before compression.
    pub block: u32,
    /// Which levels are compressed.
    pub compression: Compression,
    /// Whether long values are compressed in the journal.
    pub journal_compressed: bool,
    /// Whether a batch stays in the process until the next persist or flush,
    /// instead of being handed to the operating system at once.
    pub journal_buffered: bool,
    /// Bits per key in the filters of the older levels.
    pub filter_bits: f32,
    /// Whether the oldest level has filters.
    pub filter_last: bool,
    /// Values longer than this are kept out of the tree.
    pub separated: Option<u32>,
    /// Threads that flush and compact.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache: ByteCount::new(limits::BLOCK_CACHE_BYTES),
            memtable: ByteCount::new(limits::MEMTABLE_BYTES_MAX),
            journal: ByteCount::MAX,
            block: limits::DATA_BLOCK_BYTES,
            compression: Compression::Old,
            journal_compressed: true,
            journal_buffered: false,
            filter_bits: 10.0,
            filter_last: true,
            separated: None,
            threads: limits::WORKER_THREADS,
        }
    }
}

impl Settings {
    /// The usual ones for a file system of this size: on a small one memtables are shorter,
    /// and journals are given back sooner.
    pub fn for_disk(total: ByteCount) -> Self {
        let memtable = (total.get() / limits::MEMTABLE_SHARE)
            .clamp(limits::MEMTABLE_BYTES_MIN, limits::MEMTABLE_BYTES_MAX);
        let journal = (total.get() / limits::JOURNAL_SHARE).max(limits::JOURNAL_BYTES_MIN);
        // On a large one fjall's own rule is enough, and nobody waits for a flush.
        let is_large = journal >= limits::JOURNAL_BYTES_MAX;
        Self {
            memtable: ByteCount::new(memtable),
            journal: if is_large { ByteCount::MAX } else { ByteCount::new(journal) },
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_disk_has_the_usual_settings_and_a_small_one_shorter_journals() {
        let sizes = |total: u64| {
            let settings = Settings::for_disk(ByteCount::new(total));
            (settings.memtable.get() >> 10, settings.journal.get() >> 10)
        };
        assert_eq!(sizes(64 << 20), (1024, 2048));
        assert_eq!(sizes(1 << 20), (1024, 512));
        let usual = Settings::default();
        assert_eq!(sizes(4 << 30), (usual.memtable.get() >> 10, usual.journal.get() >> 10));
        assert_eq!(usual.journal, ByteCount::MAX, "they are given back where room is short only");
    }
}
