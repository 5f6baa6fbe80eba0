//! Backup of the catalog: one file, consistent as of one log entry.
//!
//! ```text
//! header    "ESSAIMBK" 8 | format 4 | cluster 16 | made 8
//!           | has last 1, last id 32 | stamped 8 | length 4, membership | crc32c 4
//! block*    length 4 (> 0) | rows 4 | row* | crc32c 4
//!   row     key length 4, key | value length 4, value
//! trailer   0 4 | rows 8 | bytes of keys and values 8 | sha-256 32 | crc32c 4
//! ```
//! Big-endian. *made* and *stamped* are microseconds since 1970; the membership
//! is postcard. Rows come in key order; *length* counts the rows of a block.
//! Each checksum covers its part from the first byte to the last before itself,
//! and the digest everything in front of the trailer, so that a file is either
//! whole and as written, or refused. Reserved rows are not part of a backup.
//!
//! **Invariant**: a restore touches nothing before the whole file was verified.

pub(crate) mod header;
pub(crate) mod reader;
mod restore;
pub(crate) mod writer;

use std::io;

use thiserror::Error;
use units::{ByteCount, ClusterId, LogIndex, Timestamp};

pub(crate) use restore::load as restore_rows;
pub use restore::{RestoreParts, backup_verify, restore};

use crate::error::OpenError;

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// The cluster whose catalog it is.
    pub cluster: ClusterId,
    /// When it was made.
    pub made: Timestamp,
    /// The last log entry in it.
    pub last: LogIndex,
    /// Rows.
    pub rows: u64,
    /// Bytes of keys and values.
    pub bytes: ByteCount,
}

/// A backup that could not be written.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The rows could not be read.
    #[error("the catalog could not be read")]
    Rows(#[from] catalog::RowsError),
    /// What the catalog says of itself could not be read.
    #[error("the catalog could not be read")]
    Open(#[from] OpenError),
    /// The file could not be written.
    #[error("the backup could not be written")]
    Write(#[source] io::Error),
    /// A row or the membership does not fit the format.
    #[error("the backup format has no room for {what}")]
    TooLong {
        /// What is too long.
        what: &'static str,
    },
}

/// A backup that could not be restored; nothing was changed unless said otherwise.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The file is not a whole, intact backup.
    #[error("the backup is damaged at byte {offset}: {reason}; nothing was changed")]
    Damaged {
        /// Where.
        offset: u64,
        /// What was found.
        reason: &'static str,
    },
    /// The file was written by a version that this one cannot read.
    #[error("the backup has format {found}, this version reads format {expected}")]
    Format {
        /// The format found.
        found: u32,
        /// The format this version reads and writes.
        expected: u32,
    },
    /// The file could not be read.
    #[error("the backup could not be read")]
    Read(#[source] io::Error),
    /// There is a catalog already.
    #[error("there is a catalog here already; a backup is restored into an empty directory")]
    NotEmpty,
    /// The new engine could not be written; the directory must be cleared.
    #[error("the restored catalog could not be written")]
    Engine(#[from] kv::KvError),
    /// The new log could not be written; the directory must be cleared.
    #[error("the restored log could not be written")]
    Log(#[from] crate::log::LogError),
    /// The new engine could not be read.
    #[error("the new catalog could not be read")]
    Rows(#[from] catalog::RowsError),
}
