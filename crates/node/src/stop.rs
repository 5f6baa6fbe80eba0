//! Signals that ask the node to stop, and one that must not end it.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::trouble::Trouble;

/// SIGINT and SIGTERM, caught from the moment this exists.
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Catches them from now on. So is SIGXFSZ, which nobody waits for: a write beyond
    /// the limit on the size of files (RLIMIT_FSIZE) then fails, instead of ending the
    /// process.
    pub(crate) fn catch() -> Result<Self, Trouble> {
        let told = |error| Trouble::new(format!("signals cannot be caught: {error}"), "");
        // What has been caught once stays caught.
        let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        signal(too_large).map(drop).map_err(told)?;
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
