//! A site is lost for good and a fresh one takes its place, while clients work: how fast
//! what lay there is rebuilt, beside what the links allow, and what the clients notice.
//!
//! ```text
//!   fill ─► clients alone ─► a site dies ─► clients beside the dead ─► replace --lost ─► whole
//! ```
//! What links allow: each remaining site has a way of its own to the fresh one, and all
//! of them together carry so many times the width of one. A fragment that was lost goes
//! over one of them once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Link, Target};
use bytes::Bytes;
use clap::Args;
use http::Method;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cluster::{Census, Lab, Plan};

/// The bucket.
const BUCKET: &str = "repair";
/// What one read fetches and what one write stores.
const READ_BYTES: u64 = 256 << 10;
const WRITE_BYTES: usize = 64 << 10;
/// How long a client rests after each answer.
const REST: Duration = Duration::from_millis(10);
/// How long clients work alone, and beside the dead site.
const ALONE: Duration = Duration::from_secs(15);
/// How long the repair may take.
const WHOLE_WITHIN: Duration = Duration::from_mins(20);
/// How often it is asked whether an object is whole that was not.
const ASKS_EVERY: Duration = Duration::from_millis(250);

/// A lost site, rebuilt on a fresh one.
#[derive(Args)]
pub struct Repair {
    /// How many sites; five get the code 3+2.
    #[arg(long, default_value_t = 5)]
    sites: usize,
    /// MiB stored before the site is lost.
    #[arg(long, default_value_t = 1_024)]
    mebibytes: u64,
    /// KiB of each object.
    #[arg(long, default_value_t = 8_192)]
    object_kib: u64,
    /// Round trip between two sites, in milliseconds.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// MB that each way between two sites carries in a second; no bound if not given.
    #[arg(long)]
    megabytes_per_second: Option<u64>,
    /// How many clients work meanwhile.
    #[arg(long, default_value_t = 2)]
    clients: usize,
    /// Decides what is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the logs of the sites are kept.
    #[arg(long)]
    logs: Option<PathBuf>,
}

/// What the clients meet, phase by phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Filling,
    Alone,
    Beside,
    Repair,
    Over,
}

/// How long one answer took.
#[derive(Clone, Copy, Debug)]
struct Took {
    phase: Phase,
    is_write: bool,
    time: Duration,
}

impl Repair {
    /// Runs it; fails if anything is lost or not whole in time.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), Some(self.seed))?;
        let plan = Plan { sites: self.sites, seed: self.seed, binary: self.binary.clone() };
        let mut lab = tokio::task::block_in_place(|| Lab::open(&plan))?;
        let outcome = self.with(&mut lab).await;
        if let Some(folder) = &self.logs {
            lab.keep_logs(folder)?;
        }
        outcome
    }

    async fn with(&self, lab: &mut Lab) -> Result<()> {
        let targets = lab.targets()?;
        let first = targets.first().context("no site")?;
        let mut client = Client::connect(first).await?;
        let made = client.call(Ask::new(Method::PUT, format!("/{BUCKET}"))).await?;
        ensure!(made.status.is_success(), "the bucket: {} {}", made.status, made.text());
        let count = (self.mebibytes << 10) / self.object_kib;
        for n in 0..count {
            let ask = Ask::new(Method::PUT, key(n)).body(self.body(n));
            let answer = client.call(ask).await?;
            ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
        }
        let link = Link {
            bytes_per_second: self.megabytes_per_second.map(|width| width * 1_000_000),
            ..Link::round_trip(Duration::from_millis(self.delay_ms))
        };
        // The fresh one's too.
        for site in 0..=self.sites {
            lab.ways_from(site, link);
        }
        // Clients ask the sites that stay; the last is lost.
        let (tell, phase) = watch::channel(Phase::Filling);
        let clients: Vec<JoinHandle<Result<Vec<Took>>>> = (0..self.clients)
            .map(|n| {
                let target = targets[n % (targets.len() - 1)].clone();
                let random = ChaCha8Rng::seed_from_u64(self.seed << 8 | n as u64);
                tokio::spawn(work(target, n, count, random, phase.clone()))
            })
            .collect();
        tell.send(Phase::Alone)?;
        tokio::time::sleep(ALONE).await;
        let lost = self.sites - 1;
        tokio::task::block_in_place(|| lab.kill(lost))?;
        // Until everybody has noticed it.
        tell.send(Phase::Filling)?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        tell.send(Phase::Beside)?;
        tokio::time::sleep(ALONE).await;
        let fresh = tokio::task::block_in_place(|| lab.join(0))?;
        let names = lab.names();
        let name = |site: usize| names.get(site).cloned().unwrap_or_default();
        let commands = lab.commands(0)?;
        tell.send(Phase::Repair)?;
        let since = Instant::now();
        tokio::task::block_in_place(|| {
            commands.run(&["site", "replace", &name(lost), &name(fresh), "--lost", "--yes"])?;
            lab.retire(lost)
        })?;
        let mut slots = 0;
        for n in (0..count).rev() {
            loop {
                let key = [format!("{n}")];
                let census = Census::take(&commands, BUCKET, &key, 1)?;
                if census.wrong.is_empty() {
                    slots += census.slots;
                    break;
                }
                ensure!(since.elapsed() < WHOLE_WITHIN, "{:?}", census.wrong);
                tokio::time::sleep(ASKS_EVERY).await;
            }
        }
        let took = since.elapsed();
        tell.send(Phase::Over)?;
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.await??);
        }
        for n in 0..count {
            let mut client = Client::connect(first).await?;
            let answer = client.call(Ask::new(Method::GET, key(n))).await?;
            ensure!(answer.body == self.body(n), "object {n} is not what was stored");
        }
        self.tell(took, count, slots, &all);
        Ok(())
    }

    /// Prints the figures.
    fn tell(&self, took: Duration, count: u64, slots: u64, all: &[Took]) {
        // What the sites keep at this number: 1+2, 2+2, 3+2; one slot of each was lost.
        let data = self.sites.saturating_sub(2).max(1);
        let bytes = (self.mebibytes << 20) as f64 / data as f64;
        let rate = bytes / 1e6 / took.as_secs_f64();
        println!(
            "{count} objects, {slots} fragment slots, {:.0} MB lost with the site: whole again \
             after {:.1} s, {rate:.1} MB/s of lost fragments",
            bytes / 1e6,
            took.as_secs_f64()
        );
        if let Some(width) = self.megabytes_per_second {
            let allowed = (width * (self.sites as u64 - 1)) as f64;
            println!(
                "the links to the fresh site carry {allowed:.0} MB/s: {:.0} % of it",
                rate / allowed * 100.0
            );
        }
        for (what, is_write) in [("read", false), ("write", true)] {
            let at = |phase| percentile(all, phase, is_write);
            let (alone, beside, repair) = (at(Phase::Alone), at(Phase::Beside), at(Phase::Repair));
            println!(
                "{what}, p50 / p99: healthy {:.1} / {:.1} ms, beside the dead site {:.1} / {:.1} ms, \
                 during repair {:.1} / {:.1} ms: {:.2} times the healthy p99, {:.2} times the one \
                 beside the dead site; {} answers",
                alone.0,
                alone.1,
                beside.0,
                beside.1,
                repair.0,
                repair.1,
                repair.1 / alone.1,
                repair.1 / beside.1,
                repair.2,
            );
        }
    }

    /// What object n holds.
    fn body(&self, n: u64) -> Bytes {
        let mut body = vec![0; (self.object_kib << 10) as usize];
        ChaCha8Rng::seed_from_u64(self.seed << 32 | n).fill_bytes(&mut body);
        body.into()
    }
}

fn key(n: u64) -> String {
    format!("/{BUCKET}/{n}")
}

/// Milliseconds at the half and at the last hundredth, and how many there are.
fn percentile(all: &[Took], phase: Phase, is_write: bool) -> (f64, f64, usize) {
    let mut times: Vec<Duration> = all
        .iter()
        .filter(|took| took.phase == phase && took.is_write == is_write)
        .map(|took| took.time)
        .collect();
    times.sort_unstable();
    let at = |share: usize| {
        let place = (times.len() * share / 100).min(times.len().saturating_sub(1));
        times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    (at(50), at(99), times.len())
}

/// A client: reads and writes in turns until it is over.
async fn work(
    target: Target,
    number: usize,
    count: u64,
    mut random: ChaCha8Rng,
    phase: watch::Receiver<Phase>,
) -> Result<Vec<Took>> {
    let mut client = Client::connect(&target).await?;
    let mut all = Vec::new();
    let mut body = vec![0; WRITE_BYTES];
    random.fill_bytes(&mut body);
    let body = Bytes::from(body);
    for turn in 0_u64.. {
        let now = *phase.borrow();
        if now == Phase::Over {
            break;
        }
        let is_write = turn % 2 == 1;
        let ask = if is_write {
            let key = format!("/{BUCKET}/new-{number}-{}", turn % 64);
            Ask::new(Method::PUT, key).body(body.clone())
        } else {
            Ask::new(Method::GET, key(random.random_range(0..count))).range(0, READ_BYTES - 1)
        };
        let since = Instant::now();
        let answer = client.call(ask).await?;
        ensure!(answer.status.is_success(), "{now:?}: {} {}", answer.status, answer.text());
        all.push(Took { phase: now, is_write, time: since.elapsed() });
        tokio::time::sleep(REST).await;
    }
    Ok(all)
}
