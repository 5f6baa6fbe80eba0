//! Appends with a sync, by one proposer and by many at once; a start with many
//! entries; a purge.
//!
//! Proposers wait for their entry before they make the next. One committer takes
//! what waits, as ours does, and appends it at once. `raft-engine-own-grouping`
//! leaves the grouping to raft-engine: a group and a thread for each proposer.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use raft_engine::LogBatch;

use crate::figures::{self, ms, say, say_times};
use crate::logs::{self, Indexed, Log};

/// How long a measurement of appends takes.
const DURATION: Duration = Duration::from_secs(3);
/// Entries of a start and a purge.
const ENTRIES: u64 = 100_000;
/// Entries in one append of theirs.
const GROUP_ENTRIES: u64 = 100;
/// The name under which raft-engine groups by itself.
pub const OWN_GROUPING: &str = "raft-engine-own-grouping";

type Waiting = (Vec<u8>, Sender<()>);

/// Appends by so many proposers of entries of so many bytes.
pub fn appends(name: &str, directory: &Path, proposers: usize, bytes: usize) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    let before = figures::bytes_written()?;
    let mut times = if name == OWN_GROUPING {
        grouped_by_engine(directory, proposers, bytes)?
    } else {
        grouped_here(name, directory, proposers, bytes)?
    };
    let written = figures::bytes_written()? - before;
    let what = format!("{proposers} proposers of {bytes} B");
    times.sort_unstable();
    say(&format!("{what}: entries, 1/s"), times.len() as f64 / DURATION.as_secs_f64());
    say(&format!("{what}: bytes written per entry"), written as f64 / times.len() as f64);
    say_times(&what, times);
    Ok(())
}

fn grouped_here(
    name: &str,
    directory: &Path,
    proposers: usize,
    bytes: usize,
) -> Result<Vec<Duration>> {
    let mut log = logs::open(name, directory)?;
    let (queue, waiting) = channel::<Waiting>();
    std::thread::scope(|scope| {
        let committer = scope.spawn(move || commit(&mut *log, &waiting));
        let threads: Vec<_> = (0..proposers)
            .map(|proposer| {
                let queue = queue.clone();
                scope.spawn(move || propose(proposer, bytes, &queue))
            })
            .collect();
        drop(queue);
        let mut times = Vec::new();
        for thread in threads {
            times.extend(thread.join().map_err(|_| anyhow!("a proposer failed"))?);
        }
        committer.join().map_err(|_| anyhow!("the committer failed"))??;
        Ok(times)
    })
}

fn commit(log: &mut dyn Log, waiting: &Receiver<Waiting>) -> Result<()> {
    while let Ok(first) = waiting.recv() {
        let (bodies, askers): (Vec<_>, Vec<_>) =
            std::iter::once(first).chain(waiting.try_iter()).unzip();
        log.append(&bodies)?;
        for asker in askers {
            // Whoever asked may have ended.
            let _ = asker.send(());
        }
    }
    Ok(())
}

fn propose(proposer: usize, bytes: usize, queue: &Sender<Waiting>) -> Vec<Duration> {
    let (answer, answered) = channel();
    let body = logs::body(proposer as u64, bytes);
    let (mut times, end) = (Vec::new(), Instant::now() + DURATION);
    while Instant::now() < end {
        let started = Instant::now();
        if queue.send((body.clone(), answer.clone())).is_err() || answered.recv().is_err() {
            break;
        }
        times.push(started.elapsed());
    }
    times
}

fn grouped_by_engine(directory: &Path, proposers: usize, bytes: usize) -> Result<Vec<Duration>> {
    let engine = logs::engine("raft-engine", directory)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=proposers as u64)
            .map(|group| {
                let engine = &engine;
                scope.spawn(move || -> Result<Vec<Duration>> {
                    let body = logs::body(group, bytes);
                    let (mut times, end) = (Vec::new(), Instant::now() + DURATION);
                    for index in 1.. {
                        let started = Instant::now();
                        if started > end {
                            break;
                        }
                        let mut batch = LogBatch::default();
                        batch.add_entries::<Indexed>(group, &[logs::indexed(index, &body)])?;
                        engine.write(&mut batch, true)?;
                        times.push(started.elapsed());
                    }
                    Ok(times)
                })
            })
            .collect();
        let mut times = Vec::new();
        for thread in threads {
            times.extend(thread.join().map_err(|_| anyhow!("a proposer failed"))??);
        }
        Ok(times)
    })
}

/// Fills a log with many entries.
pub fn fill(name: &str, directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut log = logs::open(name, directory)?;
    for first in (1..=ENTRIES).step_by(GROUP_ENTRIES as usize) {
        let bodies: Vec<_> =
            (first..first + GROUP_ENTRIES).map(|index| logs::body(index, 300)).collect();
        log.append(&bodies)?;
    }
    Ok(())
}

/// Opens a log with many entries, and purges nine tenths of them.
pub fn start(name: &str, directory: &Path) -> Result<()> {
    let memory = figures::resident_mebibytes()?;
    let started = Instant::now();
    let mut log = logs::open(name, directory)?;
    say("open with 100,000 entries of 300 B, ms", ms(started.elapsed()));
    anyhow::ensure!(log.last() == ENTRIES, "entries are missing");
    say("memory it takes, MiB", figures::resident_mebibytes()? - memory);
    let before = figures::bytes_written()?;
    let started = Instant::now();
    log.purge(ENTRIES * 9 / 10)?;
    say("purge of 90,000 entries, ms", ms(started.elapsed()));
    say("bytes written by it", (figures::bytes_written()? - before) as f64);
    let bytes = figures::bytes_on_disk(directory)?;
    say("on disk after it, MiB", bytes as f64 / f64::from(1 << 20));
    Ok(())
}
