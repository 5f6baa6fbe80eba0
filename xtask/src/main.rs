//! `cargo xtask`: the project's own tools, in Rust, one command each.
//!
//! | command | what it does |
//! |---|---|
//! | `verify` | the one gate, read-only: format, lints, tidy, tests, documentation, dependencies |
//! | `fix` | writes what `verify` would complain about and a tool can mend |
//! | `tidy` | the rules that compilers do not know: layers, file heads, lengths, words |
//! | `audit` | where dependencies come from and under which licence |
//! | `test` | all tests, after installing the real clients they drive |
//! | `planted` | switches deliberate faults on, one at a time: each must be caught |
//! | `conformance` | ceph/s3-tests against a fresh node, with published lists |
//! | `bench` | the same work against this software and a peer, in turns |

mod audit;
mod bench;
mod clients;
mod conformance;
mod planted;
mod shell;
mod test;
mod tidy;
mod verify;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own tools.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The one gate, read-only: format, lints, tidy, dependencies, documentation, tests.
    Verify(verify::Verify),
    /// Writes what a tool can mend: formatting and mechanical lints.
    Fix,
    /// Rules that compilers do not know: layers, file heads, lengths, words.
    Tidy,
    /// Where dependencies come from and under which licence.
    Audit,
    /// All tests, after installing the clients they drive (as root on Debian or Ubuntu).
    Test(test::Test),
    /// Switches each planted bug on; the tests must catch every one.
    Planted,
    /// ceph/s3-tests against a fresh node.
    Conformance(conformance::Conformance),
    /// The same work against this software and a peer, in turns, in ratios.
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let root = shell::workspace_root()?;
    match Arguments::parse().command {
        Command::Verify(verify) => verify.run(&root),
        Command::Fix => verify::fix(&root),
        Command::Tidy => tidy::run(&root),
        Command::Audit => audit::run(&root),
        Command::Test(test) => test.run(&root),
        Command::Planted => planted::run(&root),
        Command::Conformance(conformance) => conformance.run(&root),
        Command::Bench(bench) => bench.run(&root),
    }
}
