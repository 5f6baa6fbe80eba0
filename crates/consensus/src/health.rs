//! Whether the log and the state machine still work: set where a fault is met,
//! read by whoever must explain a refusal.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// What this node can do about commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Commands are taken.
    Serving,
    /// The disk is full: commands wait or are refused until there is room. Reads go on.
    Full,
    /// A fault that only a restart can clear. Reads go on.
    Failed {
        /// The first fault, in words.
        reason: String,
    },
}

/// The first fault and the state of the disk.
#[derive(Default)]
pub(crate) struct Health {
    /// The log waits for room.
    log_full: AtomicBool,
    /// The engine waits for room, or for being opened again.
    engine_full: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Health {
    /// Remembers the first fault, and logs it.
    pub(crate) fn fail(&self, reason: &str) {
        let mut failure = self.failure.lock();
        if failure.is_none() {
            tracing::error!(reason, "the catalog takes no more commands");
            *failure = Some(reason.to_owned());
        }
    }

    /// Says whether the log waits for room.
    pub(crate) fn set_log_full(&self, full: bool) {
        set(&self.log_full, full, "log");
    }

    /// Says whether the engine waits for room.
    pub(crate) fn set_engine_full(&self, full: bool) {
        set(&self.engine_full, full, "engine");
    }

    /// What can be done now.
    pub(crate) fn condition(&self) -> Condition {
        if let Some(reason) = &*self.failure.lock() {
            return Condition::Failed { reason: reason.clone() };
        }
        let is_full =
            [&self.log_full, &self.engine_full].iter().any(|full| full.load(Ordering::Relaxed));
        if is_full { Condition::Full } else { Condition::Serving }
    }
}

/// Sets one of the two, and logs a change.
fn set(full: &AtomicBool, now: bool, what: &str) {
    if full.swap(now, Ordering::Relaxed) != now {
        if now {
            tracing::warn!(what, "the disk of the catalog is full, commands must wait");
        } else {
            tracing::info!(what, "there is room for the catalog again");
        }
    }
}
