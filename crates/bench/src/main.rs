//! Measurements of a node or a cluster: speed beside a peer, scale, memory, overhead on disk.
//!
//! ```text
//! cargo xtask bench                       speed of this software alone
//! cargo xtask bench --peer garage         beside Garage (`cargo install garage --locked`)
//! cargo xtask bench --sites 3 --peer garage   clusters: 2+1 beside three copies
//! cargo xtask bench scale                 a million objects: start after kill -9, listings
//! cargo xtask bench memory                a thousand slow clients and a huge upload
//! cargo xtask bench overhead              bytes on disk beside bytes stored
//! ```

mod memory;
mod overhead;
mod report;
mod scale;
mod server;
mod sites;
mod speed;
mod work;

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Target};
use clap::{Parser, Subcommand};
use http::Method;
use tempfile::TempDir;

/// The bucket every work uses.
pub const BUCKET: &str = "bench";

/// How a measurement is repeated.
const PROGRAM: &str = "cargo xtask bench";

/// Measurements of a node or a cluster.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    speed: speed::Speed,
}

#[derive(Subcommand)]
enum What {
    /// Many objects in one bucket: start after `kill -9`, listings beside a small bucket.
    Scale(scale::Scale),
    /// Resident memory: idle, with slow clients, with a huge multipart upload in flight.
    Memory(memory::Memory),
    /// Bytes on disk beside bytes stored, large objects on one disk.
    Overhead(overhead::Overhead),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.what {
        None => arguments.speed.run().await,
        Some(What::Scale(scale)) => scale.run().await,
        Some(What::Memory(memory)) => memory.run().await,
        Some(What::Overhead(overhead)) => overhead.run().await,
    }
}

/// A fresh folder for data, inside the one given or beside this program; it goes with
/// its handle.
pub fn folder_make(inside: Option<&Path>) -> Result<TempDir> {
    let own = std::env::current_exe()?;
    let inside = inside.or_else(|| own.parent()).context("this program lies in no folder")?;
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(inside)?)
}

/// Makes the bucket the works use, unless it is there.
pub async fn bucket_create(target: &Target, bucket: &str) -> Result<()> {
    let mut client = Client::connect(target).await?;
    let path = format!("/{bucket}");
    if !client.call(Ask::new(Method::HEAD, &path)).await?.status.is_success() {
        let answer = client.call(Ask::new(Method::PUT, &path)).await?;
        ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    }
    Ok(())
}
