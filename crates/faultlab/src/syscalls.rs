//! System calls that fail, one at each place in turn, through `strace -e inject`.
//!
//! Each case starts a node under strace with one call made to fail at its n-th
//! occurrence, works a little, kills it, starts it again without faults, and
//! reads everything back: an acknowledged write that is not there is a *false
//! acknowledgement*. A node that refuses to start or stops with a reason is fine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use blackbox::{Node, Program, Start};
use clap::Args;

use crate::expected::Expected;
use crate::workload::{self, Tally};

/// Which calls fail, and how.
const FAULTS: &[(&str, &str)] = &[
    ("openat", "error=EIO"),
    ("openat", "error=ENOSPC"),
    ("openat", "error=EMFILE"),
    ("pwrite64", "error=EIO"),
    ("pwrite64", "error=ENOSPC"),
    ("pwrite64", "retval=1"),
    ("write", "error=ENOSPC"),
    ("fsync", "error=EIO"),
    ("fdatasync", "error=EIO"),
    ("renameat2,renameat,rename", "error=EIO"),
    ("renameat2,renameat,rename", "error=ENOSPC"),
    ("ftruncate", "error=EIO"),
    ("fallocate", "error=ENOSPC"),
    ("fallocate", "error=EIO"),
    ("pread64", "error=EIO"),
];

/// Workers and operations of each case.
const WORKERS: usize = 3;
const OPERATIONS: u64 = 25;

/// System calls that fail.
#[derive(Args)]
pub struct Syscalls {
    /// How many cases; they go through the calls, then through the places.
    #[arg(long, default_value_t = 30)]
    cases: u64,
    /// Places between two cases of the same call: 1 tries each occurrence.
    #[arg(long, default_value_t = 3)]
    stride: u64,
    /// Decides keys and sizes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
}

impl Syscalls {
    /// Runs the cases; fails on the first false acknowledgement.
    pub async fn run(self) -> Result<()> {
        println!(
            "repeat with: faultlab syscalls --cases {} --stride {} --seed {}",
            self.cases, self.stride, self.seed
        );
        Program::named("strace")?.args(["-V"]).run()?;
        let mut total = Tally::default();
        let (mut injected, mut stopped) = (0, 0);
        for case in 0..self.cases {
            let fault = usize::try_from(case)? % FAULTS.len();
            let Some((calls, how)) = FAULTS.get(fault) else { continue };
            let when = 1 + case / FAULTS.len() as u64 * self.stride;
            let outcome = self.case(case, calls, how, when).await?;
            total.add(outcome.tally);
            injected += u64::from(outcome.injected);
            stopped += u64::from(outcome.stopped);
        }
        ensure!(injected > self.cases / 4, "only {injected} of {} faults took place", self.cases);
        println!(
            "cases {}, faults that took place {injected}, nodes that stopped {stopped}, \
             acknowledged {}, refused {}, unknown {}, false acknowledgements 0",
            self.cases, total.acknowledged, total.refused, total.unknown
        );
        Ok(())
    }

    async fn case(&self, case: u64, calls: &str, how: &str, when: u64) -> Result<Outcome> {
        let folder = tempfile::tempdir()?;
        let plain = Start {
            folder: Some(folder.path().to_path_buf()),
            binary: self.binary.clone(),
            ..Start::default()
        };
        // The bucket is there before the fault, so that the fault meets the writes.
        let mut node = Node::start_with(plain.clone())?;
        workload::bucket_create(&node.target()).await?;
        node.stop()?;

        let trace = folder.path().join("trace");
        let faulty = Start { wrapper: wrapper(&trace, calls, how, when), ..plain.clone() };
        let mut expected = Expected::default();
        let mut tally = Tally::default();
        let mut stopped = true;
        if let Ok(mut node) = Node::start_with(faulty) {
            let mut workers = tokio::task::JoinSet::new();
            for worker in 0..WORKERS {
                let seed = self.seed ^ case << 8 ^ worker as u64;
                let target = node.target();
                workers.spawn(workload::work(
                    target,
                    worker,
                    seed,
                    OPERATIONS,
                    Expected::default(),
                ));
            }
            while let Some(done) = workers.join_next().await {
                let (theirs, more) = done?;
                expected.merge(theirs);
                tally.add(more);
            }
            stopped = !node.is_running()?;
            kill_traced(&mut node)?;
        }
        let injected = std::fs::read_to_string(&trace).unwrap_or_default().contains("(INJECTED)");

        let node = Node::start_with(plain)?;
        let losses = workload::verify(&node.target(), &mut expected).await?;
        let when = format!("case {case}, {calls} {how} when={when}, seed {}", self.seed);
        workload::ensure_none(&losses, &when)?;
        Ok(Outcome { tally, injected, stopped })
    }
}

/// What became of a case.
struct Outcome {
    tally: Tally,
    injected: bool,
    stopped: bool,
}

fn wrapper(trace: &Path, calls: &str, how: &str, when: u64) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["strace", "-f", "-qq", "-o"].map(OsString::from).to_vec();
    words.push(trace.as_os_str().to_owned());
    for option in [
        "-e".to_owned(),
        format!("trace={calls}"),
        "-e".to_owned(),
        format!("inject={calls}:{how}:when={when}"),
    ] {
        words.push(option.into());
    }
    words
}

/// The child is strace, and the node is its child: the node is killed, strace follows.
fn kill_traced(node: &mut Node) -> Result<()> {
    let id = node.process_id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        Program::named("kill")?.args(["-KILL", child]).run()?;
    }
    while node.is_running()? {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
