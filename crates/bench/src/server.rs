//! The servers under measurement: started fresh, ended when dropped.

mod essaim;
mod garage;

pub use essaim::Essaim;
pub use garage::Garage;

use blackbox::Target;

/// A running S3 server.
pub trait Server {
    /// For the table.
    fn name(&self) -> &'static str;
    /// Where it listens.
    fn target(&self) -> &Target;
    /// For its memory.
    fn process_id(&self) -> u32;
}

/// `VmRSS` of a process, in bytes; 0 if it cannot be read.
pub fn resident_bytes(process_id: u32) -> u64 {
    field(process_id, "VmRSS:")
}

/// `VmHWM`, the highest `VmRSS` there was, in bytes; 0 if it cannot be read.
pub fn resident_bytes_max(process_id: u32) -> u64 {
    field(process_id, "VmHWM:")
}

fn field(process_id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
