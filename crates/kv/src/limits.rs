//! How much memory and disk the engine may take.

use core::time::Duration;

use units::ByteCount;

/// Blocks kept decompressed in memory: listings and point gets of a million
/// objects stay warm, an idle node stays small.
pub const BLOCK_CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// A memtable is flushed beyond this; at most five exist at once (one active,
/// four sealed before writers are held back), which bounds the memory under load.
pub const MEMTABLE_BYTES_MAX: u64 = 12 * 1024 * 1024;

/// Journals kept before the oldest is forced out: the least the engine accepts,
/// because they are what a start after `kill -9` reads.
pub const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Share of a file system that one memtable may take when it is flushed: on a small disk
/// it is shorter than [`MEMTABLE_BYTES_MAX`].
pub const MEMTABLE_SHARE: u64 = 64;

/// Least length of a memtable: shorter ones would make more tables than compaction is worth.
pub const MEMTABLE_BYTES_MIN: u64 = 1024 * 1024;

/// Share of a file system that journals may take before they are given back.
pub const JOURNAL_SHARE: u64 = 32;

/// Journals shorter than this are kept: a flush and two syncs would cost more than they hold.
pub const JOURNAL_BYTES_MIN: u64 = 512 * 1024;

/// Where room is short, journals are given back beyond this share of what is left.
pub const JOURNAL_ROOM_SHARE: u64 = 4;

/// What a flush may take besides the rows: blocks, filters and a version.
pub const FLUSH_BYTES_BESIDES: u64 = 256 * 1024;

/// Threads that flush and compact: enough that a flush never waits behind a
/// compaction, few enough for a machine of two cores.
pub const WORKER_THREADS: usize = 2;

/// File handles kept open; a million objects take a few dozen tables.
pub const CACHED_FILES_MAX: usize = 128;

/// Size of a data block before compression: a point get reads one.
pub const DATA_BLOCK_BYTES: u32 = 4 * 1024;

/// Most bytes in one key: the engine's own limit is 65,535.
pub const KEY_BYTES_MAX: ByteCount = ByteCount::new(16 * 1024);

/// Most bytes in one value: far above any catalog row, far below the engine's limit.
pub const VALUE_BYTES_MAX: ByteCount = ByteCount::new(64 * 1024 * 1024);

/// Sealed memtables that may wait to be flushed behind the active one when a
/// commit ends. At four fjall waits within the commit, in steps of 100 ms.
pub const SEALED_MEMTABLES_MAX: usize = 3;

/// Tables on the youngest level at which a commit waits for compaction. At thirty
/// fjall waits within the commit.
pub const YOUNG_TABLES_MAX: usize = 28;

/// How often a commit that waits for the engine's threads looks again.
pub const HOLD_BACK_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long a reopening waits for those who read, for the threads of the old
/// database, and a new view for a reopening: opening replays some tens of MiB.
pub const REOPEN_PATIENCE: Duration = Duration::from_secs(10);

/// How often a reopening looks whether the old database is gone.
pub const REOPEN_POLL_INTERVAL: Duration = Duration::from_millis(5);
