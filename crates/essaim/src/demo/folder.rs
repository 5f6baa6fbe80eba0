//! The folder of a demonstration: one for each site, gone with the program unless kept.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A folder made for one demonstration.
pub struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// Makes a folder that nobody else has: the one that is asked for, or one of this
    /// process among temporary files.
    pub fn make(asked: Option<&Path>) -> Result<Self, Failure> {
        let path = asked.map_or_else(
            || std::env::temp_dir().join(format!("essaim-demo-{}", std::process::id())),
            Path::to_path_buf,
        );
        fs::create_dir(&path).map_err(|error| {
            let hint =
                "name a folder that is not there yet, on a disk with some GiB free: --folder DIR";
            Failure::failed(format!("the folder {} cannot be made: {error}", path.display()), hint)
        })?;
        let path = path.canonicalize().unwrap_or(path);
        Ok(Self { path, keep: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It stays when the program ends.
    pub fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("essaim: {} could not be removed: {error}", self.path.display());
        }
    }
}
