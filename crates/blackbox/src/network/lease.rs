//! Which of the laboratory's networks is ours, and what is left of one whose owner was
//! killed.
//!
//! A network has a number. It is owned by whoever holds the lock of that number's file,
//! which the system lets go when the owner ends, however it ends. So whoever gets the lock
//! may clear away what he finds under the number.

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// Networks at a time on one machine: one octet of the address.
const NETWORKS_MAX: u8 = 255;

/// A number that is ours as long as this lives.
#[derive(Debug)]
pub struct Lease {
    /// From 0.
    pub number: u8,
    _lock: File,
}

impl Lease {
    /// The first number that nobody holds.
    pub fn take() -> Result<Self> {
        let folder = PathBuf::from("/run/essaim-network");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        for number in 0..NETWORKS_MAX {
            let path = folder.join(format!("{number}.lock"));
            let lock = File::options().create(true).append(true).open(&path)?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { number, _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("{}", path.display()));
                }
            }
        }
        bail!("{NETWORKS_MAX} networks are in use on this machine: stop one of them")
    }
}
