//! RocksDB behind the catalog's own trait, set up as near to ours as it can be:
//! the same cache, the same memtables, the same threads.
//!
//! A view is not a snapshot here, since a snapshot borrows the database; every
//! scan is one of its own. The measurements read while nothing is written.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use catalog::{Batch, Row, Rows, RowsError};
use kv::KvError;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, Direction, IteratorMode, Options, ReadOptions,
    WriteBatch, WriteOptions,
};
use units::ByteCount;

/// An open database.
pub struct Rocks {
    database: Arc<DB>,
}

impl Rocks {
    /// Opens the database in this directory, creating it if there is none.
    pub fn open(directory: &Path) -> Result<Self> {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&Cache::new_lru_cache(kv::limits::BLOCK_CACHE_BYTES as usize)?);
        table.set_bloom_filter(10.0, false);
        table.set_format_version(5);
        // Otherwise filters and indices come on top of the cache, without a limit.
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_block_based_table_factory(&table);
        options.set_write_buffer_size(kv::limits::MEMTABLE_BYTES_MAX as usize);
        options.set_max_write_buffer_number(4);
        options.set_max_total_wal_size(kv::limits::JOURNAL_BYTES_MAX);
        options.set_max_background_jobs(kv::limits::WORKER_THREADS as i32);
        options.set_max_open_files(kv::limits::CACHED_FILES_MAX as i32);
        options.set_level_compaction_dynamic_level_bytes(true);
        options.set_compression_type(DBCompressionType::Lz4);
        Ok(Self { database: Arc::new(DB::open(&options, directory)?) })
    }
}

fn failed(operation: &'static str) -> impl FnOnce(rocksdb::Error) -> KvError {
    move |source| KvError::Engine { operation, source: Box::new(source) }
}

impl kv::Engine for Rocks {
    fn view(&self) -> Arc<dyn Rows> {
        Arc::new(RocksRows(Arc::clone(&self.database)))
    }

    fn commit(&self, batch: Batch) -> Result<(), KvError> {
        let mut writes = WriteBatch::default();
        for (key, value) in batch.writes {
            match value {
                Some(value) => writes.put(key, value),
                None => writes.delete(key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(false);
        self.database.write_opt(writes, &options).map_err(failed("commit"))
    }

    fn persist(&self) -> Result<(), KvError> {
        self.database.flush_wal(true).map_err(failed("persist"))
    }

    fn approximate_bytes(&self) -> ByteCount {
        let bytes = self.database.property_int_value("rocksdb.total-sst-files-size");
        ByteCount::new(bytes.ok().flatten().unwrap_or_default())
    }
}

struct RocksRows(Arc<DB>);

impl RocksRows {
    fn range<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        direction: Direction,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a> {
        // RocksDB's lower bound is included and its upper bound is not.
        let mut options = ReadOptions::default();
        match from {
            Bound::Included(key) => options.set_iterate_lower_bound(key),
            Bound::Excluded(key) => options.set_iterate_lower_bound([key, &[0]].concat()),
            Bound::Unbounded => {}
        }
        match to {
            Bound::Included(key) => options.set_iterate_upper_bound([key, &[0]].concat()),
            Bound::Excluded(key) => options.set_iterate_upper_bound(key),
            Bound::Unbounded => {}
        }
        let mode = match direction {
            Direction::Forward => IteratorMode::Start,
            Direction::Reverse => IteratorMode::End,
        };
        let rows = self.0.iterator_opt(mode, options);
        Box::new(rows.map(|row| match row {
            Ok((key, value)) => Ok((key.into_vec(), value.into_vec())),
            Err(error) => Err(unreadable(error)),
        }))
    }
}

fn unreadable(error: rocksdb::Error) -> RowsError {
    RowsError { reason: error.to_string() }
}

impl Rows for RocksRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        self.0.get(key).map_err(unreadable)
    }

    fn scan<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a> {
        self.range(from, to, Direction::Forward)
    }

    fn scan_back<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a> {
        self.range(from, to, Direction::Reverse)
    }
}
