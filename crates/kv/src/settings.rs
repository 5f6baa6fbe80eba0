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
