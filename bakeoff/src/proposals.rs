//! The whole consensus over one engine or the other: what a proposer waits for.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use consensus::{Consensus, Parts};
use units::{ClusterId, NodeId};

use crate::engines;
use crate::figures::{self, say, say_times};
use crate::work;

/// How long each number of proposers proposes.
const DURATION: Duration = Duration::from_secs(3);

/// One proposer, then 16, then 64; each puts objects.
pub fn measure(name: &str, directory: &Path) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        std::fs::create_dir_all(directory)?;
        let disk = disk::RealDisk::open(&directory.join("disk"))?;
        let engine = engines::open(name, &directory.join("rows"))?;
        let (clock, random) = (Arc::new(host::SystemClock), Arc::new(host::SystemRandom));
        let (cluster, node) = (ClusterId::from_u128(1), NodeId::from_u128(1));
        let parts = Parts::new(disk, engine, clock, random, cluster, node);
        let consensus = Consensus::open(parts).await?;
        for command in work::opening()? {
            consensus.propose(command).await?;
        }
        let mut first = 0;
        for proposers in [1, 16, 64] {
            let tasks: Vec<_> = (0..proposers)
                .map(|proposer| {
                    let consensus = consensus.clone();
                    tokio::spawn(propose(consensus, first + proposer * 1_000_000))
                })
                .collect();
            let mut times = Vec::new();
            for task in tasks {
                times.extend(task.await??);
            }
            first += proposers * 1_000_000;
            let rate = times.len() as f64 / DURATION.as_secs_f64();
            say(&format!("{proposers} proposers: puts, 1/s"), rate);
            say_times(&format!("{proposers} proposers"), times);
        }
        say("memory, MiB", figures::resident_mebibytes()?);
        consensus.shutdown().await;
        Ok(())
    })
}

async fn propose(consensus: Consensus, first: u64) -> Result<Vec<Duration>> {
    let (mut times, end) = (Vec::new(), Instant::now() + DURATION);
    for number in first.. {
        if Instant::now() > end {
            break;
        }
        let command = work::put(work::mixed(number) % 1_000_000_000, number)?;
        let started = Instant::now();
        consensus.propose(command).await?;
        times.push(started.elapsed());
    }
    Ok(times)
}
