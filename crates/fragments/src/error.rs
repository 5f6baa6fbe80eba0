//! What can go wrong, one type per kind of work, told apart by what the caller can do.

use std::sync::Arc;

use disk::DiskError;
use thiserror::Error;
use units::{ByteCount, ClusterId, DiskId, NodeId};
use wire::CallError;

use crate::FragmentName;

/// A disk that cannot be taken into the store.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No identity and no data: it must be formatted first.
    #[error("the disk has not been formatted")]
    Blank,
    /// It is to be formatted, but it holds something already.
    #[error("the disk already carries an identity or data")]
    NotBlank,
    /// Data is there but the identity file is gone or unreadable.
    #[error("the disk holds segments but its identity file is {problem}")]
    IdentityLost {
        /// `missing` or what is wrong with it.
        problem: &'static str,
    },
    /// It belongs to another cluster.
    #[error("the disk {disk} belongs to cluster {found}, not to {expected}")]
    ForeignCluster {
        /// Which disk.
        disk: DiskId,
        /// What its identity file says.
        found: ClusterId,
        /// This node's cluster.
        expected: ClusterId,
    },
    /// A segment of another disk, or under another name than its own.
    #[error("segment {segment:08x} on disk {disk} was written as another, on disk {found}")]
    ForeignSegment {
        /// Which disk.
        disk: DiskId,
        /// The number in the file's name.
        segment: u32,
        /// The disk it was written on.
        found: DiskId,
    },
    /// Two directories carry the same identity: one is a copy.
    #[error("two directories carry the identity of disk {disk}; one is a copy")]
    Twice {
        /// The identity.
        disk: DiskId,
    },
    /// It was forgotten: what is on it is old, and nothing of it may be read again.
    #[error("the disk {disk} was forgotten: what is on it is old and is not read any more")]
    Forgotten {
        /// Which disk.
        disk: DiskId,
    },
    /// The work of opening was cut short by a shutdown.
    #[error("opening was cut short")]
    Interrupted,
    /// The writer thread could not be started.
    #[error("the writer of disk {disk} could not be started")]
    Writer {
        /// Which disk.
        disk: DiskId,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The disk failed while it was read or repaired.
    #[error("the disk failed while it was opened")]
    Disk(#[from] DiskError),
}

/// An append, removal or compaction that did not happen, or of which that is unknown.
///
/// One failed commit answers many requests, so this can be cloned.
#[derive(Debug, Error, Clone)]
pub enum WriteError {
    /// No such disk in this store.
    #[error("disk {disk} is not part of this store")]
    NoSuchDisk {
        /// What was asked for.
        disk: DiskId,
    },
    /// The payload is longer than a fragment may be.
    #[error("fragment {name} is {bytes} bytes long; the limit is {limit}")]
    TooLong {
        /// Which fragment.
        name: FragmentName,
        /// Its length.
        bytes: ByteCount,
        /// [`crate::limits::FRAGMENT_BYTES_MAX`].
        limit: ByteCount,
    },
    /// Only the room that is kept for deletions is left.
    #[error("the disk is full")]
    Full,
    /// The disk takes no more writes: a sync failed, or it is read-only, or unmounted.
    #[error("the disk was poisoned by a failed sync")]
    Poisoned,
    /// The system lets this process open no more files; nothing was written.
    #[error("too many files are open")]
    TooManyOpen,
    /// The disk does not answer; it is unknown whether the write will be seen when it does.
    #[error("the disk hangs")]
    Hanging,
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Stopped,
    /// The write failed; it is unknown whether it will be seen after a restart.
    #[error("the disk failed while it was written")]
    Disk(#[source] Arc<DiskError>),
    /// The disk's node cannot be reached; nothing was written.
    #[error("disk {disk} is on a node that cannot be reached")]
    Unreachable {
        /// Which disk.
        disk: DiskId,
        /// Its node.
        node: NodeId,
        /// How the call ended.
        #[source]
        source: CallError,
    },
    /// The disk's node gave no answer; it is unknown whether the write was or will be done.
    #[error("disk {disk} is on a node that gave no answer")]
    Unanswered {
        /// Which disk.
        disk: DiskId,
        /// Its node.
        node: NodeId,
        /// How the call ended.
        #[source]
        source: CallError,
    },
    /// The disk's node said no; nothing was written.
    #[error("node {node} refused to write on disk {disk}: {reason}")]
    Refused {
        /// Which disk.
        disk: DiskId,
        /// Its node.
        node: NodeId,
        /// What it said.
        reason: String,
    },
    /// What arrived at the disk's node was not what was sent; nothing was written.
    #[error("what node {node} received for disk {disk} was not what was sent")]
    Garbled {
        /// Which disk.
        disk: DiskId,
        /// Its node.
        node: NodeId,
    },
    /// The write failed on another node; it is unknown whether it will be seen later.
    #[error("the write on disk {disk} of node {node} failed: {reason}")]
    FailedThere {
        /// Which disk.
        disk: DiskId,
        /// Its node.
        node: NodeId,
        /// What it said.
        reason: String,
    },
}

impl WriteError {
    /// Whether the write may be seen all the same, now or later.
    pub const fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::Hanging | Self::Disk(_) | Self::Unanswered { .. } | Self::FailedThere { .. }
        )
    }
}

impl From<DiskError> for WriteError {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Full { .. } => Self::Full,
            DiskError::Poisoned { .. } => Self::Poisoned,
            DiskError::TooManyOpen { .. } => Self::TooManyOpen,
            DiskError::Hanging { .. } => Self::Hanging,
            other => Self::Disk(Arc::new(other)),
        }
    }
}

/// A read that gave nothing.
#[derive(Debug, Error)]
pub enum ReadError {
    /// No such disk in this store.
    #[error("disk {disk} is not part of this store")]
    NoSuchDisk {
        /// What was asked for.
        disk: DiskId,
    },
    /// The disk holds no such fragment.
    #[error("fragment {name} is not here")]
    NotFound {
        /// What was asked for.
        name: FragmentName,
    },
    /// The range ends after the fragment.
    #[error("fragment {name} is {bytes} bytes long; byte {wanted} was asked for")]
    OutOfRange {
        /// Which fragment.
        name: FragmentName,
        /// Its length.
        bytes: ByteCount,
        /// One past the last byte asked for.
        wanted: u64,
    },
    /// What is on disk does not match its checksum: repair it from elsewhere.
    #[error("fragment {name} is damaged on disk")]
    Damaged {
        /// Which fragment.
        name: FragmentName,
    },
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Stopped,
    /// The system lets this process open no more files: nothing is known of the fragment.
    #[error("too many files are open to read fragment {name}")]
    TooManyOpen {
        /// Which fragment.
        name: FragmentName,
    },
    /// The disk does not answer: nothing is known of the fragment, and waiting for it
    /// might last for ever.
    #[error("the disk hangs that fragment {name} is on")]
    Hanging {
        /// Which fragment.
        name: FragmentName,
    },
    /// The disk failed.
    #[error("the disk failed while fragment {name} was read")]
    Disk {
        /// Which fragment.
        name: FragmentName,
        /// What failed.
        #[source]
        source: DiskError,
    },
    /// The disk's node cannot be reached, or gave no answer in time: nothing is known of
    /// the fragment.
    #[error("disk {disk} is on a node that does not answer")]
    Unreachable {
        /// Which disk.
        disk: DiskId,
        /// Its node.
        node: NodeId,
        /// How the call ended.
        #[source]
        source: CallError,
    },
    /// What arrived from the disk's node was not what was asked for, or not what was sent:
    /// nothing is known of the fragment.
    #[error("what arrived from disk {disk} of node {node} cannot be trusted: {reason}")]
    Garbled {
        /// Which disk.
        disk: DiskId,
        /// Its node.
        node: NodeId,
        /// In words.
        reason: String,
    },
    /// The disk failed on another node.
    #[error("the read from disk {disk} of node {node} failed: {reason}")]
    FailedThere {
        /// Which disk.
        disk: DiskId,
        /// Its node.
        node: NodeId,
        /// What it said.
        reason: String,
    },
}

impl ReadError {
    /// Whether this says nothing of the fragment: it may be where it belongs and good, and
    /// whoever was asked could not say so now.
    pub const fn says_nothing(&self) -> bool {
        matches!(
            self,
            Self::Stopped
                | Self::TooManyOpen { .. }
                | Self::Hanging { .. }
                | Self::Unreachable { .. }
                | Self::Garbled { .. }
        )
    }
}
