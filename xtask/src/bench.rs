//! The same work against this software and against a peer, in turns.
//!
//! Builds both sides in release and hands over to the `bench` crate, which
//! starts the servers, runs the works and prints ratios.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use crate::shell;

/// The same work against this software and a peer.
#[derive(Args)]
pub struct Bench {
    /// Passed on to the `bench` program; `--help` lists what it takes.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Bench {
    /// Builds and runs.
    pub fn run(self, root: &Path) -> Result<()> {
        shell::run(shell::cargo(root).args([
            "build",
            "--release",
            "--locked",
            "--package",
            "essaim",
            "--package",
            "bench",
        ]))?;
        // It finds the node's binary beside itself.
        let bench = shell::target_folder(root)?.join("release/bench");
        shell::run(std::process::Command::new(bench).args(self.arguments))
    }
}
