//! Durable files: the only crate that touches `std::fs` and the only one that
//! may fsync.
//!
//! Two halves behind one trait: `RealDisk` over the operating system, and a
//! simulated disk that loses, tears and reorders whatever was not synced, so
//! that every storage engine above can be cut at every instant in a test.
//!
//! **Invariants**
//! - Nothing is durable before `sync_data` (contents) or `sync_dir` (names) has
//!   returned `Ok`; callers answer nobody before that.
//! - A failed sync poisons the disk: every later write or sync on it fails with
//!   [`DiskError::Poisoned`]; it is never retried (Rebello et al., ATC 2020).
//! - Paths are relative to the disk's root and cannot leave it.

mod error;
mod file;
mod lock;
mod outside;
mod path;
mod real;
mod real_file;
mod room;
mod sim;
mod sim_fault;
mod sim_file;
mod sim_state;
mod traits;
mod underway;

pub use error::DiskError;
pub use file::{read_file, write_file_atomically};
pub use lock::Owner;
pub use outside::{
    OutsideFile, outside_device, outside_directory, outside_mode, outside_mode_set, outside_open,
    outside_read, outside_remove, outside_remove_tree, outside_rename, outside_space,
};
pub use real::RealDisk;
pub use sim::SimDisk;
pub use sim_fault::{Fault, OperationKind};
pub use sim_state::Survival;
pub use traits::{Disk, DiskFile, Space};

/// The planted bugs of this crate; see [`units::planted`].
pub const PLANTED: &[units::planted::PlantedBug] = &[units::planted::PlantedBug {
    name: "disk-atomic-write-skips-sync",
    what: "a small file is renamed into place before its bytes are durable",
}];
