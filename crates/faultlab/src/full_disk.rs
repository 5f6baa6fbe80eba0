//! A file system of 64 MiB, filled until nothing more is taken.
//!
//! Promise: reads and deletes go on, nothing acknowledged is lost, a restart on
//! the full disk works, and writes are taken again by themselves after deletes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use blackbox::{Ask, Client, Node, Program, Start};
use clap::Args;
use http::{Method, StatusCode};

use crate::expected::{Contents, Expected};
use crate::workload::{self, BUCKET};

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
}

impl FullDisk {
    /// Runs the drill; fails on any loss or if writes do not come back.
    pub async fn run(self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mount = Mount::make(folder.path())?;
        let start = Start {
            folder: Some(mount.point.clone()),
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
        let node = Node::start_with(start)?;
        let losses = workload::verify(&node.target(), &mut expected).await?;
        workload::ensure_none(&losses, "after a kill on the full disk")?;

        let mut client = Client::connect(&node.target()).await?;
        for n in 0..stored / 2 {
            let key = key(n);
            let answer = client.call(Ask::new(Method::DELETE, format!("/{BUCKET}/{key}"))).await?;
            ensure!(answer.status.is_success(), "delete while full: {}", answer.text());
            expected.acknowledged(&key, None);
        }
        let since = Instant::now();
        loop {
            let contents = Contents { seed: 7, length: OBJECT_BYTES };
            let ask = Ask::new(Method::PUT, format!("/{BUCKET}/after")).body(contents.bytes());
            let answer = client.call(ask).await?;
            if answer.status.is_success() {
                expected.acknowledged("after", Some(contents));
                break;
            }
            if since.elapsed() > RECOVERY_MAX {
                bail!("no write taken {RECOVERY_MAX:?} after the deletes: {}", answer.text());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let recovery = since.elapsed();
        let losses = workload::verify(&node.target(), &mut expected).await?;
        workload::ensure_none(&losses, "after recovery")?;
        println!("lost 0; writes taken again {:.1} s after the deletes", recovery.as_secs_f64());
        Ok(())
    }
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
        let answer = client.call(ask).await?;
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

/// A loop-mounted ext4; unmounted when dropped.
struct Mount {
    point: PathBuf,
}

impl Mount {
    fn make(folder: &Path) -> Result<Self> {
        let image = folder.join("image");
        let point = folder.join("mount");
        std::fs::create_dir(&point)?;
        Program::named("truncate")?.args(["-s", FILE_SYSTEM]).args([&image]).run()?;
        Program::named("mkfs.ext4")?.args(["-q", "-m", "0"]).args([&image]).run()?;
        Program::named("mount")?.args(["-o", "loop"]).args([&image, &point]).run()?;
        Ok(Self { point })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted =
            Program::named("umount").and_then(|program| program.args([&self.point]).run());
        if let Err(error) = unmounted {
            eprintln!("{error:#}");
        }
    }
}
