//! What a process sets up before it composes a node.

use std::sync::Arc;

use host::SystemClock;
use insight::{Insight, LastErrors, LogFormat};
use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits::{FILES_MIN, OWN_FILES_MAX};
use crate::settings::{LogFormat as Wanted, Settings};
use crate::trouble::{Trouble, chain};

/// The last errors of this process; the log fills it, the status shows it.
static LAST_ERRORS: Mutex<Option<LastErrors>> = Mutex::new(None);

/// Threads for blocking work (password checks, backups, engine calls) at most.
const BLOCKING_THREADS_MAX: usize = 64;

/// Starts the log on the error output.
pub fn logs_start(settings: &Settings) -> Result<(), Trouble> {
    let format = match settings.log_format {
        Wanted::Text => LogFormat::Text,
        Wanted::Json => LogFormat::Json,
    };
    let errors = LastErrors::new();
    *LAST_ERRORS.lock() = Some(errors.clone());
    insight::logs_install(format, &settings.log, Arc::new(SystemClock), errors).map_err(|error| {
        Trouble::new(error.to_string(), "give --log a level: error, warn, info, debug or trace")
    })
}

/// The metrics, the health and the last errors of this process.
pub(crate) fn insight_start() -> Result<Insight, Trouble> {
    let metrics = insight::Metrics::install()
        .map_err(|error| Trouble::new(chain(&error), "this is a defect: please report it"))?;
    let errors = LAST_ERRORS.lock().clone().unwrap_or_default();
    Ok(Insight { metrics, health: insight::Health::new(), errors })
}

/// Lets this process have as many files open as it may: the usual soft limit of
/// 1,024 is less than the clients that may connect. What cannot be raised is
/// noticed when connections are bounded; with less than [`FILES_MIN`] no node starts.
pub fn open_files_raise() -> Result<(), Trouble> {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    match open_files() {
        Some(files) if files < FILES_MIN => Err(Trouble::new(
            format!("this process may have {files} files open, a node needs {FILES_MIN} at least"),
            "raise the hard limit: ulimit -Hn, or LimitNOFILE in the unit; 8192 is plenty",
        )),
        _ => Ok(()),
    }
}

/// How many clients may connect where so many files may be open: what is left beside
/// the node's own, but a quarter of all at least.
pub(crate) fn connections_fitting(files: usize) -> usize {
    files.saturating_sub(OWN_FILES_MAX).max(files / 4)
}

/// How many files this process may have open; `None`: as many as it likes.
pub(crate) fn open_files() -> Option<usize> {
    getrlimit(Resource::Nofile).current.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// The runtime a node runs on.
pub fn runtime() -> Result<tokio::runtime::Runtime, Trouble> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("essaim")
        .build()
        .map_err(|error| {
            Trouble::new(format!("this machine gives no threads: {error}"), "see ulimit -u")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_leave_room_for_some_clients() {
        let check = |files: usize, clients: usize| assert_eq!(connections_fitting(files), clients);
        check(FILES_MIN, FILES_MIN / 4);
        check(OWN_FILES_MAX, OWN_FILES_MAX / 4);
        check(1_024, 256);
        check(OWN_FILES_MAX + 4_096, 4_096);
    }
}
