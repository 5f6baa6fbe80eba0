//! Small JSON records in the data directory, written atomically.

use disk::Disk;
use serde::Serialize;

use crate::trouble::{Trouble, chain};

/// Replaces a record, durably.
pub(crate) fn write(root: &dyn Disk, name: &str, record: &impl Serialize) -> Result<(), Trouble> {
    let told = |reason: String| {
        Trouble::new(
            format!("{name} cannot be written into the data directory: {reason}"),
            "check that the disk has room and is healthy: essaim doctor",
        )
    };
    let mut bytes = serde_json::to_vec_pretty(record).map_err(|error| told(error.to_string()))?;
    bytes.push(b'\n');
    disk::write_file_atomically(root, name, &bytes).map_err(|error| told(chain(&error)))
}
