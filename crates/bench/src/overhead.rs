//! Bytes on disk beside bytes stored: large objects on a node with one disk, or on all
//! sites of a cluster.
//!
//! What counts is what the file system has allocated for the whole data directories,
//! preallocated and reserved space included, less what nodes with an empty bucket
//! have: that part stays the same however much is stored, and is printed by itself.
//! A code of k + m needs (k + m) / k bytes for a byte; what is judged is how much more
//! there is.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use blackbox::{Ask, Client, Target};
use bytes::Bytes;
use clap::Args;
use http::Method;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::server::{Essaim, Server as _};
use crate::sites::Sites;
use crate::work::as_f64;
use crate::{BUCKET, bucket_create};

/// Sizes of the objects; each size has a node of its own.
const SIZES: [(&str, usize); 3] = [("1 MiB", 1 << 20), ("16 MiB", 16 << 20), ("64 MiB", 64 << 20)];
/// Two readings this far apart that agree are the end of what goes on behind.
const PAUSE: Duration = Duration::from_secs(5);
/// How long the readings may go on changing.
const PATIENCE: Duration = Duration::from_mins(2);

/// Bytes on disk beside bytes stored.
#[derive(Args)]
pub struct Overhead {
    #[command(flatten)]
    cluster: Sites,
    /// MiB stored of each size.
    #[arg(long, default_value_t = 2_048)]
    mebibytes: u64,
    /// Fail if more bytes are on disk for each byte that the code needs.
    #[arg(long, default_value_t = 1.03)]
    ratio_max: f64,
    /// The binary under test; by default the one beside this program.
    #[arg(long)]
    essaim: Option<PathBuf>,
    /// Where it keeps its data; a fresh folder is made inside; by default beside
    /// this program.
    #[arg(long)]
    folder: Option<PathBuf>,
}

impl Overhead {
    /// Stores, waits until nothing changes any more, compares, prints.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.essaim.as_deref(), None)?;
        let needed = self.cluster.bytes_per_byte()?;
        println!(
            "| objects | stored | on disk for them | for a byte stored | for a byte that the \
             code needs | besides, empty |"
        );
        println!("|---|---|---|---|---|---|");
        let mut worst = 0.0_f64;
        for (name, size) in SIZES {
            let folder = crate::folder_make(self.folder.as_deref())?;
            let node =
                Essaim::start(self.essaim.as_deref(), folder.path(), &self.cluster, None).await?;
            let target = node.targets().first().context("no node")?;
            bucket_create(target, BUCKET).await?;
            let empty = settled(folder.path()).await?;
            let count = (self.mebibytes << 20) / size as u64;
            fill(target, count, size).await?;
            let stored = count * size as u64;
            let taken = settled(folder.path()).await?.saturating_sub(empty);
            let ratio = as_f64(taken) / as_f64(stored);
            println!(
                "| {count} of {name} | {} MiB | {:.1} MiB | {ratio:.4} | **{:.4}** | {:.1} MiB |",
                stored >> 20,
                as_f64(taken) / as_f64(1 << 20),
                ratio / needed,
                as_f64(empty) / as_f64(1 << 20),
            );
            worst = worst.max(ratio / needed);
        }
        ensure!(
            worst <= self.ratio_max,
            "{worst:.4} bytes on disk for a byte that is needed, more than {}",
            self.ratio_max
        );
        Ok(())
    }
}

/// Stores so many objects of this size, each of other bytes.
async fn fill(target: &Target, count: u64, size: usize) -> Result<()> {
    let mut client = Client::connect(target).await?;
    for n in 0..count {
        let mut body = vec![0; size];
        ChaCha12Rng::seed_from_u64(n).fill_bytes(&mut body);
        let ask = Ask::new(Method::PUT, format!("/{BUCKET}/{n}")).body(Bytes::from(body));
        let answer = client.count(ask).await?;
        ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    }
    Ok(())
}

/// Bytes allocated under a folder, once two readings agree.
async fn settled(folder: &Path) -> Result<u64> {
    let since = Instant::now();
    let mut before = None;
    loop {
        let now = allocated(folder)?;
        if before == Some(now) {
            return Ok(now);
        }
        ensure!(since.elapsed() < PATIENCE, "what is on disk still changes: {now} bytes");
        before = Some(now);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Bytes the file system has allocated for everything under a folder.
fn allocated(folder: &Path) -> Result<u64> {
    let mut all = 0;
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        // A file of the engine's may go between the two looks.
        let entry = entry?;
        let Ok(about) = entry.metadata() else { continue };
        all += if about.is_dir() { allocated(&entry.path())? } else { about.blocks() * 512 };
    }
    Ok(all)
}
