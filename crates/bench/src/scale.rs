//! Many objects in one bucket: the start after `kill -9`, and listings beside
//! those of a small bucket in the same run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use blackbox::{Ask, Client, Node, Start, Target};
use clap::Args;
use http::Method;
use tokio::task::JoinSet;

use crate::bucket_create;
use crate::server::resident_bytes;

const CLIENTS: usize = 32;
const SMALL_COUNT: u64 = 10_000;
const SAMPLES: u64 = 200;

/// Many objects in one bucket.
#[derive(Args)]
pub struct Scale {
    /// How many.
    #[arg(long, default_value_t = 1_000_000)]
    objects: u64,
    /// Times the node is killed and started.
    #[arg(long, default_value_t = 5)]
    kills: usize,
    /// The binary under test; by default the one beside this program.
    #[arg(long)]
    essaim: Option<PathBuf>,
    /// Where it keeps its data; a fresh folder is made inside; by default beside
    /// this program.
    #[arg(long)]
    folder: Option<PathBuf>,
}

impl Scale {
    /// Fills, kills, lists, prints.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.essaim.as_deref(), None)?;
        let folder = crate::folder_make(self.folder.as_deref())?;
        let start = Start {
            folder: Some(folder.path().to_path_buf()),
            binary: self.essaim.clone(),
            ..Start::default()
        };
        let mut node = Node::start_with(start.clone())?;
        for (bucket, count) in [("small", SMALL_COUNT), ("large", self.objects)] {
            bucket_create(&node.target(), bucket).await?;
            let since = Instant::now();
            fill(&node.target(), bucket, count).await?;
            println!("{count} objects in {:.0} s", since.elapsed().as_secs_f64());
        }
        let mut starts = Vec::new();
        for _ in 0..self.kills {
            node.kill()?;
            node = Node::start_with(start.clone())?;
            starts.push(node.ready_after());
        }
        starts.sort_unstable();
        println!("start after kill -9: {starts:.2?}");

        for (what, query) in
            [("by prefix", prefix as fn(u64, u64) -> String), ("by delimiter", delimiter)]
        {
            let small = time(&node.target(), "small", SMALL_COUNT, query).await?;
            let large = time(&node.target(), "large", self.objects, query).await?;
            println!(
                "list {what}, median of {SAMPLES}: {:.2} ms of {SMALL_COUNT}, {:.2} ms of {}; ratio {:.2}",
                small.as_secs_f64() * 1e3,
                large.as_secs_f64() * 1e3,
                self.objects,
                large.as_secs_f64() / small.as_secs_f64(),
            );
        }
        println!("resident memory: {} MiB", resident_bytes(node.process_id()) >> 20);
        Ok(())
    }
}

/// A hundred objects to a folder, a hundred folders to a shelf.
fn key(n: u64) -> String {
    format!("{:05}/{:02}/{n:09}", n / 10_000, n / 100 % 100)
}

async fn fill(target: &Target, bucket: &str, count: u64) -> Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..CLIENTS {
        let (next, target, bucket) = (Arc::clone(&next), target.clone(), bucket.to_owned());
        workers.spawn(async move {
            let mut client = Client::connect(&target).await?;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return anyhow::Ok(());
                }
                let ask = Ask::new(Method::PUT, format!("/{bucket}/{}", key(n))).body("contenu");
                let answer = client.call(ask).await?;
                ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
            }
        });
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    Ok(())
}

/// One folder of a hundred objects.
fn prefix(sample: u64, count: u64) -> String {
    let n = sample * 7_919 * 100 % count;
    let folder = key(n).rsplit_once('/').map(|(folder, _)| folder.replace('/', "%2F"));
    format!("list-type=2&max-keys=1000&prefix={}%2F", folder.unwrap_or_default())
}

/// The hundred folders of one shelf, each a common prefix.
fn delimiter(sample: u64, count: u64) -> String {
    let shelf = sample * 7_919 * 10_000 % count / 10_000;
    format!("delimiter=%2F&list-type=2&max-keys=1000&prefix={shelf:05}%2F")
}

async fn time(
    target: &Target,
    bucket: &str,
    count: u64,
    query: fn(u64, u64) -> String,
) -> Result<Duration> {
    let mut client = Client::connect(target).await?;
    let mut times = Vec::new();
    for sample in 0..SAMPLES {
        let ask = Ask::new(Method::GET, format!("/{bucket}")).query(query(sample, count));
        let since = Instant::now();
        let answer = client.call(ask).await?;
        times.push(since.elapsed());
        let text = answer.text();
        let found = text.matches("<Key>").count() + text.matches("<CommonPrefixes>").count();
        ensure!(answer.status.is_success() && found >= 1, "{}: {text}", answer.status);
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}
