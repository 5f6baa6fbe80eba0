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
    full: AtomicBool,
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

    /// Says whether the disk is full; logs each change.
    pub(crate) fn set_full(&self, full: bool) {
        if self.full.swap(full, Ordering::Relaxed) != full {
            if full {
                tracing::warn!("the disk of the catalog is full, commands must wait");
            } else {
                tracing::info!("there is room for the catalog again");
            }
        }
    }

    /// What can be done now.
    pub(crate) fn condition(&self) -> Condition {
        if let Some(reason) = &*self.failure.lock() {
            return Condition::Failed { reason: reason.clone() };
        }
        if self.full.load(Ordering::Relaxed) { Condition::Full } else { Condition::Serving }
    }
}
