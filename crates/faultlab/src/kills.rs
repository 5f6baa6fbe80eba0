//! `kill -9` under load, again and again, on the same data.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use blackbox::{Node, Start};
use clap::Args;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;

use crate::expected::Expected;
use crate::workload::{self, Load, Tally};

/// Workers that write at the same time.
const WORKERS: usize = 6;

/// More than any worker reaches before it is cut off.
const OPERATIONS_MAX: u64 = 1_000_000;

/// A line is printed after so many kills.
const PROGRESS_EVERY: u64 = 100;

/// `kill -9` under load.
#[derive(Args)]
pub struct Kills {
    /// How many times.
    #[arg(long, default_value_t = 20)]
    count: u64,
    /// Decides sizes, keys and moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Longest time a node is left to work before it is killed.
    #[arg(long, default_value_t = 600)]
    alive_ms_max: u64,
}

impl Kills {
    /// Runs the campaign; fails if anything acknowledged is not there.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), Some(self.seed))?;
        let folder = tempfile::tempdir()?;
        let start = Start {
            folder: Some(folder.path().to_path_buf()),
            binary: self.binary.clone(),
            ..Start::default()
        };
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut expected = Expected::default();
        let mut tally = Tally::default();
        let mut restarts = Vec::new();
        for kill in 0..self.count {
            let mut node = Node::start_with(start.clone()).with_context(|| {
                format!("after kill {kill} the node did not come back by itself")
            })?;
            restarts.push(node.ready_after());
            let target = node.target();
            if kill == 0 {
                workload::bucket_create(&target).await?;
            }
            let losses = workload::verify(&target, &mut expected).await?;
            workload::ensure_none(&losses, &format!("after kill {kill}, seed {}", self.seed))?;

            let mut workers = JoinSet::new();
            for worker in 0..WORKERS {
                let prefix = format!("{worker}/");
                let mine = expected.split(|key| key.starts_with(&prefix));
                let seed = random.random();
                let load = Load { seed, operations: OPERATIONS_MAX, length_max: usize::MAX };
                workers.spawn(workload::work(target.clone(), worker, load, mine));
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(1..self.alive_ms_max)))
                .await;
            node.kill()?;
            while let Some(done) = workers.join_next().await {
                let (theirs, more) = done?;
                expected.merge(theirs);
                tally.add(more);
            }
            if (kill + 1) % PROGRESS_EVERY == 0 {
                println!("{} kills, {} acknowledged, lost 0", kill + 1, tally.acknowledged);
            }
        }
        let node = Node::start_with(start)?;
        restarts.push(node.ready_after());
        let losses = workload::verify(&node.target(), &mut expected).await?;
        workload::ensure_none(&losses, &format!("at the end, seed {}", self.seed))?;
        ensure!(
            tally.acknowledged > self.count,
            "the load was too small to prove anything: {tally:?}"
        );
        restarts.sort_unstable();
        let at =
            |share: usize| restarts.get(restarts.len() * share / 100).copied().unwrap_or_default();
        println!(
            "kills {}, acknowledged {}, unknown {}, refused {}, lost 0; \
             restart p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms",
            self.count,
            tally.acknowledged,
            tally.unknown,
            tally.refused,
            at(50).as_secs_f64() * 1e3,
            at(99).as_secs_f64() * 1e3,
            restarts.last().copied().unwrap_or_default().as_secs_f64() * 1e3,
        );
        Ok(())
    }
}
