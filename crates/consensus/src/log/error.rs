//! What can go wrong with the log, told apart by what can be done about it.

use disk::DiskError;
use thiserror::Error;
use units::ClusterId;

/// A failed log operation.
#[derive(Debug, Error)]
pub enum LogError {
    /// Bytes that were acknowledged as durable are not what was written.
    #[error(
        "the log is damaged: {file} at byte {offset}: {reason}; \
         restore the catalog from a backup, or put back the intact file"
    )]
    Damaged {
        /// The segment.
        file: String,
        /// Where in it.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// A segment that should be there is not.
    #[error("the log is incomplete: entries before {first} are missing in front of {file}")]
    Incomplete {
        /// The oldest segment found.
        file: String,
        /// The first entry that is there.
        first: u64,
    },
    /// The log was written by a version that this one cannot read.
    #[error("{file} has log format {found}, this version reads formats up to {expected}")]
    Format {
        /// The segment.
        file: String,
        /// The format found.
        found: u32,
        /// The newest format that this version reads, and the one it writes.
        expected: u32,
    },
    /// The log belongs to another cluster.
    #[error("{file} belongs to cluster {found}, not to {expected}")]
    OtherCluster {
        /// The segment.
        file: String,
        /// The cluster named in the segment.
        found: ClusterId,
        /// The cluster of this node.
        expected: ClusterId,
    },
    /// No room for the record; nothing was written, trying again later is safe.
    #[error("no space left for the log")]
    Full,
    /// An earlier failure ended the log; the node must be restarted.
    #[error("the log stopped after an earlier failure: {reason}")]
    Stopped {
        /// The first failure.
        reason: String,
    },
    /// A write or a sync failed.
    #[error("the log could not be written")]
    Disk(#[source] DiskError),
    /// A record is longer than the format allows.
    #[error("a log record of {bytes} bytes is too long")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Entries that do not follow the last one.
    #[error("entry {found} does not follow, {expected} was expected")]
    Gap {
        /// The index of the entry.
        found: u64,
        /// The index that would follow.
        expected: u64,
    },
}

impl From<DiskError> for LogError {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Full { .. } => Self::Full,
            other => Self::Disk(other),
        }
    }
}
