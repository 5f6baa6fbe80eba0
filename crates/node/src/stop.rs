//! Signals that ask the node to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::trouble::Trouble;

/// SIGINT and SIGTERM, caught from the moment this exists.
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Catches them from now on.
    pub(crate) fn catch() -> Result<Self, Trouble> {
        let told = |error| Trouble::new(format!("signals cannot be caught: {error}"), "");
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(told)?,
            terminate: signal(SignalKind::terminate()).map_err(told)?,
        })
    }

    /// Waits for the next; says which.
    // Cancel-safety: a signal that arrives while nobody waits is kept for the next call.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
