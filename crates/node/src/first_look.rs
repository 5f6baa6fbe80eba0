//! What a first start would stumble over at its disks, looked at before it makes anything.
//!
//! A first start that is refused halfway leaves a node without a use: a restore into the
//! same directory would meet it. So what can be known of the disks is known first.
//!
//! **Invariant**: when a disk that cannot be used is told here, nothing is in the data
//! directory but its lock and its socket. A disk that somebody else takes between this
//! look and the opening is told later, by a start that has founded its node.

use std::path::{Path, PathBuf};

use disk::RealDisk;
use fragments::OpenError;

use crate::disks::{DISK_MARK, mark_read, parent_check};
use crate::files::NODE_FILE;
use crate::places::resolved;
use crate::settings::Settings;
use crate::start_checks::copied;
use crate::trouble::{Trouble, about_directory};

/// Whether no node was made in the data directory yet.
pub(crate) fn is_first(settings: &Settings) -> bool {
    !settings.data.join(NODE_FILE).try_exists().unwrap_or(true)
}

/// Refuses disks that no new node can take; reads only.
pub(crate) fn disks_check(settings: &Settings) -> Result<(), Trouble> {
    for directory in &settings.disks {
        parent_check(settings, directory)?;
        if directory.join(DISK_MARK).exists() {
            let copy = copied(directory, &[DISK_MARK])?;
            return Err(about_taken(directory, &mark_read(directory, copy.as_ref())?));
        }
    }
    Ok(())
}

/// Refuses disks that cannot be written, that another process has, or that hold what is
/// not a new node's. Makes those that are not there, and their locks.
pub(crate) fn disks_try(settings: &Settings) -> Result<(), Trouble> {
    // One in the data directory is made with it.
    let data = resolved(&settings.data);
    let outside = |directory: &&PathBuf| !resolved(directory).starts_with(&data);
    for directory in settings.disks.iter().filter(outside) {
        let disk = RealDisk::open(directory).map_err(|error| about_directory(directory, &error))?;
        match fragments::Identity::read(disk.as_ref()) {
            Err(OpenError::Blank) => {}
            Err(_) => return mark_read(directory, disk.as_ref()).map(|_| ()),
            Ok(mark) => return Err(about_taken(directory, &mark)),
        }
    }
    Ok(())
}

/// A disk that has a cluster already.
fn about_taken(directory: &Path, mark: &fragments::Identity) -> Trouble {
    let (shown, cluster) = (directory.display(), mark.cluster);
    Trouble::new(
        format!("{shown} is a disk of another cluster ({cluster}): this would be a new node"),
        "if that node lost its data directory, restore it here first: essaim restore --help; \
         for a new node, name a directory that is not there yet",
    )
}
