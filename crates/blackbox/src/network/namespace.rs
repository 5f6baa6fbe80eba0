//! A network namespace, made and asked through `ip`, `nft` and `nsenter`.
//!
//! **Invariant**: it goes with its handle, and the processes in it before it.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long processes may take to end that were sent SIGKILL.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// The table that [`Namespace::firewall`] makes.
const TABLE: &str = "inet essaim_lab";

/// One of them.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// A fresh one under this name.
    pub fn make(name: String) -> Result<Self> {
        ip(&["netns", "add", &name])?;
        let made = Self { name };
        made.ip(&["link", "set", "lo", "up"])?;
        Ok(made)
    }

    /// `ip`, within.
    pub fn ip(&self, words: &[&str]) -> Result<String> {
        let inside = ["-n", &self.name];
        ip(&inside.into_iter().chain(words.iter().copied()).collect::<Vec<_>>())
    }

    /// What stands before a program that is to run within. It becomes that program: the
    /// process id is the program's own.
    pub fn wrapper(&self) -> Vec<OsString> {
        vec!["nsenter".into(), format!("--net=/run/netns/{}", self.name).into(), "--".into()]
    }

    /// Runs a program within to its end; what it printed.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        let inside = format!("--net=/run/netns/{}", self.name);
        let inside = ["nsenter", inside.as_str(), "--"];
        told(&inside.into_iter().chain(words.iter().copied()).collect::<Vec<_>>())
    }

    /// Drops, by nftables, whatever comes from these addresses or goes there; connections
    /// that are open, too.
    pub fn firewall(&self, peers: &[Ipv4Addr]) -> Result<()> {
        self.firewall_lift()?;
        let peers: Vec<String> = peers.iter().map(ToString::to_string).collect();
        if peers.is_empty() {
            return Ok(());
        }
        let peers = peers.join(", ");
        let rules = format!(
            "table {TABLE} {{\n\
             chain comes {{ type filter hook input priority 0; ip saddr {{ {peers} }} drop; }}\n\
             chain goes {{ type filter hook output priority 0; ip daddr {{ {peers} }} drop; }}\n}}"
        );
        self.run(&["nft", &rules]).map(drop)
    }

    /// Everything passes again.
    pub fn firewall_lift(&self) -> Result<()> {
        // Made before it is deleted, as deleting one that is not there would fail.
        let rules = format!("add table {TABLE}; delete table {TABLE}");
        self.run(&["nft", &rules]).map(drop)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = clear(&self.name) {
            eprintln!("the network namespace {} is left: {error:#}", self.name);
        }
    }
}

/// Clears away all namespaces whose names begin so.
pub fn clear_all(prefix: &str) -> Result<()> {
    let known = ip(&["netns", "list"])?;
    let names = known.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| name.starts_with(prefix)).try_for_each(clear)
}

/// Ends the processes of a namespace and removes it.
fn clear(name: &str) -> Result<()> {
    let since = Instant::now();
    loop {
        let left = ip(&["netns", "pids", name])?;
        let left: Vec<i32> = left.split_whitespace().filter_map(|id| id.parse().ok()).collect();
        if left.is_empty() {
            break;
        }
        for id in left.iter().filter_map(|id| Pid::from_raw(*id)) {
            // One that has ended meanwhile is as good.
            let _ended = kill_process(id, Signal::KILL);
        }
        if since.elapsed() > ENDS_WITHIN {
            bail!("processes {left:?} in {name} do not end");
        }
        sleep(Duration::from_millis(10));
    }
    ip(&["netns", "delete", name]).map(drop)
}

/// `ip` with these words; what it printed.
pub fn ip(words: &[&str]) -> Result<String> {
    told(&["ip"].into_iter().chain(words.iter().copied()).collect::<Vec<_>>())
}

fn told(words: &[&str]) -> Result<String> {
    let (program, arguments) = words.split_first().context("no program")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} did not start: install iproute2 and nftables"))?;
    if !output.status.success() {
        bail!("{words:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
