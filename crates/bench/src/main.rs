//! The same work against this software and against a peer, in turns, in ratios.
//!
//! Both servers run on this machine, on loopback, with fsync on, each with its
//! own fresh folder on the same file system; the client is the same program with
//! the same number of connections; each work is done by one side, then by the
//! other, for several rounds, and the *ratio of each round* is what is reported:
//! machines drift, ratios less so.
//!
//! ```text
//! cargo xtask bench                       this software alone
//! cargo xtask bench -- --peer garage      against Garage (`cargo install garage --locked`)
//! ```

mod report;
mod server;
mod work;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use blackbox::{Ask, Client, Target};
use clap::Parser;
use http::Method;

use crate::report::Report;
use crate::server::{Essaim, Garage, Server};
use crate::work::Work;

/// The bucket every work uses.
pub const BUCKET: &str = "bench";

/// Speed of one node, side by side with a peer.
#[derive(Parser)]
struct Arguments {
    /// The peer to measure against, in turns.
    #[arg(long, value_parser = ["garage"])]
    peer: Option<String>,
    /// The binary under test.
    #[arg(long, default_value = "target/release/essaim")]
    essaim: PathBuf,
    /// The peer's binary.
    #[arg(long, default_value = "garage")]
    garage: PathBuf,
    /// Where both keep their data; a fresh folder is made inside.
    #[arg(long, default_value = "target")]
    folder: PathBuf,
    /// Rounds; each round does every work on each side.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only works whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Write the table as Markdown to this file as well.
    #[arg(long)]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&arguments.folder)?;
    let mut servers: Vec<Box<dyn Server>> =
        vec![Box::new(Essaim::start(&arguments.essaim, folder.path())?)];
    if arguments.peer.is_some() {
        servers.push(Box::new(Garage::start(&arguments.garage, folder.path())?));
    }
    let mut report = Report::new(servers.iter().map(|server| server.name()).collect());
    for server in &servers {
        bucket_create(server.target()).await?;
    }
    for round in 0..arguments.rounds {
        for work in Work::ALL {
            let skipped = arguments.only.as_ref().is_some_and(|only| !work.name().contains(only));
            if skipped && !work.is_needed_by_others() {
                continue;
            }
            for (side, server) in servers.iter().enumerate() {
                let measure = work.run(server.target(), round).await?;
                report.add(*work, side, measure, server.resident_bytes());
                eprintln!("round {round}: {:<14} {:<8} {measure}", work.name(), server.name());
            }
        }
    }
    let table = report.markdown();
    println!("{table}");
    if let Some(path) = arguments.write {
        std::fs::write(path, table)?;
    }
    Ok(())
}

/// Makes the bucket the works use, unless it is there.
async fn bucket_create(target: &Target) -> Result<()> {
    let mut client = Client::connect(target).await?;
    let path = format!("/{BUCKET}");
    if !client.call(Ask::new(Method::HEAD, &path)).await?.status.is_success() {
        let answer = client.call(Ask::new(Method::PUT, &path)).await?;
        ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    }
    Ok(())
}
