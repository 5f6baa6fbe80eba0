//! What runs, how full, how healthy.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Scrub, Unconfirmed};

/// Whether a disk takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiskState {
    /// It does.
    Healthy,
    /// It has no room but the reserve: reads and deletes go on.
    Full,
    /// It takes no more writes: a sync failed, or it is read-only, or was unmounted.
    Poisoned,
    /// Its file system does not answer: it is asked for nothing until it does.
    Hanging,
    /// It is not there.
    Missing,
}

/// From this share of it on, a disk is nearly full.
const NEARLY_FULL_PERCENT: u128 = 85;

/// Whether a disk deserves a look: for the status page, `status` and the doctor alike.
pub fn nearly_full(total_bytes: u64, free_bytes: u64) -> bool {
    let taken = u128::from(total_bytes.saturating_sub(free_bytes));
    total_bytes > 0 && taken * 100 >= u128::from(total_bytes) * NEARLY_FULL_PERCENT
}

/// One disk of the node.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DiskStatus {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub path: String,
    /// Whether it takes writes.
    pub state: DiskState,
    /// Size of its file system.
    pub total_bytes: u64,
    /// What may still be written.
    pub free_bytes: u64,
    /// What this node's fragments take.
    pub used_bytes: u64,
    /// Of a poisoned disk: why it takes no writes, and what to do.
    #[serde(default)]
    pub poison: Option<String>,
    /// Of a missing disk: how many parts have a fragment on it that is still to be rebuilt
    /// on another; none before they have been counted.
    #[serde(default)]
    pub parts_left: Option<u64>,
    /// Of a missing disk: whether everything can be read without it.
    #[serde(default)]
    pub can_be_spared: bool,
}

impl DiskStatus {
    /// Whether it takes writes and will soon not.
    pub fn is_nearly_full(&self) -> bool {
        self.state == DiskState::Healthy && nearly_full(self.total_bytes, self.free_bytes)
    }
}

/// The catalog and its log.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CatalogStatus {
    /// Whether commands are taken.
    pub available: bool,
    /// If not, why.
    pub reason: Option<String>,
    /// Position of the last applied log entry.
    pub applied_index: u64,
    /// Approximate bytes of its rows on disk.
    pub bytes: u64,
}

/// The cluster, as the node that is asked knows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterStatus {
    /// Sites on the map.
    pub sites: u64,
    /// Sites that vote.
    pub voting: u64,
    /// How many of these may be away before nothing is written any more.
    pub may_be_away: u64,
    /// The site whose node orders the commands; none if this node knows of none that answers.
    pub leader: Option<String>,
    /// Sites of which a node does not answer now.
    pub unreachable: Vec<String>,
    /// Sites that keep no data and are there to vote.
    pub witnesses: Vec<String>,
    /// Whether this node is of one.
    pub is_witness: bool,
}

/// Where the node listens.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct EndpointStatus {
    /// For S3 clients.
    pub s3_endpoint: String,
    /// The region S3 clients sign for.
    pub region: String,
    /// For operators.
    pub admin_url: String,
}

/// How much there is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Tenants.
    pub tenants: u64,
    /// Buckets.
    pub buckets: u64,
    /// Object versions.
    pub objects: u64,
    /// Bytes of object versions, before sealing and coding.
    pub bytes: u64,
}

/// Work that waits.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Queues {
    /// Deleted parts whose fragments are still to be removed.
    pub release_parts: u64,
    /// Bad or missing fragments still to be rebuilt.
    pub repair_fragments: u64,
    /// Parts with fragments that could be rebuilt and have no disk to go to.
    #[serde(default)]
    pub homeless_parts: u64,
    /// Parts with one copy only on a site of several disks; they get another. Not there
    /// before they have been counted.
    #[serde(default)]
    pub single_parts: Option<u64>,
}

/// A component that is not ready, or does only some of its work.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NotReadyReason {
    /// The component.
    pub component: String,
    /// Why.
    pub reason: String,
}

/// A warning or an error from the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoggedError {
    /// When.
    pub at: String,
    /// `warn` or `error`.
    pub level: String,
    /// The room that said it.
    pub room: String,
    /// What it said.
    pub message: String,
}

/// A part of an object that cannot be read: too many of its fragments are bad or missing.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnreadablePart {
    /// Its id.
    pub part: String,
    /// The bucket of an object it belongs to, once found.
    pub bucket: Option<String>,
    /// The key of that object.
    pub key: Option<String>,
    /// Fragments that cannot be rebuilt.
    pub fragments: u64,
    /// Since when that is known.
    pub since: String,
}

/// What runs, how full, how healthy.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of the software.
    pub version: String,
    /// Whether every component is ready.
    pub ready: bool,
    /// If not, why.
    pub not_ready: Vec<NotReadyReason>,
    /// What does not do its work although the node serves, and why.
    #[serde(default)]
    pub degraded: Vec<NotReadyReason>,
    /// This node.
    pub node_id: String,
    /// Its site.
    pub site_id: String,
    /// Its cluster.
    pub cluster_id: String,
    /// The data directory.
    pub data: String,
    /// When this process started to serve.
    pub started: String,
    /// Seconds since then.
    pub uptime_seconds: u64,
    /// Memory of this process that is in RAM.
    pub memory_resident_bytes: u64,
    /// The cluster it belongs to.
    #[serde(default)]
    pub cluster: ClusterStatus,
    /// Where it listens.
    pub endpoints: EndpointStatus,
    /// Its disks.
    pub disks: Vec<DiskStatus>,
    /// Directories of disks that lie on one device, in groups: its death takes all of one.
    #[serde(default)]
    pub one_device: Vec<Vec<String>>,
    /// Its catalog.
    pub catalog: CatalogStatus,
    /// How much there is.
    pub totals: Totals,
    /// Work that waits.
    pub queues: Queues,
    /// The running scrub, or the last one.
    pub scrub: Scrub,
    /// What waits for an operator's word.
    #[serde(default)]
    pub unconfirmed: Vec<Unconfirmed>,
    /// What was stored and cannot be read any more.
    #[serde(default)]
    pub unreadable: Vec<UnreadablePart>,
    /// Whether there is more of that than is listed.
    #[serde(default)]
    pub unreadable_more: bool,
    /// The last warnings and errors, newest first.
    pub last_errors: Vec<LoggedError>,
}

#[cfg(test)]
mod tests {
    use super::nearly_full;

    #[test]
    fn nearly_full_begins_at_its_share() {
        assert!(nearly_full(1_000, 150) && !nearly_full(1_000, 151));
        assert!(nearly_full(u64::MAX, 0) && !nearly_full(u64::MAX, u64::MAX));
        assert!(!nearly_full(0, 0), "a disk that is missing");
    }
}
