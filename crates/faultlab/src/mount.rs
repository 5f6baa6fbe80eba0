//! A file system of its own: ext4 in a file, mounted by a loop device.
//!
//! **Invariant**: it is unmounted with its handle.

use std::path::{Path, PathBuf};

use anyhow::Result;
use blackbox::Program;

/// A mounted file system.
pub struct Mount {
    point: PathBuf,
}

impl Mount {
    /// Makes one of this size (as `64M`) in the folder and mounts it there; the file takes
    /// the room that is written.
    pub fn make(folder: &Path, size: &str) -> Result<Self> {
        let image = folder.join("image");
        let point = folder.join("mount");
        std::fs::create_dir(&point)?;
        Program::named("truncate")?.args(["-s", size]).args([&image]).run()?;
        Program::named("mkfs.ext4")?.args(["-q", "-m", "0"]).args([&image]).run()?;
        Program::named("mount")?.args(["-o", "loop"]).args([&image, &point]).run()?;
        Ok(Self { point })
    }

    /// Where it is mounted.
    pub fn point(&self) -> &Path {
        &self.point
    }

    /// Unmounts whatever a run that was killed has left below a folder.
    pub fn clear_below(folder: &Path) -> Result<()> {
        let mounts = std::fs::read_to_string("/proc/mounts")?;
        let points = mounts.lines().filter_map(|line| line.split_whitespace().nth(1));
        for point in points.filter(|point| Path::new(point).starts_with(folder)) {
            Program::named("umount")?.args([point]).run()?;
        }
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted =
            Program::named("umount").and_then(|program| program.args([&self.point]).run());
        if let Err(error) = unmounted {
            eprintln!("{error:#}");
        }
    }
}
