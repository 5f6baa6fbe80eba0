//! The command line: the one binary.
//!
//! `essaim up` composes and runs a node (the room `node` does the work); every
//! other command speaks to a running node over the socket in its data directory,
//! or to its `--admin-url` with a token. This room holds words, tables and exit
//! codes, and no logic of the node.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | it is done |
//! | 1 | it could not be done; the error output says why and what to do |
//! | 2 | the command line itself is wrong |
//! | 3 | no node runs where one was looked for |

#[macro_use]
mod output;
mod cli;
mod client;
mod commands;
mod demo;
mod failure;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

/// Returns freed memory to the system: a node that served a burst must be small
/// again a moment later.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(cli).and_then(|()| output::end()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
