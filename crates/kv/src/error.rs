//! What can go wrong with the engine, told apart by what the operator can do.

use thiserror::Error;

/// A failed engine operation.
#[derive(Debug, Error)]
pub enum KvError {
    /// Another process has the same data open.
    #[error("the catalog in {path} is already open in another process")]
    Locked {
        /// The engine's directory.
        path: String,
    },
    /// What is on disk is not what was written; a restore is needed.
    #[error("the catalog in {path} is damaged: {reason}")]
    Damaged {
        /// The engine's directory.
        path: String,
        /// What was found.
        reason: String,
    },
    /// The rows were written by a version that this one cannot read.
    #[error("the catalog in {path} has format {found}, this version reads format {expected}")]
    Format {
        /// The engine's directory.
        path: String,
        /// The format found.
        found: u32,
        /// The format this version reads and writes.
        expected: u32,
    },
    /// An earlier write or sync failed; the engine takes no more until it is reopened.
    #[error("the catalog engine stopped after a failed write and must be reopened")]
    Poisoned,
    /// The simulated power is off.
    #[error("the power is off")]
    PowerOff,
    /// No room left on the file system.
    #[error("no space left on the file system of the catalog")]
    Full,
    /// Anything else the engine reports.
    #[error("catalog engine: {operation} failed")]
    Engine {
        /// What was being done.
        operation: &'static str,
        /// What the engine said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
