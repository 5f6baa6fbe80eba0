//! The real half: a fjall database of one keyspace.
//!
//! All rows, the driver's reserved ones included, live in *one* keyspace.
//! A keyspace is flushed to tables on its own; with two of them a power cut
//! could keep the newer state of one and the older state of the other. With one,
//! a memtable is always a contiguous run of batches, the journal is synced before
//! a memtable is flushed, and a torn journal is cut at the first batch whose
//! checksum fails: what is found after a cut is a prefix of the batches.
//!
//! The format of the rows is marked by one reserved row, `FF "format"`, four
//! big-endian bytes, written and persisted before anything else.

use std::io;
use std::path::Path;
use std::sync::Arc;

use catalog::{Batch, Rows};
use fjall::config::{
    BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry,
};
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode,
};
use units::ByteCount;

use crate::fjall_rows::FjallRows;
use crate::limits;
use crate::settings::{Compression, Settings};
use crate::{Engine, KvError};

/// Format of the rows as this version writes them.
const FORMAT: u32 = 1;
/// Where the format is kept.
const FORMAT_KEY: &[u8] = b"\xFFformat";
/// The one keyspace.
const KEYSPACE: &str = "rows";

/// Rows on the disk.
pub struct FjallEngine {
    database: Database,
    rows: Keyspace,
}

impl FjallEngine {
    /// Opens the engine in this directory, creating it if there is none.
    pub fn open(path: &Path) -> Result<Self, KvError> {
        Self::open_with(path, &Settings::default())
    }

    /// As [`Self::open`], with other settings than the usual ones.
    pub fn open_with(path: &Path, settings: &Settings) -> Result<Self, KvError> {
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
        let engine = Self { database, rows };
        engine.check_format(path, is_fresh)?;
        Ok(engine)
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
            return self.persist();
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
        Arc::new(FjallRows::new(self.database.snapshot(), self.rows.clone()))
    }

    fn commit(&self, batch: Batch) -> Result<(), KvError> {
        let mut writes = self.database.batch();
        for (key, value) in batch.writes {
            check_sizes(&key, value.as_deref())?;
            match value {
                Some(value) => writes.insert(&self.rows, key, value),
                None => writes.remove(&self.rows, key),
            }
        }
        writes.commit().map_err(|error| failed("commit", error))
    }

    fn persist(&self) -> Result<(), KvError> {
        self.database.persist(PersistMode::SyncAll).map_err(|error| failed("persist", error))
    }

    fn approximate_bytes(&self) -> ByteCount {
        ByteCount::new(self.database.disk_space().unwrap_or_else(|_| self.rows.disk_space()))
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
fn failed(operation: &'static str, error: fjall::Error) -> KvError {
    match error {
        fjall::Error::Poisoned => KvError::Poisoned,
        fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => {
            io_failure(operation, source)
        }
        other => KvError::Engine { operation, source: Box::new(other) },
    }
}

fn io_failure(operation: &'static str, source: io::Error) -> KvError {
    if source.kind() == io::ErrorKind::StorageFull {
        KvError::Full
    } else {
        KvError::Engine { operation, source: Box::new(source) }
    }
}
