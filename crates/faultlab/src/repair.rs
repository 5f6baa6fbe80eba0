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
use blackbox::{Ask, Client, Link};
use bytes::Bytes;
use clap::Args;
use http::Method;
use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::cluster::{Census, Lab, Plan};
use crate::load::{Load, Percentiles};

/// The bucket.
const BUCKET: &str = "repair";
/// How long clients work alone, and beside the dead site.
const ALONE: Duration = Duration::from_secs(15);
/// Until everybody has noticed that a site is dead.
const NOTICED: Duration = Duration::from_secs(5);
/// What clients meet, phase by phase.
const ALONE_PHASE: &str = "healthy";
const BESIDE_PHASE: &str = "beside the dead site";
const REPAIR_PHASE: &str = "during repair";
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
    /// Fail if the repair reaches less than this share of what the links carry.
    #[arg(long)]
    share_min: Option<f64>,
    /// Fail if the hundredth slowest answer takes so many times as long as without repair.
    #[arg(long)]
    ratio_max: Option<f64>,
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

impl Repair {
    /// Runs it; fails if anything is lost or not whole in time.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), Some(self.seed))?;
        let plan = Plan::of(self.sites, self.seed, self.binary.clone());
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
        let lost = self.sites - 1;
        let stay = targets.get(..lost).unwrap_or_default();
        let load = Load::begin(stay, self.clients, BUCKET, count, self.seed);
        load.enter(ALONE_PHASE);
        tokio::time::sleep(ALONE).await;
        load.enter("noticing");
        tokio::task::block_in_place(|| lab.kill(lost))?;
        tokio::time::sleep(NOTICED).await;
        load.enter(BESIDE_PHASE);
        tokio::time::sleep(ALONE).await;
        let fresh = tokio::task::block_in_place(|| lab.join(0))?;
        let names = lab.names();
        let name = |site: usize| names.get(site).cloned().unwrap_or_default();
        let commands = lab.commands(0)?;
        load.enter(REPAIR_PHASE);
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
        let phases = [ALONE_PHASE, BESIDE_PHASE, REPAIR_PHASE];
        let took_by =
            phases.map(|phase| [load.percentiles(phase, false), load.percentiles(phase, true)]);
        load.end().await?;
        for n in 0..count {
            let mut client = Client::connect(first).await?;
            let answer = client.call(Ask::new(Method::GET, key(n))).await?;
            ensure!(answer.body == self.body(n), "object {n} is not what was stored");
        }
        self.tell(took, count, slots, &took_by)?;
        Ok(())
    }

    /// Prints the figures; fails if they are too bad.
    fn tell(
        &self,
        took: Duration,
        count: u64,
        slots: u64,
        by_phase: &[[Percentiles; 2]; 3],
    ) -> Result<()> {
        // What the sites keep at this number: 1+2, 2+2, 3+2; one slot of each was lost.
        let data = as_f64(self.sites.saturating_sub(2).max(1) as u64);
        let megabytes = as_f64(self.mebibytes << 20) / data / 1e6;
        let rate = megabytes / took.as_secs_f64();
        println!(
            "{count} objects, {slots} fragment slots, {megabytes:.0} MB lost with the site: whole \
             again after {:.1} s, {rate:.1} MB/s of lost fragments",
            took.as_secs_f64()
        );
        let mut share = f64::INFINITY;
        if let Some(width) = self.megabytes_per_second {
            let allowed = as_f64(width * (self.sites as u64 - 1));
            share = rate / allowed;
            println!(
                "the links to the fresh site carry {allowed:.0} MB/s: {:.0} % of it",
                share * 100.0
            );
        }
        let [alone, beside, repair] = by_phase;
        let mut worst = 0.0_f64;
        for (what, ((alone, beside), repair)) in
            ["reads", "writes"].into_iter().zip(alone.iter().zip(beside).zip(repair))
        {
            let times = repair.p99 / alone.p99;
            worst = worst.max(times);
            println!(
                "{what}, p50 / p99 in ms: healthy {alone}, beside the dead site {beside}, during \
                 repair {repair}: {times:.2} times the healthy p99"
            );
        }
        if let Some(least) = self.share_min {
            ensure!(share >= least, "{share:.2} of what the links carry, less than {least}");
        }
        if let Some(most) = self.ratio_max {
            ensure!(worst <= most, "{worst:.2} times the healthy p99, more than {most}");
        }
        Ok(())
    }

    /// What object n holds.
    fn body(&self, n: u64) -> Bytes {
        let mut body = vec![0; usize::try_from(self.object_kib << 10).unwrap_or(0)];
        ChaCha8Rng::seed_from_u64(self.seed << 32 | n).fill_bytes(&mut body);
        body.into()
    }
}

fn key(n: u64) -> String {
    format!("/{BUCKET}/{n}")
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
const fn as_f64(count: u64) -> f64 {
    count as f64
}
