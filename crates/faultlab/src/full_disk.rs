//! A file system of 64 MiB, filled until nothing more is taken.
//!
//! Promise: reads and deletes go on, nothing acknowledged is lost, a restart on
//! the full disk works, and writes are taken again by themselves after deletes.
//!
//! Then a stranger fills what the node had left free, to the last byte: reads go
//! on, nothing is falsely acknowledged, and once the stranger is gone writes are
//! taken again by themselves, by the same process and by one that was killed.
//! Last, the stranger comes while writes are under way, before the node can have
//! noticed how little room is left.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use blackbox::{Ask, Client, Node, Start, Target};
use clap::Args;
use http::{Method, StatusCode};

use crate::expected::{Contents, Expected};
use crate::mount::Mount;
use crate::workload::{self, BUCKET, Load, Tally};

const FILE_SYSTEM: &str = "64M";
const OBJECT_BYTES: usize = 300 * 1024;
const OBJECTS_MAX: u64 = 1_000;
const RECOVERY_MAX: Duration = Duration::from_mins(1);

/// A full disk.
#[derive(Args)]
pub struct FullDisk {
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// How many times a stranger fills the disk while writes are under way.
    #[arg(long, default_value_t = 0)]
    races: u64,
}

impl FullDisk {
    /// Runs the drill; fails on any loss or if writes do not come back.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), None)?;
        let folder = tempfile::tempdir()?;
        let mount = Mount::make(folder.path(), FILE_SYSTEM)?;
        let start = Start {
            folder: Some(mount.point().to_owned()),
            binary: self.binary.clone(),
            ..Start::default()
        };
        let mut node = Node::start_with(start.clone())?;
        workload::bucket_create(&node.target()).await?;
        let mut expected = Expected::default();
        let stored = fill(&node, &mut expected).await?;
        ensure!(stored > 10, "only {stored} objects fitted");
        println!("full after {stored} objects of {OBJECT_BYTES} bytes");

        let losses = workload::verify(&node.target(), &mut expected).await?;
        workload::ensure_none(&losses, "while full")?;
        node.kill()?;
        node = Node::start_with(start.clone())?;
        let losses = workload::verify(&node.target(), &mut expected).await?;
        workload::ensure_none(&losses, "after a kill on the full disk")?;

        let mut client = Client::connect(&node.target()).await?;
        for n in 0..stored / 2 {
            let key = key(n);
            let answer = client.call(Ask::new(Method::DELETE, format!("/{BUCKET}/{key}"))).await?;
            ensure!(answer.status.is_success(), "delete while full: {}", answer.text());
            expected.acknowledged(&key, None);
        }
        let recovery = writes_return(&node.target(), &mut expected).await?;
        let losses = workload::verify(&node.target(), &mut expected).await?;
        workload::ensure_none(&losses, "after recovery")?;
        println!("lost 0; writes taken again {:.1} s after the deletes", recovery.as_secs_f64());
        for killed in [false, true] {
            self.stranger(&mut node, &start, &mount, &mut expected, killed).await?;
        }
        for round in 0..self.races {
            race(&node, &mount, &mut expected, round).await?;
        }
        Ok(())
    }

    /// Somebody else fills the file system, writes are tried, and he goes again.
    async fn stranger(
        &self,
        node: &mut Node,
        start: &Start,
        mount: &Mount,
        expected: &mut Expected,
        killed: bool,
    ) -> Result<()> {
        let stranger = mount.point().join("stranger");
        fill_up(&stranger)?;
        let (mut tally, mut deleted) = (Tally::default(), 0);
        let mut client = Client::connect(&node.target()).await?;
        for n in 0..STRANGER_ATTEMPTS {
            // Every third is a deletion, the others are of all sizes.
            let key = if n % 3 == 0 { key(500 + n) } else { format!("stranger/{killed}/{n}") };
            let contents = Contents { seed: n, length: 100 << (n % 12) };
            let path = format!("/{BUCKET}/{key}");
            let (ask, state) = if n % 3 == 0 {
                (Ask::new(Method::DELETE, path), None)
            } else {
                (Ask::new(Method::PUT, path).body(contents.bytes()), Some(contents))
            };
            expected.sent(&key, state);
            match tokio::time::timeout(PATIENCE, client.call(ask)).await {
                Ok(Ok(answer)) if answer.status.is_success() => {
                    expected.acknowledged(&key, state);
                    tally.acknowledged += 1;
                    deleted += u64::from(state.is_none());
                }
                Ok(Ok(_)) => tally.refused += 1,
                _ => {
                    tally.unknown += 1;
                    client = Client::connect(&node.target()).await?;
                }
            }
        }
        // What waits in the log for room may be carried out once it is there: that it is not
        // seen now settles nothing.
        let losses = workload::verify(&node.target(), &mut expected.clone()).await?;
        workload::ensure_none(&losses, "with a stranger on the disk")?;
        if killed {
            node.kill()?;
        }
        std::fs::remove_file(&stranger)?;
        let since = Instant::now();
        if killed {
            *node = Node::start_with(start.clone())?;
        }
        ensure!(node.is_running()?, "the node stopped on a full disk:\n{}", node.log()?);
        writes_return(&node.target(), expected).await?;
        let recovery = since.elapsed();
        let losses = workload::verify(&node.target(), expected).await?;
        workload::ensure_none(&losses, "after the stranger")?;
        println!(
            "filled by a stranger{}: {} acknowledged ({deleted} deletes), {} refused, {} without \
             an answer, lost 0; writes taken again {:.1} s after he went",
            if killed { ", killed" } else { "" },
            tally.acknowledged,
            tally.refused,
            tally.unknown,
            recovery.as_secs_f64()
        );
        Ok(())
    }
}

/// Writers at work while a stranger fills the disk and goes again.
async fn race(node: &Node, mount: &Mount, expected: &mut Expected, round: u64) -> Result<()> {
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..RACERS {
        let mine = expected.split(|key| key.starts_with(&format!("{worker}/")));
        let seed = round << 8 | worker as u64;
        let load = Load { seed, operations: RACE_OPERATIONS, length_max: RACE_BYTES_MAX };
        workers.spawn(workload::work(node.target(), worker, load, mine));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let stranger = mount.point().join("stranger");
    let path = stranger.clone();
    tokio::task::spawn_blocking(move || fill_up(&path)).await??;
    tokio::time::sleep(Duration::from_secs(2)).await;
    std::fs::remove_file(&stranger)?;
    let since = Instant::now();
    writes_return(&node.target(), expected).await?;
    let recovery = since.elapsed();
    let mut tally = Tally::default();
    while let Some(done) = workers.join_next().await {
        let (theirs, more) = done?;
        expected.merge(theirs);
        tally.add(more);
    }
    let losses = workload::verify(&node.target(), expected).await?;
    workload::ensure_none(&losses, "after a stranger amid writes")?;
    println!(
        "a stranger amid writes: {} acknowledged, {} refused, {} without an answer, lost 0; \
         writes taken again {:.1} s after he went",
        tally.acknowledged,
        tally.refused,
        tally.unknown,
        recovery.as_secs_f64()
    );
    // Room for the next round.
    let mut client = Client::connect(&node.target()).await?;
    for key in expected.keys() {
        let answer = client.call(Ask::new(Method::DELETE, format!("/{BUCKET}/{key}"))).await?;
        ensure!(answer.status.is_success(), "delete after a race: {}", answer.text());
        expected.acknowledged(&key, None);
    }
    Ok(())
}

/// Writers of a race, and how much each does.
const RACERS: usize = 4;
const RACE_OPERATIONS: u64 = 1_500;

/// Longest object of a race: few of them lie beside the catalog.
const RACE_BYTES_MAX: usize = 24 * 1024;

/// How many writes and deletes are tried on a disk that a stranger filled.
const STRANGER_ATTEMPTS: u64 = 60;

/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Writes until the file system takes no byte more.
pub fn fill_up(path: &Path) -> Result<()> {
    let mut file = std::fs::File::create(path)?;
    for bytes in [64 * 1024, 4096, 1] {
        let block = vec![b'x'; bytes];
        while file.write_all(&block).is_ok() {}
    }
    // What could not be kept is no room either.
    drop(file.sync_all());
    Ok(())
}

/// Puts until a write is taken, of an object that lies in the catalog and one that does not.
async fn writes_return(target: &Target, expected: &mut Expected) -> Result<Duration> {
    let since = Instant::now();
    for (key, length) in [("after/large", OBJECT_BYTES), ("after/small", 1_000)] {
        let contents = Contents { seed: 7, length };
        loop {
            let ask = Ask::new(Method::PUT, format!("/{BUCKET}/{key}")).body(contents.bytes());
            // A refusal may close the connection before it took the body.
            let answer = Client::connect(target).await?.call(ask).await;
            if answer.as_ref().is_ok_and(|answer| answer.status.is_success()) {
                expected.acknowledged(key, Some(contents));
                break;
            }
            if since.elapsed() > RECOVERY_MAX {
                let words = answer.map_or_else(|error| error.to_string(), |answer| answer.text());
                bail!("no write taken for {RECOVERY_MAX:?}: {words}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(since.elapsed())
}

fn key(n: u64) -> String {
    format!("fill/{n:05}")
}

/// Puts objects until one is refused for want of room, then smaller ones too.
async fn fill(node: &Node, expected: &mut Expected) -> Result<u64> {
    let mut client = Client::connect(&node.target()).await?;
    let mut stored = 0;
    for n in 0..OBJECTS_MAX {
        let contents = Contents { seed: n, length: OBJECT_BYTES };
        let ask = Ask::new(Method::PUT, format!("/{BUCKET}/{}", key(n))).body(contents.bytes());
        expected.sent(&key(n), Some(contents));
        let Ok(answer) = client.call(ask).await else { return Ok(stored) };
        if answer.status.is_success() {
            expected.acknowledged(&key(n), Some(contents));
            stored += 1;
        } else {
            let refused = answer.status == StatusCode::SERVICE_UNAVAILABLE
                || answer.status == StatusCode::INSUFFICIENT_STORAGE;
            ensure!(refused, "a full disk answered {}: {}", answer.status, answer.text());
            return Ok(stored);
        }
    }
    bail!("{OBJECTS_MAX} objects fitted on {FILE_SYSTEM}");
}
