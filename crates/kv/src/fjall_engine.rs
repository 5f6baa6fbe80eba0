//! The real half: a fjall database of one keyspace.
//!
//! All rows, the driver's reserved ones included, live in *one* keyspace.
//! A keyspace is flushed to tables on its own; with two of them a power cut
//! could keep the newer state of one and the older state of the other. With one,
//! a memtable is always a contiguous run of batches, the journal is synced before
//! a memtable is flushed, and a torn journal is cut at the first batch whose
//! checksum fails: what is found after a cut is a prefix of the batches.
//!
//! fjall takes nothing more after a write that failed, whatever the reason, so
//! that a full disk would be the end until the next start. [`Engine::reopen`] is
//! that start, without the end of the process: the journal still has every batch
//! that was committed, and recovery cuts off half of a batch. A batch that is
//! missing nothing but what lay in a buffer is completed while the old database
//! closes, if there is room by then.
//!
//! fjall waits *within* a commit, without end, for a thread that flushes and may
//! have died of the full disk. So a commit waits here, in front, where it can see
//! the database poisoned.
//!
//! The format of the rows is marked by one reserved row, `FF "format"`, four
//! big-endian bytes, written and persisted before anything else.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::{Batch, Rows};
use fjall::config::{
    BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry,
};
use fjall::{CompressionType, Database, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use parking_lot::Mutex;
use units::ByteCount;

use crate::fjall_journals as journals;
use crate::fjall_rows::{FjallRows, NoRows};
use crate::fjall_slot::{Opened, Slot};
use crate::limits;
use crate::settings::{Compression, Settings};
use crate::{Cause, Engine, KvError};

/// Format of the rows as this version writes them.
const FORMAT: u32 = 1;
/// Where the format is kept.
const FORMAT_KEY: &[u8] = b"\xFFformat";
/// The one keyspace.
const KEYSPACE: &str = "rows";

/// Rows on the disk.
pub struct FjallEngine {
    pub(crate) path: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) slot: Arc<Slot>,
    /// Held by whoever adds to the journal or cuts it.
    pub(crate) journal: Mutex<()>,
}

impl FjallEngine {
    /// Opens the engine in this directory, creating it if there is none.
    pub fn open(path: &Path) -> Result<Self, KvError> {
        Self::open_with(path, &Settings::default())
    }

    /// As [`Self::open`], with other settings than the usual ones.
    pub fn open_with(path: &Path, settings: &Settings) -> Result<Self, KvError> {
        let slot = Slot::of(Opened::open(path, settings)?);
        let journal = Mutex::new(());
        Ok(Self { path: path.to_owned(), settings: *settings, slot, journal })
    }
}

impl Opened {
    /// Opens it; one just made is opened twice, since only a journal that is found is
    /// written at its end, wherever that is.
    fn open(path: &Path, settings: &Settings) -> Result<Self, KvError> {
        let (opened, is_fresh) = Self::open_once(path, settings)?;
        if !is_fresh {
            return Ok(opened);
        }
        drop(opened);
        journals::wait_until_closed(path).map_err(|source| io_failure("open", source))?;
        Ok(Self::open_once(path, settings)?.0)
    }

    fn open_once(path: &Path, settings: &Settings) -> Result<(Self, bool), KvError> {
        let named = |error| opening(path, error);
        let journal =
            if settings.journal_compressed { CompressionType::Lz4 } else { CompressionType::None };
        let database = Database::builder(path)
            .cache_size(settings.cache.get())
            .max_journaling_size(limits::JOURNAL_BYTES_MAX)
            .journal_compression(journal)
            .manual_journal_persist(settings.journal_buffered)
            .worker_threads(settings.threads)
            .max_cached_files(Some(limits::CACHED_FILES_MAX))
            .open()
            .map_err(named)?;
        let is_fresh = !database.keyspace_exists(KEYSPACE);
        let rows = database.keyspace(KEYSPACE, || keyspace_options(settings)).map_err(named)?;
        let opened = Self { database, rows };
        opened.check_format(path, is_fresh)?;
        Ok((opened, is_fresh))
    }

    pub(crate) fn persist(&self, mode: PersistMode) -> Result<(), KvError> {
        self.database.persist(mode).map_err(|error| failed("persist", error))
    }

    /// Waits until a batch of this length can be taken without fjall having to
    /// wait for its threads, or says that they have died.
    fn hold_back(&self, batch_bytes: u64) -> Result<(), KvError> {
        // While the batch is written one memtable may be sealed, two if it fills one. How long
        // one is was settled when the rows were made, maybe on a smaller disk.
        let own = if batch_bytes < limits::MEMTABLE_BYTES_MIN { 1 } else { 2 };
        let sealed_max = limits::SEALED_MEMTABLES_MAX.saturating_sub(own);
        while self.rows.sealed_memtable_count() > sealed_max
            || self.rows.l0_table_count() >= limits::YOUNG_TABLES_MAX
        {
            // Writes nothing new and syncs nothing: it only tells whether all is well.
            self.persist(PersistMode::Buffer)?;
            std::thread::sleep(limits::HOLD_BACK_POLL_INTERVAL);
        }
        Ok(())
    }

    /// A fresh database is marked; any other must carry the mark of this version.
    fn check_format(&self, path: &Path, is_fresh: bool) -> Result<(), KvError> {
        let shown = || path.display().to_string();
        let found = self.rows.get(FORMAT_KEY).map_err(|error| opening(path, error))?;
        // A crash between the creation of the keyspace and the mark leaves it empty.
        if found.is_none()
            && (is_fresh || self.rows.is_empty().map_err(|error| opening(path, error))?)
        {
            let marked = self.rows.insert(FORMAT_KEY, FORMAT.to_be_bytes());
            marked.map_err(|error| opening(path, error))?;
            return self.persist(PersistMode::SyncAll);
        }
        let Some(bytes) = found else {
            return Err(KvError::Damaged { path: shown(), reason: "no format mark".to_owned() });
        };
        let Ok(bytes) = <[u8; 4]>::try_from(&*bytes) else {
            return Err(KvError::Damaged {
                path: shown(),
                reason: "the format mark has the wrong length".to_owned(),
            });
        };
        match u32::from_be_bytes(bytes) {
            FORMAT => Ok(()),
            found => Err(KvError::Format { path: shown(), found, expected: FORMAT }),
        }
    }
}

fn keyspace_options(settings: &Settings) -> KeyspaceCreateOptions {
    let (none, lz4) = (CompressionType::None, CompressionType::Lz4);
    let compression = match settings.compression {
        Compression::None => CompressionPolicy::all(none),
        Compression::Old => CompressionPolicy::new([none, none, lz4]),
        Compression::All => CompressionPolicy::all(lz4),
    };
    let bloom = |policy| FilterPolicyEntry::Bloom(policy);
    let filter = FilterPolicy::new([
        bloom(BloomConstructionPolicy::FalsePositiveRate(0.0001)),
        bloom(BloomConstructionPolicy::BitsPerKey(settings.filter_bits)),
    ]);
    let separation = |threshold| {
        KvSeparationOptions::default().separation_threshold(threshold).compression(none)
    };
    KeyspaceCreateOptions::default()
        .max_memtable_size(settings.memtable.get())
        .data_block_size_policy(BlockSizePolicy::all(settings.block))
        .data_block_compression_policy(compression)
        .filter_policy(filter)
        .expect_point_read_hits(!settings.filter_last)
        .with_kv_separation(settings.separated.map(separation))
}

impl Engine for FjallEngine {
    fn view(&self) -> Arc<dyn Rows> {
        match self.slot.snapshot() {
            Some((snapshot, generation)) => {
                Arc::new(FjallRows::new(snapshot, Arc::clone(&self.slot), generation))
            }
            None => Arc::new(NoRows),
        }
    }

    fn commit(&self, batch: &Batch) -> Result<(), KvError> {
        let inside = self.slot.writing();
        let Some(opened) = &*inside else { return Err(KvError::Poisoned) };
        let mut bytes = 0;
        let mut writes = opened.database.batch();
        for (key, value) in &batch.writes {
            check_sizes(key, value.as_deref())?;
            bytes += (key.len() + value.as_ref().map_or(0, Vec::len)) as u64;
            match value {
                Some(value) => writes.insert(&opened.rows, &key[..], &value[..]),
                None => writes.remove(&opened.rows, &key[..]),
            }
        }
        let _journal = self.journal.lock();
        opened.hold_back(bytes)?;
        writes.commit().map_err(|error| failed("commit", error))
    }

    fn persist(&self) -> Result<(), KvError> {
        match &*self.slot.writing() {
            Some(opened) => opened.persist(PersistMode::SyncAll),
            None => Err(KvError::Poisoned),
        }
    }

    fn give_back(&self, room: ByteCount) -> Result<(), KvError> {
        self.journal_give_back(room)
    }

    fn reopen(&self, cause: Cause) -> Result<(), KvError> {
        let mut inside = self.slot.shut()?;
        // The last handles: fjall's lock on the directory ends with them.
        drop(inside.take());
        let failed = |source| io_failure("reopen", source);
        journals::wait_until_closed(&self.path).map_err(failed)?;
        if cause == Cause::Unknown {
            journals::rewrite(&self.path).map_err(failed)?;
        }
        *inside = Some(Opened::open(&self.path, &self.settings)?);
        Ok(())
    }

    fn approximate_bytes(&self) -> ByteCount {
        let inside = self.slot.looking();
        let Some(opened) = inside.as_deref().and_then(Option::as_ref) else {
            return ByteCount::ZERO;
        };
        let bytes = opened.database.disk_space();
        ByteCount::new(bytes.unwrap_or_else(|_| opened.rows.disk_space()))
    }
}

/// The engine panics on keys and values beyond its own limits; ours are lower.
fn check_sizes(key: &[u8], value: Option<&[u8]>) -> Result<(), KvError> {
    let too_long = |length: usize, most: ByteCount| length as u64 > most.get();
    if key.is_empty()
        || too_long(key.len(), limits::KEY_BYTES_MAX)
        || value.is_some_and(|value| too_long(value.len(), limits::VALUE_BYTES_MAX))
    {
        return Err(KvError::Engine {
            operation: "commit",
            source: format!(
                "a row of {} + {} bytes is outside the limits",
                key.len(),
                value.map_or(0, <[u8]>::len)
            )
            .into(),
        });
    }
    Ok(())
}

/// Names an error met while opening.
fn opening(path: &Path, error: fjall::Error) -> KvError {
    let path = path.display().to_string();
    match error {
        fjall::Error::Locked => KvError::Locked { path },
        fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => {
            io_failure("open", source)
        }
        other => KvError::Damaged { path, reason: other.to_string() },
    }
}

/// Names an error met while running.
pub(crate) fn failed(operation: &'static str, error: fjall::Error) -> KvError {
    match error {
        fjall::Error::Poisoned => KvError::Poisoned,
        fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => {
            io_failure(operation, source)
        }
        other => KvError::Engine { operation, source: Box::new(other) },
    }
}

pub(crate) fn io_failure(operation: &'static str, source: io::Error) -> KvError {
    if source.kind() == io::ErrorKind::StorageFull {
        KvError::Full
    } else {
        KvError::Engine { operation, source: Box::new(source) }
    }
}
