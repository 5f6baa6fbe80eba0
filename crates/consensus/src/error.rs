//! What callers of the consensus are told.

use catalog::{Refusal, RowsError};
use kv::KvError;
use thiserror::Error;
use units::{ByteCount, LogIndex, NodeId};

use crate::log::LogError;
use crate::stamps::ClockAhead;

/// Whether a command that was not answered may have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was not and will not be.
    NotDone,
    /// It may have been, or may still be.
    Unknown,
}

/// Commands are not taken at the moment.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the catalog is unavailable: {reason}")]
pub struct Unavailable {
    /// Why, in words.
    pub reason: String,
    /// What became of the command, if there was one.
    pub fate: Fate,
}

impl Unavailable {
    pub(crate) fn not_done(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), fate: Fate::NotDone }
    }

    pub(crate) fn unknown(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), fate: Fate::Unknown }
    }
}

/// The disk of the log and the engine, which is that of the data directory, has too
/// little room left for a command. Another disk for fragments does not help.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "the disk of the catalog is full: {} MiB free, {} MiB needed",
    free.get() >> 20,
    needed.get() >> 20
)]
pub struct CatalogFull {
    /// What is free.
    pub free: ByteCount,
    /// What must stay free for such a command.
    pub needed: ByteCount,
}

/// A proposal that did not succeed.
#[derive(Debug, Error)]
pub enum ProposeError {
    /// The catalog refused the command; nothing was changed.
    #[error(transparent)]
    Refused(Refusal),
    /// The command could not be carried out, or nobody knows whether it was.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The catalog's disk has no room for it; nothing was changed.
    #[error(transparent)]
    Full(#[from] CatalogFull),
    /// The clock is not believed, so nothing can be stamped; nothing was changed.
    #[error(transparent)]
    Clock(#[from] ClockAhead),
    /// The directory rows (access keys, policies, buckets, sites) have changed since those
    /// that the command was decided on; nothing was changed.
    #[error("it was decided by rules that have changed since: decide anew")]
    DirectoryChanged,
    /// The command is longer than the log takes.
    #[error("a command of {bytes} bytes is too long")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

impl ProposeError {
    /// Whether the command surely was not carried out, and may be proposed again.
    pub(crate) const fn is_not_done(&self) -> bool {
        matches!(self, Self::Unavailable(Unavailable { fate: Fate::NotDone, .. }) | Self::Clock(_))
    }
}

/// A node whose catalog cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The log cannot be read or written.
    #[error("the log cannot be opened")]
    Log(#[from] LogError),
    /// The engine cannot be read or written.
    #[error("the catalog's engine cannot be used")]
    Engine(#[from] KvError),
    /// The engine's rows cannot be read.
    #[error("the catalog's rows cannot be read")]
    Rows(#[from] RowsError),
    /// The row that says how far the log was applied makes no sense.
    #[error("the catalog is damaged: {reason}; restore it from a backup")]
    Damaged {
        /// What was found.
        reason: String,
    },
    /// The engine has seen entries that the log does not have.
    #[error(
        "the catalog has applied entry {applied} but the log ends at {last}: \
         the log has lost entries; restore the catalog from a backup"
    )]
    LogBehind {
        /// What the engine has applied.
        applied: LogIndex,
        /// Where the log ends.
        last: LogIndex,
    },
    /// The log was purged beyond what the engine has.
    #[error(
        "the log begins after entry {purged} but the catalog has only applied {applied}: \
         the catalog has lost rows; restore it from a backup"
    )]
    EngineBehind {
        /// The last entry purged.
        purged: LogIndex,
        /// What the engine has applied.
        applied: LogIndex,
    },
    /// The log belongs to other nodes than this one.
    #[error("node {node} has no vote in the catalog found here: its identity was changed")]
    NotAMember {
        /// This node, as it was told to be.
        node: NodeId,
    },
    /// A restore was interrupted; what is there is not a whole catalog.
    #[error("a restore of this catalog did not finish; clear the directory and restore again")]
    RestoreUnfinished,
    /// openraft would not start.
    #[error("the consensus could not start: {reason}")]
    Start {
        /// What it said.
        reason: String,
    },
}
