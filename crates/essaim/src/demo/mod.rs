//! `essaim demo`: a cluster of real processes on this machine, and what it survives.
//!
//! The program does what an operator and a few users would do: it starts sites, lets them
//! join by tokens, puts documents in over S3, takes machines away while others read and
//! write, and looks afterwards. It uses nothing but what they have: the binary, its
//! commands' interface, S3.
//!
//! **Invariants**
//! - Whatever was acknowledged is read back and compared with what was sent.
//! - No process outlives the program unless `--keep` was given; nothing is written outside
//!   the folder it has made.

mod census;
mod documents;
mod figures;
mod folder;
mod load;
mod machine;
mod reach;
mod story;
mod town;

use crate::cli::DemoArgs;
use crate::failure::Failure;

/// Plays the story, or ends it cleanly on Ctrl-C.
pub fn run(args: &DemoArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("this machine gives no runtime: {error}"), ""))?;
    runtime.block_on(async {
        tokio::select! {
            played = story::play(args) => played,
            _ = tokio::signal::ctrl_c() => Err(Failure::failed(
                "the demonstration was stopped, and its sites with it",
                "",
            )),
        }
    })
}
