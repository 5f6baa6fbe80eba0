//! Rules that compilers do not know.
//!
//! - [`layers`]: a crate depends only downwards, or on a listed neighbour; no exceptions file.
//!   A package outside the workspace is listed.
//! - [`files`]: every source file opens with `//!`, stays below its length limit,
//!   and uses no lint switch without a reason.
//! - [`metrics`]: what is counted has its sentence in the table of metrics.
//! - [`words`]: nothing in the project names a machine's folders or a registry's hosts.

mod files;
mod layers;
mod metrics;
mod words;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// Runs every rule and reports all faults at once.
pub fn run(root: &Path) -> Result<()> {
    let tracked = tracked_files(root)?;
    let mut faults = layers::check(root, &tracked)?;
    faults.extend(files::check(root, &tracked)?);
    faults.extend(metrics::check(root, &tracked)?);
    faults.extend(words::check(root, &tracked)?);
    if !faults.is_empty() {
        bail!("tidy found {} faults:\n  {}", faults.len(), faults.join("\n  "));
    }
    eprintln!("tidy: {} files, no fault", tracked.len());
    Ok(())
}

/// Files that git tracks or would track, relative to the root.
fn tracked_files(root: &Path) -> Result<Vec<PathBuf>> {
    let list = shell::output(Command::new("git").current_dir(root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    Ok(list.lines().map(PathBuf::from).filter(|path| root.join(path).is_file()).collect())
}
