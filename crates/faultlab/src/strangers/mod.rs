//! Strangers: clients without a key who take every connection there is.
//!
//! Promise: whoever has a key is served at once all the same, and what the strangers
//! say does not grow the node.
//!
//! Four ways: they are silent, or hold on in the middle of a form; one address opens
//! connections as fast as it can; all of them read one public link and stay; each says
//! as much as it can make the node keep. All addresses are of the loopback network.

mod churn;
mod crowd;
mod parts;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Node, Signer, Start, Target};
use clap::Args;
use http::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crowd::{Crowd, Part};

/// Where clients with a key come from.
const HOLDER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
/// Clients with a key that ask, one after the other, while strangers hold on.
const TRIES: usize = 5;
/// Longer than this nobody waits.
const GIVEN_UP: Duration = Duration::from_mins(3);
/// Files of this program beside its connections.
const FILES_BESIDE: u64 = 128;
/// How long the node has to forget those who went.
const PAUSE: Duration = Duration::from_secs(2);
/// What all of them read.
const LINKED: &str = "/plans/linked";

/// All connections taken by clients without a key.
#[derive(Args)]
pub struct Strangers {
    /// Connections of the node, and of strangers.
    #[arg(long, default_value_t = 4_096)]
    connections: usize,
    /// How long one address opens connections.
    #[arg(long, default_value_t = 10)]
    churn_seconds: u64,
    /// Fail if who has a key waits longer, in milliseconds.
    #[arg(long, default_value_t = 5_000)]
    wait_ms_max: u64,
    /// Fail if the node's memory grows beyond this, in MiB.
    #[arg(long, default_value_t = 250)]
    resident_mib_max: u64,
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
}

impl Strangers {
    /// Runs all four; fails if who has a key waits or the node grows.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), None)?;
        let files = files_raise()?;
        ensure!(files > self.connections as u64 + FILES_BESIDE, "only {files} files may be open");
        let node = self.start()?;
        let target = node.target();
        let address: SocketAddr = target.address.parse()?;
        let mut client = Client::connect(&target).await?;
        for ask in
            [Ask::new(Method::PUT, "/plans"), Ask::new(Method::PUT, LINKED).body(vec![7; 1024])]
        {
            let answer = client.call(ask).await?;
            ensure!(answer.status.is_success(), "{}", answer.text());
        }
        drop(client);
        let mut wrong = Vec::new();
        self.waits(&target, address, &mut wrong).await?;
        self.churns(&target, address, &mut wrong).await?;
        self.keeps(&node, address, &mut wrong).await?;
        ensure!(wrong.is_empty(), "{}", wrong.join("; "));
        Ok(())
    }

    fn start(&self) -> Result<Node> {
        let (all, half) = (self.connections.to_string(), (self.connections / 2).to_string());
        let words = ["--connections", &all, "--connections-per-address", &half];
        let arguments = words.map(Into::into).to_vec();
        Node::start_with(Start { arguments, binary: self.binary.clone(), ..Start::default() })
    }

    /// How long who has a key waits beside strangers who hold on.
    async fn waits(
        &self,
        target: &Target,
        node: SocketAddr,
        wrong: &mut Vec<String>,
    ) -> Result<()> {
        let (id, secret) = (&target.access_key_id, &target.secret_access_key);
        let link = Signer::new(id, secret, &target.region, &target.address).link(LINKED);
        let all = [
            ("silent", Part::says("")),
            ("in the middle of a form", Part::says(format!("{}name", parts::FORM))),
            ("each has read a link, and stays", parts::read(&link, &target.address)),
        ];
        println!("| strangers | connections | answered | cut | who has a key is served within |");
        println!("|---|---|---|---|---|");
        for (name, part) in all {
            let crowd = Crowd::gather(node, self.connections, &part).await?;
            let wait_max = Duration::from_millis(self.wait_ms_max);
            let (mut longest, mut tries) = (Duration::ZERO, 0);
            while tries < TRIES && longest <= wait_max {
                longest = longest.max(served_after(target).await);
                tries += 1;
            }
            let (answered, ended) = (crowd.answered(), crowd.ended());
            println!("| {name} | {} | {answered} | {ended} | {longest:.3?} |", self.connections);
            if longest > wait_max {
                wrong.push(format!("{name}: who has a key waited for {longest:.1?}"));
            }
            drop(crowd);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Whether a client that takes a second is cut while one address opens connections.
    async fn churns(
        &self,
        target: &Target,
        node: SocketAddr,
        wrong: &mut Vec<String>,
    ) -> Result<()> {
        let during = Duration::from_secs(self.churn_seconds);
        let churned = churn::run(target, node, self.connections, during).await?;
        println!(
            "one address opened {} connections in {} s: {} of {} clients that sign after a second \
             were closed without an answer",
            churned.opened,
            self.churn_seconds,
            churned.unanswered,
            churn::TRIES
        );
        if churned.unanswered > 0 {
            wrong.push(format!("{} clients with a key got no answer", churned.unanswered));
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    /// How much the node holds while each of them says as much as it can.
    async fn keeps(&self, node: &Node, address: SocketAddr, wrong: &mut Vec<String>) -> Result<()> {
        println!("| each of {} strangers sends | answered | MiB at the most |", self.connections);
        println!("|---|---|---|");
        for (name, part) in parts::all() {
            most_forget(node.process_id())?;
            let crowd = Crowd::gather(address, self.connections, &part).await?;
            let most = resident_most(node.process_id())? >> 20;
            println!("| {name} | {} | {most} |", crowd.answered());
            if most > self.resident_mib_max {
                wrong.push(format!("{name}: {most} MiB resident"));
            }
            drop(crowd);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// As many open files as this program may have, and what it starts.
fn files_raise() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// Time until a new client with a key is answered, who comes again when it is cut.
async fn served_after(target: &Target) -> Duration {
    let begun = Instant::now();
    let served = async {
        loop {
            let asked = async {
                let mut client = Client::connect_from(target, HOLDER).await?;
                client.call(Ask::new(Method::GET, "/")).await
            };
            if asked.await.is_ok_and(|answer| answer.status.is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let _given_up = tokio::time::timeout(GIVEN_UP, served).await;
    begun.elapsed()
}

/// Lets the kernel forget how much a process held at the most.
fn most_forget(process_id: u32) -> Result<()> {
    std::fs::write(format!("/proc/{process_id}/clear_refs"), "5")
        .context("the most that was resident cannot be forgotten")
}

/// How much a process held at the most since then, in bytes.
fn resident_most(process_id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.context("no VmHWM")? * 1024)
}
