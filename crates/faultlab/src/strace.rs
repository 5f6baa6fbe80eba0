//! strace on a process that runs already.
//!
//! **Invariant**: it lets the process go with its handle.

use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long it may take to stop all threads once.
const ATTACHED_WITHIN: Duration = Duration::from_millis(500);

/// It works on the process until it is dropped.
pub struct Strace(Child);

impl Strace {
    /// Begins, with these arguments.
    pub fn attach<A: AsRef<OsStr>>(
        process: u32,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Self> {
        let mut strace = Command::new("strace");
        strace.args(arguments).args(["-p", &process.to_string()]).stderr(Stdio::null());
        let mut begun = strace.spawn().context("strace cannot be started")?;
        std::thread::sleep(ATTACHED_WITHIN);
        ensure!(begun.try_wait()?.is_none(), "strace ended at once: the fault is not installed");
        Ok(Self(begun))
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // It lets the process go when it is told to end.
        let id = Pid::from_child(&self.0);
        if kill_process(id, Signal::TERM).is_ok() {
            let _ended = self.0.wait();
        }
    }
}
