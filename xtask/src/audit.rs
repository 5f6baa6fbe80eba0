//! Dependencies: only from the registry, only under licences that the EUPL-1.2
//! can be combined with, and pinned by the lock file.
//!
//! Advisories need a database from the network; `cargo deny check advisories`
//! is run where that tool is installed, and its absence is said.

use std::path::Path;

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

use crate::shell;

/// SPDX identifiers we accept, each on its own or in an `OR`/`AND` expression.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "EUPL-1.2",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Checks sources and licences of every package in the lock file.
pub fn run(root: &Path) -> Result<()> {
    let metadata = MetadataCommand::new()
        .current_dir(root)
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .context("cargo metadata failed: is Cargo.lock up to date?")?;
    let mut faults = Vec::new();
    for package in &metadata.packages {
        let name = format!("{} {}", package.name, package.version);
        if let Some(source) = &package.source
            && !source.is_crates_io()
        {
            faults.push(format!("{name}: comes from {source}, not from the registry"));
        }
        match &package.license {
            Some(expression) if is_accepted(expression) => {}
            Some(expression) => faults.push(format!("{name}: licence {expression} not accepted")),
            None if package.license_file.is_some() => {
                faults.push(format!("{name}: licence only as a file; read it, then decide"));
            }
            None => faults.push(format!("{name}: no licence")),
        }
    }
    if !faults.is_empty() {
        bail!("dependencies:\n  {}", faults.join("\n  "));
    }
    if shell::is_installed("cargo-deny") {
        shell::run(shell::cargo(root).args(["deny", "check", "advisories"]))?;
    } else {
        eprintln!("audit: cargo-deny is not installed; advisories were not checked");
    }
    Ok(())
}

/// A disjunction is accepted if one side is, a conjunction if both are.
fn is_accepted(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    expression.split(" OR ").any(|choice| {
        choice
            .split(" AND ")
            .all(|name| LICENCES.contains(&name.trim().trim_matches(['(', ')']).trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::is_accepted;

    #[test]
    fn expressions() {
        for good in
            ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0"]
        {
            assert!(is_accepted(good), "{good}");
        }
        for bad in ["GPL-3.0", "AGPL-3.0-only", "MIT AND GPL-2.0", ""] {
            assert!(!is_accepted(bad), "{bad}");
        }
    }
}
