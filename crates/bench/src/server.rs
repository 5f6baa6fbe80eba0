//! The servers under measurement: started fresh, ended when dropped.

mod essaim;
mod garage;

pub use essaim::Essaim;
pub use garage::Garage;

use core::time::Duration;

use blackbox::Target;

/// A running S3 server: one node, or several as one cluster.
pub trait Server {
    /// For the table.
    fn name(&self) -> &'static str;
    /// Where its nodes listen.
    fn targets(&self) -> &[Target];
    /// For the memory and the processor time of its nodes.
    fn process_ids(&self) -> Vec<u32>;

    /// Processor time all nodes have used.
    fn processor_time(&self) -> Duration {
        self.process_ids().into_iter().map(processor_time).sum()
    }

    /// Resident memory of the node that has most.
    fn resident_bytes(&self) -> u64 {
        self.process_ids().into_iter().map(resident_bytes).max().unwrap_or_default()
    }
}

/// `VmRSS` of a process, in bytes; 0 if it cannot be read.
pub fn resident_bytes(process_id: u32) -> u64 {
    field(process_id, "VmRSS:")
}

/// `VmHWM`, the highest `VmRSS` there was, in bytes; 0 if it cannot be read.
pub fn resident_bytes_max(process_id: u32) -> u64 {
    field(process_id, "VmHWM:")
}

/// Processor time a process has used, user and system, all threads; counted by
/// the kernel in hundredths of a second. Zero if it cannot be read.
fn processor_time(process_id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap_or_default();
    // The name of the program, in brackets, may hold anything.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn field(process_id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
