//! What can go wrong with a file, told apart by what the caller can do.

use std::io;

use thiserror::Error;

/// A failed disk operation; the path is relative to the disk's root.
#[derive(Debug, Error)]
pub enum DiskError {
    /// There is no such file or directory.
    #[error("{path}: not found")]
    NotFound {
        /// What was looked for.
        path: String,
    },
    /// A file to be created exists.
    #[error("{path}: already exists")]
    AlreadyExists {
        /// What was to be created.
        path: String,
    },
    /// The file system has no room left; deleting data helps.
    #[error("{path}: no space left on the file system")]
    Full {
        /// What was being written.
        path: String,
    },
    /// The system lets this process, or all of them, open no more files. That says
    /// nothing about the disk, and passes when others are closed.
    #[error("{path}: {operation} failed: too many files are open (see ulimit -n)")]
    TooManyOpen {
        /// What was to be opened.
        path: String,
        /// The operation.
        operation: &'static str,
    },
    /// The file ends before the bytes asked for.
    #[error("{path}: ends before byte {wanted}")]
    UnexpectedEnd {
        /// The file.
        path: String,
        /// One past the last byte asked for.
        wanted: u64,
    },
    /// An earlier sync failed, so what of the last writes this disk holds is unknown.
    #[error("{path}: the disk was poisoned by a failed sync and takes no more writes")]
    Poisoned {
        /// What was being written.
        path: String,
    },
    /// The file system leaves questions unanswered; what it is asked may hang for ever.
    #[error("{path}: the disk hangs, it has not answered for {seconds} s")]
    Hanging {
        /// The disk's directory, as the operating system names it.
        path: String,
        /// For how long.
        seconds: u64,
    },
    /// Another process works on this directory.
    #[error("{path}: in use by {owner}")]
    Locked {
        /// The directory, as the operating system names it.
        path: String,
        /// Who has it.
        owner: crate::Owner,
    },
    /// A file that is meant to be small is not.
    #[error("{path}: longer than {length_max} bytes")]
    TooLong {
        /// The file.
        path: String,
        /// The limit it was read with.
        length_max: u64,
    },
    /// A path that is absolute, empty or climbs out of the root.
    #[error("{path:?} is not a relative path of plain names")]
    BadPath {
        /// The path.
        path: String,
    },
    /// Anything else the operating system reports.
    #[error("{path}: {operation} failed")]
    Io {
        /// The file or directory.
        path: String,
        /// The operation, as the field names it: `pwrite`, `fdatasync`, ….
        operation: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}
