//! Time as the runtime has it: with a paused clock it jumps ahead when all wait.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::time::Instant;
use units::{Clock, Timestamp};

/// When every trial begins: 2027-01-15T08:00:00Z.
pub(crate) const BEGINS: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Time as it is.
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

/// The clock of a machine: everybody's stop-watch, and a wall clock that may be off.
pub(crate) struct MachineClock {
    right: Arc<RuntimeClock>,
    minutes: AtomicI64,
}

impl MachineClock {
    /// One that is right.
    pub(crate) fn new(right: &Arc<RuntimeClock>) -> Arc<Self> {
        Arc::new(Self { right: Arc::clone(right), minutes: AtomicI64::new(0) })
    }

    /// Sets it so many minutes off.
    pub(crate) fn set(&self, minutes: i64) {
        self.minutes.store(minutes, Ordering::SeqCst);
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        let off = self.minutes.load(Ordering::SeqCst) * 60_000_000;
        Timestamp::from_micros(self.right.now().micros() + off)
    }

    fn elapsed(&self) -> Duration {
        self.right.elapsed()
    }
}
