//! What an operator, or a test, may set.

use core::time::Duration;

use caretaker::Days;
use units::ByteCount;

use crate::limits::{AWAY_LOST_AFTER, CUSTODY_EVERY};

/// Budgets and periods.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long the fragments of a released part stay, for readers that had
    /// already looked it up.
    pub release_grace: Duration,
    /// How long a fragment that the catalog does not know is left alone.
    pub orphan_grace: Duration,
    /// How often disks are swept for fragments that the catalog does not know.
    pub orphan_period: Duration,
    /// How often lifecycle rules are evaluated.
    pub lifecycle_period: Duration,
    /// How long the day of a lifecycle rule is.
    pub days: Days,
    /// Within which every fragment is read once.
    pub scrub_period: Duration,
    /// Most bytes per second that scrub reads on its own account.
    pub scrub_bytes_per_second: ByteCount,
    /// How long the disks of a node that does not answer are waited for before what they
    /// hold is rebuilt elsewhere.
    pub away_lost_after: Duration,
    /// How often each site is asked for one of its fragments.
    pub custody_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            release_grace: Duration::from_secs(10),
            orphan_grace: Duration::from_hours(24),
            orphan_period: Duration::from_hours(1),
            lifecycle_period: Duration::from_mins(1),
            days: Days::Real,
            scrub_period: Duration::from_hours(30 * 24),
            scrub_bytes_per_second: ByteCount::new(20 * 1024 * 1024),
            away_lost_after: AWAY_LOST_AFTER,
            custody_every: CUSTODY_EVERY,
        }
    }
}
