//! Job: where long background work stands, so that it goes on after a restart.
//!
//! ```text
//! 1 | updated | state
//! ```

use serde::{Deserialize, Serialize};
use units::Timestamp;

use crate::name::SealedBytes;

/// A job's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// When it last said something.
    pub updated: Timestamp,
    /// Its cursor and counters, in a form of its own.
    pub state: SealedBytes,
}
