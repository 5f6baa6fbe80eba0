//! What is heard of a connection and of a node.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::window::Window;
use crate::Contact;

/// When the last byte came.
#[derive(Debug)]
pub(super) struct Heard {
    start: Instant,
    /// Milliseconds after the start, plus one; 0 if nothing came yet.
    last: AtomicU64,
}

impl Heard {
    pub(super) fn never() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0) }
    }

    pub(super) fn now(&self) {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.last.fetch_max(passed + 1, Ordering::Relaxed);
    }

    pub(super) fn ago(&self) -> Option<Duration> {
        let last = self.last.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.start.elapsed().saturating_sub(Duration::from_millis(last)))
    }
}

/// The way to a node, over all connections with it.
pub(super) struct Health {
    pub heard: Arc<Heard>,
    /// What its connections for upkeep may have under way.
    pub window: Window,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    reached: Option<bool>,
    round_trip: Option<Duration>,
}

impl Health {
    pub(super) fn unknown() -> Self {
        Self { heard: Arc::new(Heard::never()), window: Window::new(), state: Mutex::default() }
    }

    pub(super) fn reached_set(&self, reached: bool) {
        self.state.lock().reached = Some(reached);
    }

    /// A measurement: a quarter of what is told from now on, as TCP smooths by an eighth.
    pub(super) fn measured(&self, round_trip: Duration) {
        let mut state = self.state.lock();
        state.reached = Some(true);
        state.round_trip = Some(match state.round_trip {
            None => round_trip,
            Some(earlier) => (earlier * 3 + round_trip) / 4,
        });
    }

    pub(super) fn contact(&self) -> Contact {
        let State { reached, round_trip } = *self.state.lock();
        Contact { reached, round_trip, heard_ago: self.heard.ago() }
    }
}
