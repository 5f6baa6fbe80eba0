//! The servers under measurement: started fresh, ended when dropped.

mod essaim;
mod garage;

use std::process::Child;

pub use essaim::Essaim;
pub use garage::Garage;

use blackbox::Target;

/// A running S3 server.
pub trait Server {
    /// For the table.
    fn name(&self) -> &'static str;
    /// Where it listens.
    fn target(&self) -> &Target;
    /// Its resident memory now.
    fn resident_bytes(&self) -> u64;
}

/// A child process that does not outlive the run.
struct Running(Child);

impl Running {
    /// `VmRSS` of the process, in bytes; 0 if it cannot be read.
    fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            let _ended = self.0.wait();
        }
    }
}
