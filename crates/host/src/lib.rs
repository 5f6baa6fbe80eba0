//! The real halves of time and randomness, and threads for work that may block.
//!
//! **Invariant**: the only crate that asks the operating system for the time or
//! for random bytes; everything else is handed a [`units::Clock`] and a
//! [`units::Random`].

mod work;

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use units::{Clock, Random, Timestamp};

pub use work::{Blocking, Interrupted, OnTheSpot, Worker, blocking, is_on_the_spot, on_the_spot};

/// The operating system's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

/// Time since the machine started. `std::time::Instant` stands still while the machine
/// sleeps (`CLOCK_MONOTONIC`); this clock goes on (`clock_gettime(2)`).
fn since_boot() -> Duration {
    let read = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(read.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(read.tv_nsec).unwrap_or_default())
}

fn start() -> Duration {
    static START: OnceLock<Duration> = OnceLock::new();
    *START.get_or_init(since_boot)
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        // The start first: it is drawn by the first caller.
        let start = start();
        since_boot().saturating_sub(start)
    }
}

/// The operating system's random generator.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// If the operating system has no randomness to give: no key may be made then.
    fn fill(&self, buffer: &mut [u8]) {
        assert!(getrandom::fill(buffer).is_ok(), "the operating system gave no random bytes");
    }
}
