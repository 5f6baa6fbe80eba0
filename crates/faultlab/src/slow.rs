//! One site that is slow, and what the clients at the others notice: a long way to it, a
//! narrow one, one that loses packets, a disk that takes little.
//!
//! What is printed is the hundredth slowest answer beside that of the same clients when all
//! sites were well, in the same run.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Link};
use clap::Args;
use http::Method;

use crate::cluster::{Lab, Plan};
use crate::load::{Load, Percentiles};
use crate::strace::Strace;

/// The bucket.
const BUCKET: &str = "slow";
/// Objects that are read.
const OBJECTS: u64 = 64;
const OBJECT_BYTES: usize = 1 << 20;
/// Until everybody has noticed a change.
const NOTICED: Duration = Duration::from_secs(5);

/// What the others are compared with.
const ALL_WELL: &str = "all well";

/// What each sync of the slow disk takes longer, in microseconds.
const SYNC_LATER_US: u32 = 200_000;
const SLOW_DISK: &str = "one whose syncs take 200 ms longer";

/// One slow site among others.
#[derive(Args)]
pub struct Slow {
    /// How many sites; five get the code 3+2.
    #[arg(long, default_value_t = 5)]
    sites: usize,
    /// Round trip between two sites, in milliseconds.
    #[arg(long, default_value_t = 10)]
    delay_ms: u64,
    /// How long each weather is measured.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How many clients.
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// Fail if the hundredth slowest answer takes so many times as long.
    #[arg(long)]
    ratio_max: Option<f64>,
    /// Decides what is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Besides the measure of all well, only the weathers whose names have this in them.
    #[arg(long)]
    only: Option<String>,
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the logs of the sites are kept.
    #[arg(long)]
    logs: Option<PathBuf>,
}

/// A site of which each sync of a disk takes longer, by what strace adds to it.
fn slow_disk(process: u32) -> Result<Strace> {
    let inject = format!("inject=fdatasync,fsync:delay_enter={SYNC_LATER_US}");
    let trace = "trace=fdatasync,fsync";
    let words = ["-f", "-qq", "-o", "/dev/null", "-e", trace, "-e", &inject];
    Strace::attach(process, words)
}

/// Prints a line; how many times as long the worse of reads and writes took.
fn tell(load: &Load, name: &str, healthy: Option<&(Percentiles, Percentiles)>) -> f64 {
    let (read, write) = (load.percentiles(name, false), load.percentiles(name, true));
    let well = healthy.copied().unwrap_or((read, write));
    let times = (read.p99 / well.0.p99, write.p99 / well.1.p99);
    println!("| {name} | {read} | {write} | **{:.2}** | **{:.2}** |", times.0, times.1);
    times.0.max(times.1)
}

impl Slow {
    /// Measures; fails if an answer is missing or the ratio is too high.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), Some(self.seed))?;
        let plan = Plan::of(self.sites, self.seed, self.binary.clone());
        let lab = tokio::task::block_in_place(|| Lab::open(&plan))?;
        let outcome = self.with(&lab).await;
        if let Some(folder) = &self.logs {
            lab.keep_logs(folder)?;
        }
        outcome
    }

    async fn with(&self, lab: &Lab) -> Result<()> {
        let targets = lab.targets()?;
        let first = targets.first().context("no site")?;
        let mut client = Client::connect(first).await?;
        let made = client.call(Ask::new(Method::PUT, format!("/{BUCKET}"))).await?;
        ensure!(made.status.is_success(), "the bucket: {} {}", made.status, made.text());
        for n in 0..OBJECTS {
            let body = vec![u8::try_from(n % 251).unwrap_or(0); OBJECT_BYTES];
            let answer =
                client.call(Ask::new(Method::PUT, format!("/{BUCKET}/{n}")).body(body)).await?;
            ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
        }
        let slow = self.sites - 1;
        let well = Link::round_trip(Duration::from_millis(self.delay_ms));
        let weathers = [
            (ALL_WELL, well),
            (
                "200 ms further away",
                Link { delay: well.delay + Duration::from_millis(100), ..well },
            ),
            ("a line of 1 MB/s", Link { bytes_per_second: Some(1_000_000), ..well }),
            ("one packet in fifty lost", Link { loss: 0.02, ..well }),
        ];
        for site in 0..self.sites {
            lab.ways_from(site, well);
        }
        // Clients ask the others: who asks a slow site has a slow site.
        let load = Load::begin(&targets[..slow], self.clients, BUCKET, OBJECTS, self.seed);
        println!(
            "| one site is | reads p50 / p99, ms | writes p50 / p99, ms | reads, times | writes, times |"
        );
        println!("|---|---|---|---|---|");
        let mut healthy: Option<(Percentiles, Percentiles)> = None;
        let mut worst = 0.0_f64;
        for (name, link) in weathers.into_iter().filter(|(name, _)| self.tries(name)) {
            lab.links(&[slow], link, false);
            load.enter("noticing");
            tokio::time::sleep(NOTICED).await;
            load.enter(name);
            tokio::time::sleep(Duration::from_secs(self.seconds)).await;
            load.enter("noticing");
            worst = worst.max(tell(&load, name, healthy.as_ref()));
            healthy.get_or_insert((load.percentiles(name, false), load.percentiles(name, true)));
        }
        lab.links(&[slow], well, false);
        if self.tries(SLOW_DISK) {
            let disk = slow_disk(lab.process(slow)?)?;
            load.enter("noticing");
            tokio::time::sleep(NOTICED).await;
            load.enter(SLOW_DISK);
            tokio::time::sleep(Duration::from_secs(self.seconds)).await;
            load.enter("noticing");
            drop(disk);
            worst = worst.max(tell(&load, SLOW_DISK, healthy.as_ref()));
        }
        load.end().await?;
        if let Some(most) = self.ratio_max {
            ensure!(worst <= most, "{worst:.2} times as long, more than {most}");
        }
        Ok(())
    }

    /// Whether a weather is measured.
    fn tries(&self, name: &str) -> bool {
        let only = self.only.as_deref().unwrap_or_default();
        name == ALL_WELL || name.contains(only)
    }
}
