//! The one gate: what it runs is what continuous integration runs.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::{audit, shell, test, tidy};

/// The one gate.
#[derive(Args)]
pub struct Verify {
    /// Leave out the tests (format, lints, tidy, dependencies and documentation only).
    #[arg(long)]
    no_test: bool,
}

impl Verify {
    /// Runs every check; the first failure ends it.
    pub fn run(self, root: &Path) -> Result<()> {
        step("tidy", || tidy::run(root))?;
        step("audit", || audit::run(root))?;
        step("format", || shell::run(shell::cargo(root).args(["fmt", "--all", "--check"])))?;
        step("lints", || {
            shell::run(shell::cargo(root).args([
                "clippy",
                "--quiet",
                "--locked",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))
        })?;
        step("documentation", || {
            shell::run(
                shell::cargo(root)
                    .args(["doc", "--quiet", "--locked", "--workspace", "--no-deps"])
                    .env("RUSTDOCFLAGS", "-D warnings"),
            )
        })?;
        if !self.no_test {
            step("tests", || test::Test::default().run(root))?;
        }
        Ok(())
    }
}

/// Mends what tools can mend.
pub fn fix(root: &Path) -> Result<()> {
    shell::run(shell::cargo(root).args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--fix",
        "--allow-dirty",
        "--allow-staged",
    ]))?;
    shell::run(shell::cargo(root).args(["fmt", "--all"]))
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("── {name}");
    let start = Instant::now();
    work()?;
    eprintln!("── {name}: good ({:.0} s)", start.elapsed().as_secs_f64());
    Ok(())
}
