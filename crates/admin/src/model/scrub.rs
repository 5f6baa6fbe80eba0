//! The scrub: re-reading what is stored against its checksums.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the scrub is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScrubState {
    /// None has run since the node started.
    #[default]
    Idle,
    /// One is running.
    Running,
    /// The last one reached the end.
    Done,
}

/// The running scrub, or the last one.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Scrub {
    /// Where it is.
    pub state: ScrubState,
    /// When it started.
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// Bytes there are to check, as known when it started.
    pub bytes_total: u64,
    /// Bytes checked so far.
    pub bytes_checked: u64,
    /// Fragments checked so far.
    pub fragments_checked: u64,
    /// Fragments found bad or missing.
    pub fragments_bad: u64,
    /// Of these, fragments that are good again: rebuilt from the others.
    pub fragments_repaired: u64,
    /// Of these, fragments that could not be rebuilt.
    pub fragments_lost: u64,
    /// Of these, fragments that could be rebuilt and have no disk to go to: what is left
    /// of their objects can be read.
    #[serde(default)]
    pub fragments_homeless: u64,
    /// Of these, fragments that are still to be rebuilt.
    pub fragments_waiting: u64,
    /// Of these, fragments whose repair is deferred until the catalog takes commands
    /// again: it waits for room on its disk, or for an operator's word about the clock.
    #[serde(default)]
    pub fragments_deferred: u64,
    /// When the last complete scrub ended.
    pub last_complete: Option<String>,
}
