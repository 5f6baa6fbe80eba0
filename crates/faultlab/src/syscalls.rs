//! System calls that fail, one at each place in turn, through `strace -e inject`.
//!
//! Each case starts a node under strace with one call made to fail at its n-th
//! occurrence in each thread, works a little, kills it, starts it again without
//! faults, and reads everything back: an acknowledged write that is not there is a
//! *false acknowledgement*. A node that refuses to start or stops with a reason is
//! fine; one that does neither, nor serves, is counted apart.
//!
//! Which occurrences there are is seen first, in a run without faults. A thread that
//! then comes to fewer calls meets no fault: only cases whose fault took place count,
//! and more are tried in place of the others.
//!
//! strace runs as a child of the node (`-D`), so that the node is the process that
//! is started, and killed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
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
pub const SHORT: &str = "short write";

/// The limit is longer by this with each case.
const SHORT_STEP_BYTES: u64 = 24 * 1024;

/// Writes to the files that are there at the start. The same call wakes threads, by
/// descriptors that are no files: there it cannot fail, and nothing is made to stand it.
const WRITE: &str = "write";

/// Where strace tells what it did.
const TRACE: &str = "trace";

/// Which calls fail, and how.
pub const FAULTS: &[(&str, &str)] = &[
    ("openat", "error=EIO"),
    ("openat", "error=ENOSPC"),
    ("openat", "error=EMFILE"),
    ("pwrite64", "error=EIO"),
    ("pwrite64", "error=ENOSPC"),
    ("pwritev", "error=EIO"),
    ("pwritev", "error=ENOSPC"),
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

/// Tries for each case whose fault is to take place, at the most.
const TRIES_PER_CASE: u64 = 4;

/// Cases that may be under way at the same time.
const JOBS_MAX: usize = 16;

/// System calls that fail.
#[derive(Args, Clone)]
pub struct Syscalls {
    /// How many faults are to take place; they go through the calls, then through the places.
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
    /// The case to begin with; with `--cases 1` and `--when` it is repeated alone.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// The place of every case, in each thread, instead of those that a run without
    /// faults comes to.
    #[arg(long)]
    when: Option<u64>,
    /// How many cases at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

impl Syscalls {
    /// Runs the cases; fails on the first false acknowledgement, or if too few of the
    /// faults take place.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), Some(self.seed))?;
        ensure!(self.cases > 0 && self.stride > 0, "nothing to do");
        Program::named("strace")?.args(["-V"]).run()?;
        let model = Arc::new(tempfile::tempdir()?);
        self.model_make(model.path()).await?;
        let places = match self.when {
            Some(when) => vec![when; FAULTS.len()],
            None => self.places(model.path()).await?,
        };
        ensure!(places.iter().any(|most| *most > 0), "a run without faults made no such call");
        let mut total = Sum::default();
        let mut running = JoinSet::new();
        let mut cases = (self.from..).filter_map(|case| Some((case, self.place(case, &places)?)));
        let (mut tries, tries_max) = (0, self.cases * TRIES_PER_CASE);
        while total.took_place() < self.cases {
            let under_way = running.len() as u64;
            let wanted = (self.cases - total.took_place()).min(tries_max - tries + under_way);
            if running.len() < self.jobs.clamp(1, JOBS_MAX)
                && under_way < wanted
                && let Some((case, when)) = cases.next()
            {
                tries += 1;
                let (campaign, model) = (self.clone(), Arc::clone(&model));
                running.spawn(async move { campaign.case(case, when, model.path()).await });
                continue;
            }
            let Some(done) = running.join_next().await else { break };
            total.add(&done??);
        }
        println!("{}", total.line());
        ensure!(
            total.took_place() >= self.cases,
            "only {} of {} faults took place in {tries} tries",
            total.took_place(),
            self.cases
        );
        Ok(())
    }

    /// Where the fault of a case takes place; none if there is no such call.
    fn place(&self, case: u64, places: &[u64]) -> Option<u64> {
        if self.when.is_some() {
            return self.when;
        }
        let faults = FAULTS.len() as u64;
        let most = places.get(usize::try_from(case % faults).ok()?).copied()?;
        let at = case / faults * self.stride;
        // Each time around it begins one place further.
        (most > 0).then(|| 1 + (at + at / most) % most)
    }

    /// For each fault the most occurrences that a thread comes to in a run without faults.
    async fn places(&self, model: &Path) -> Result<Vec<u64>> {
        let folder = copy(model)?;
        let data = folder.path().join("data");
        let there: BTreeSet<PathBuf> = files(&data)?.into_iter().collect();
        let calls: Vec<&str> = FAULTS.iter().map(|(calls, _)| *calls).collect();
        let calls: Vec<&str> = calls.into_iter().filter(|calls| *calls != SHORT).collect();
        let trace = folder.path().join(TRACE);
        let mut words: Vec<OsString> =
            ["strace", "-D", "-f", "-y", "-qq", "-o"].map(OsString::from).to_vec();
        words.push(trace.clone().into());
        words.extend(["-e".into(), format!("trace={}", calls.join(",")).into()]);
        let start = Start { wrapper: words, ..self.start(folder.path()) };
        let mut node = tokio::task::spawn_blocking(move || Node::start_with(start)).await??;
        let (_, tally) = self.load(&node, self.from).await?;
        ensure!(tally.acknowledged > 0, "a run without faults acknowledged nothing: {tally:?}");
        node.kill()?;
        let lengths =
            files(&data)?.into_iter().filter_map(|file| Some(file.metadata().ok()?.len()));
        let longest = lengths.max().unwrap_or_default();
        let counted = occurrences(&std::fs::read_to_string(&trace)?, &there);
        let most = |calls: &str| {
            calls.split(',').filter_map(|call| counted.get(call)).copied().max().unwrap_or_default()
        };
        let places: Vec<u64> = FAULTS
            .iter()
            .map(
                |(calls, _)| if *calls == SHORT { longest / SHORT_STEP_BYTES } else { most(calls) },
            )
            .collect();
        for ((calls, how), most) in FAULTS.iter().zip(&places).filter(|(_, most)| **most == 0) {
            println!("no thread comes to {calls}: {how} is not tried ({most} places)");
        }
        Ok(places)
    }

    /// Works a little; what is acknowledged, and how much.
    async fn load(&self, node: &Node, case: u64) -> Result<(Expected, Tally)> {
        let (mut expected, mut tally) = (Expected::default(), Tally::default());
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let seed = self.seed ^ case << 8 ^ worker as u64;
            let load = Load { seed, operations: OPERATIONS, length_max: usize::MAX };
            workers.spawn(workload::work(node.target(), worker, load, Expected::default()));
        }
        while let Some(done) = workers.join_next().await {
            let (theirs, more) = done?;
            expected.merge(theirs);
            tally.add(more);
        }
        Ok((expected, tally))
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

    async fn case(&self, case: u64, when: u64, model: &Path) -> Result<Outcome> {
        let fault = usize::try_from(case)? % FAULTS.len();
        let (calls, how) = FAULTS.get(fault).copied().unwrap_or_default();
        let folder = copy(model)?;
        let plain = self.start(folder.path());
        let faulty = Start { wrapper: wrapper(folder.path(), calls, how, when)?, ..plain.clone() };
        let mut expected = Expected::default();
        let mut tally = Tally::default();
        let mut stopped = true;
        let mut hung = None;
        let named = format!(
            "{calls} {how} when={when}; repeat with: {} syscalls --cases 1 --from {case} --when \
             {when} --seed {}",
            crate::PROGRAM,
            self.seed
        );
        let started = tokio::task::spawn_blocking(move || Node::start_with(faulty)).await?;
        if let Err(error) = &started
            && error.to_string().contains("does not answer")
        {
            hung = Some(named.clone());
        }
        if let Ok(mut node) = started {
            (expected, tally) = self.load(&node, case).await?;
            stopped = !node.is_running()?;
            node.kill()?;
        }
        // A limit leaves no trace; what it did shows in refusals.
        let traced = std::fs::read_to_string(folder.path().join(TRACE)).unwrap_or_default();
        let took_place =
            traced.contains("(INJECTED)") || calls == SHORT && (stopped || tally.refused > 0);

        let node = tokio::task::spawn_blocking(move || Node::start_with(plain)).await?;
        let node = node.with_context(|| format!("without faults again after {named}"))?;
        let losses = workload::verify(&node.target(), &mut expected).await;
        workload::ensure_none(&losses.with_context(|| named.clone())?, &named)?;
        Ok(Outcome { fault, tally, took_place, stopped, hung })
    }
}

/// What became of a case.
struct Outcome {
    /// Its place in [`FAULTS`].
    fault: usize,
    tally: Tally,
    took_place: bool,
    stopped: bool,
    /// The case, if the node neither served nor stopped.
    hung: Option<String>,
}

/// What became of all whose fault took place.
#[derive(Default)]
struct Sum {
    tally: Tally,
    /// How many took place, of each fault.
    faults: BTreeMap<usize, u64>,
    stopped: u64,
    hung: u64,
    /// Cases that came to no such call, or not that often: nothing is told of them, but
    /// they had to be without losses too.
    elsewhere: u64,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        if let Some(case) = &outcome.hung {
            println!("neither served nor stopped: {case}");
            self.hung += 1;
        }
        if !outcome.took_place {
            self.elsewhere += 1;
            return;
        }
        *self.faults.entry(outcome.fault).or_default() += 1;
        self.tally.add(outcome.tally);
        self.stopped += u64::from(outcome.stopped);
    }

    fn took_place(&self) -> u64 {
        self.faults.values().sum()
    }

    fn line(&self) -> String {
        let Self { tally, stopped, hung, elsewhere, .. } = self;
        let mut text = String::from("took place:");
        for (fault, (calls, how)) in FAULTS.iter().enumerate() {
            let count = self.faults.get(&fault).copied().unwrap_or_default();
            let _ = write!(text, " {calls} {how} {count},");
        }
        format!(
            "{}\nfaults that took place {}, nodes that stopped {stopped}, \
             neither served nor stopped {hung}, acknowledged {}, refused {}, unknown {}, \
             false acknowledgements 0; {elsewhere} more cases came to no such call",
            text.trim_end_matches(','),
            self.took_place(),
            tally.acknowledged,
            tally.refused,
            tally.unknown
        )
    }
}

/// A copy of the model to work on.
fn copy(model: &Path) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    Program::named("cp")?
        .args(["-a"])
        .args([model.join("data"), model.join("credentials.json"), folder.path().to_path_buf()])
        .run()?;
    Ok(folder)
}

/// How often the busiest thread makes each call, from what strace (`-f -y`) wrote: of
/// [`WRITE`] only those to these files.
fn occurrences(trace: &str, there: &BTreeSet<PathBuf>) -> BTreeMap<String, u64> {
    let mut threads: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
        if !call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let path = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let is_there = path.is_some_and(|(path, _)| there.contains(Path::new(path)));
        if call != WRITE || is_there {
            *threads.entry((thread, call)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((_, call), count) in threads {
        let entry: &mut u64 = most.entry(call.to_owned()).or_default();
        *entry = count.max(*entry);
    }
    most
}

/// What the node is started through, so that its n-th call fails.
fn wrapper(folder: &Path, calls: &str, how: &str, when: u64) -> Result<Vec<OsString>> {
    if calls == SHORT {
        let limit = format!("--fsize={}", SHORT_STEP_BYTES * when);
        let words = ["prlimit", &limit];
        return Ok(words.iter().map(OsString::from).collect());
    }
    let mut words: Vec<OsString> = ["strace", "-D"].map(OsString::from).to_vec();
    words.extend(injects(&folder.join(TRACE), &folder.join("data"), calls, how, when)?);
    Ok(words)
}

/// What strace is told, so that the n-th of these calls fails in each thread.
pub fn injects(
    trace: &Path,
    data: &Path,
    calls: &str,
    how: &str,
    when: u64,
) -> Result<Vec<OsString>> {
    let mut words: Vec<OsString> = ["-f", "-qq", "-o"].map(OsString::from).to_vec();
    words.push(trace.into());
    for option in [
        "-e".to_owned(),
        format!("trace={calls}"),
        "-e".to_owned(),
        format!("inject={calls}:{how}:when={when}"),
    ] {
        words.push(option.into());
    }
    if calls == WRITE {
        for file in files(data)? {
            words.extend(["-P".into(), file.into()]);
        }
    }
    Ok(words)
}

/// Every file under a folder.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::occurrences;

    #[test]
    fn the_calls_of_the_busiest_thread_are_counted() {
        let trace = "7  openat(AT_FDCWD</>, \"a\", O_RDONLY) = 3</d/a>\n\
                     8  openat(AT_FDCWD</>, \"a\", O_RDONLY <unfinished ...>\n\
                     8  <... openat resumed>) = 3</d/a>\n\
                     8  openat(AT_FDCWD</>, \"b\", O_RDONLY) = -1 ENOENT (No such file)\n\
                     8  write(3</d/a>, \"x\", 1) = 1\n\
                     8  write(4<anon_inode:[eventfd]>, \"x\", 8) = 8\n\
                     7  +++ killed by SIGKILL +++\n";
        let counted = occurrences(trace, &BTreeSet::from([PathBuf::from("/d/a")]));
        let shown: Vec<String> = counted.iter().map(|(call, n)| format!("{call} {n}")).collect();
        assert_eq!(shown, ["openat 2", "write 1"]);
    }
}
