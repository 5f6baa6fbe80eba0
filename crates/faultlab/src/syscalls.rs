//! System calls that fail, one at each place in turn, through `strace -e inject`.
//!
//! Each case starts a node under strace with one call made to fail at its n-th
//! occurrence in each thread, works a little, kills it, starts it again without
//! faults, and reads everything back: an acknowledged write that is not there is a
//! *false acknowledgement*. A node that refuses to start or stops with a reason is
//! fine; one that does neither, nor serves, is counted apart.
//!
//! strace runs as a child of the node (`-D`), so that the node is the process that
//! is started, and killed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use blackbox::{Node, Program, Start};
use clap::Args;
use tokio::task::JoinSet;

use crate::expected::Expected;
use crate::workload::{self, Load, Tally};

/// Short writes: no file may grow beyond a limit, up to which a write that crosses
/// it is carried out. (`strace` cannot cut a write short: where it makes up the
/// answer, the call is not made, and that is a disk that lies.)
const SHORT: &str = "short write";

/// The limit is longer by this with each case.
const SHORT_STEP_BYTES: u64 = 24 * 1024;

/// Writes to the files that are there at the start. The same call wakes threads, by
/// descriptors that are no files: there it cannot fail, and nothing is made to stand it.
const WRITE: &str = "write";

/// Where strace tells what it did.
const TRACE: &str = "trace";

/// Which calls fail, and how.
const FAULTS: &[(&str, &str)] = &[
    ("openat", "error=EIO"),
    ("openat", "error=ENOSPC"),
    ("openat", "error=EMFILE"),
    ("pwrite64", "error=EIO"),
    ("pwrite64", "error=ENOSPC"),
    (SHORT, "the longest file"),
    (WRITE, "error=ENOSPC"),
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

/// Cases that may be under way at the same time.
const JOBS_MAX: usize = 16;

/// System calls that fail.
#[derive(Args, Clone)]
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
    /// The case to begin with; with `--cases 1` it is repeated alone.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many cases at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

impl Syscalls {
    /// Runs the cases; fails on the first false acknowledgement.
    pub async fn run(self) -> Result<()> {
        println!(
            "repeat with: faultlab syscalls --cases {} --stride {} --seed {} --from {}",
            self.cases, self.stride, self.seed, self.from
        );
        Program::named("strace")?.args(["-V"]).run()?;
        let model = Arc::new(tempfile::tempdir()?);
        self.model_make(model.path()).await?;
        let mut total = Sum::default();
        let mut running = JoinSet::new();
        for case in self.from..self.from + self.cases {
            while running.len() >= self.jobs.clamp(1, JOBS_MAX) {
                if let Some(done) = running.join_next().await {
                    total.add(&done??);
                }
            }
            let (campaign, model) = (self.clone(), Arc::clone(&model));
            running.spawn(async move { campaign.case(case, model.path()).await });
        }
        while let Some(done) = running.join_next().await {
            total.add(&done??);
        }
        ensure!(
            self.cases < FAULTS.len() as u64 || total.injected > self.cases / 4,
            "only {} of {} faults took place",
            total.injected,
            self.cases
        );
        println!("{}", total.line(self.cases));
        Ok(())
    }

    /// A node with a bucket, at rest: each case begins with a copy of it.
    async fn model_make(&self, folder: &Path) -> Result<()> {
        let mut node = Node::start_with(self.start(folder))?;
        workload::bucket_create(&node.target()).await?;
        node.stop()?;
        Ok(())
    }

    fn start(&self, folder: &Path) -> Start {
        Start {
            folder: Some(folder.to_path_buf()),
            binary: self.binary.clone(),
            ..Start::default()
        }
    }

    async fn case(&self, case: u64, model: &Path) -> Result<Outcome> {
        let fault = usize::try_from(case)? % FAULTS.len();
        let (calls, how) = FAULTS.get(fault).copied().unwrap_or_default();
        let when = 1 + case / FAULTS.len() as u64 * self.stride;
        let folder = tempfile::tempdir()?;
        Program::named("cp")?
            .args(["-a"])
            .args([model.join("data"), model.join("credentials.json"), folder.path().to_path_buf()])
            .run()?;
        let plain = self.start(folder.path());
        let faulty = Start { wrapper: wrapper(folder.path(), calls, how, when)?, ..plain.clone() };
        let mut expected = Expected::default();
        let mut tally = Tally::default();
        let mut stopped = true;
        let mut hung = None;
        let named = format!("case {case}, {calls} {how} when={when}, seed {}", self.seed);
        let started = tokio::task::spawn_blocking(move || Node::start_with(faulty)).await?;
        if let Err(error) = &started
            && error.to_string().contains("does not answer")
        {
            hung = Some(named.clone());
        }
        if let Ok(mut node) = started {
            let mut workers = tokio::task::JoinSet::new();
            for worker in 0..WORKERS {
                let seed = self.seed ^ case << 8 ^ worker as u64;
                let target = node.target();
                let load = Load { seed, operations: OPERATIONS, length_max: usize::MAX };
                workers.spawn(workload::work(target, worker, load, Expected::default()));
            }
            while let Some(done) = workers.join_next().await {
                let (theirs, more) = done?;
                expected.merge(theirs);
                tally.add(more);
            }
            stopped = !node.is_running()?;
            node.kill()?;
        }
        // A limit leaves no trace; what it did shows in refusals.
        let traced = std::fs::read_to_string(folder.path().join(TRACE)).unwrap_or_default();
        let injected =
            traced.contains("(INJECTED)") || calls == SHORT && (stopped || tally.refused > 0);

        let node = tokio::task::spawn_blocking(move || Node::start_with(plain)).await?;
        let node = node.with_context(|| format!("without faults again after {named}"))?;
        let losses = workload::verify(&node.target(), &mut expected).await;
        workload::ensure_none(&losses.with_context(|| named.clone())?, &named)?;
        Ok(Outcome { tally, injected, stopped, hung })
    }
}

/// What became of a case.
struct Outcome {
    tally: Tally,
    injected: bool,
    stopped: bool,
    /// The case, if the node neither served nor stopped.
    hung: Option<String>,
}

/// What became of all.
#[derive(Default)]
struct Sum {
    tally: Tally,
    injected: u64,
    stopped: u64,
    hung: u64,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        self.tally.add(outcome.tally);
        self.injected += u64::from(outcome.injected);
        self.stopped += u64::from(outcome.stopped);
        if let Some(case) = &outcome.hung {
            println!("neither served nor stopped: {case}");
            self.hung += 1;
        }
    }

    fn line(&self, cases: u64) -> String {
        let Self { tally, injected, stopped, hung } = self;
        format!(
            "cases {cases}, faults that took place {injected}, nodes that stopped {stopped}, \
             neither served nor stopped {hung}, acknowledged {}, refused {}, unknown {}, \
             false acknowledgements 0",
            tally.acknowledged, tally.refused, tally.unknown
        )
    }
}

/// What the node is started through, so that its n-th call fails.
fn wrapper(folder: &Path, calls: &str, how: &str, when: u64) -> Result<Vec<OsString>> {
    if calls == SHORT {
        let limit = format!("--fsize={}", SHORT_STEP_BYTES * when);
        let words = ["env", "--ignore-signal=XFSZ", "prlimit", &limit];
        return Ok(words.iter().map(OsString::from).collect());
    }
    let mut words: Vec<OsString> = ["strace", "-D", "-f", "-qq", "-o"].map(OsString::from).to_vec();
    words.push(folder.join(TRACE).into());
    for option in [
        "-e".to_owned(),
        format!("trace={calls}"),
        "-e".to_owned(),
        format!("inject={calls}:{how}:when={when}"),
    ] {
        words.push(option.into());
    }
    if calls == WRITE {
        for file in files(&folder.join("data"))? {
            words.extend(["-P".into(), file.into()]);
        }
    }
    Ok(words)
}

/// Every file under a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}
