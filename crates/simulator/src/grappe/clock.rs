//! Time as the runtime has it: with a paused clock it jumps ahead when all wait.

use core::time::Duration;
use std::sync::Arc;

use tokio::time::Instant;
use units::{Clock, Timestamp};

/// When every trial begins: 2027-01-15T08:00:00Z.
pub(crate) const BEGINS: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// The clock of all machines.
pub(crate) struct RuntimeClock(Instant);

impl RuntimeClock {
    /// Begins now.
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        BEGINS.after(self.0.elapsed())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
