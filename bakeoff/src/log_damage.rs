//! What a log makes of a flipped bit, and of a tail torn by a power cut.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::figures::say;
use crate::logs;
use crate::work::mixed;

/// Entries of the log that is damaged.
const ENTRIES: u64 = 2000;
/// Their length.
const BYTES: usize = 300;
/// Flips, and torn tails.
const TRIALS: u64 = 300;

/// What became of a damaged log.
enum Fate {
    Refused,
    Whole,
    Lost,
    Changed,
}

/// Damages copies of a log that was closed in order, one bit each; then tears tails.
pub fn measure(name: &str, directory: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(directory);
    let intact = directory.join("intact");
    fs::create_dir_all(&intact)?;
    let mut log = logs::open(name, &intact)?;
    for index in 1..=ENTRIES {
        // Ten entries in an append, as a busy node has them.
        if index % 10 == 1 {
            let bodies: Vec<_> =
                (index..index + 10).map(|index| logs::body(index, BYTES)).collect();
            log.append(&bodies)?;
        }
    }
    drop(log);
    let file = the_file(name, &intact)?;
    let bytes = fs::read(&file)?;
    let end = bytes.iter().rposition(|byte| *byte != 0).context("an empty log")? + 1;
    // A panic counts as a refusal; 2,000 of them need not be shown.
    std::panic::set_hook(Box::new(|_| {}));
    let copy = directory.join("copy");
    let mut count = [0_u64; 4];
    for trial in 0..TRIALS {
        let mut flipped = bytes.clone();
        let bit = mixed(trial) as usize % (end * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        count[fate(name, &intact, &copy, &file, &flipped, ENTRIES)? as usize] += 1;
    }
    let [refused, whole, lost, changed] = count.map(|count| count as f64);
    say("flipped bits", TRIALS as f64);
    say("flipped bits: the start is refused", refused);
    say("flipped bits: nothing is missing", whole);
    say("flipped bits: acknowledged entries silently gone", lost);
    say("flipped bits: an entry reads wrong or not at all", changed);
    let mut count = [0_u64; 4];
    for trial in 0..TRIALS {
        // The last append is torn: what comes before it must be there.
        let mut torn = bytes.clone();
        let tail = end - 10 * BYTES * 4 / 5;
        let cut = tail + mixed(trial) as usize % (end - tail);
        torn[cut..end].fill(0);
        count[fate(name, &intact, &copy, &file, &torn, ENTRIES - 10)? as usize] += 1;
    }
    let _ = std::panic::take_hook();
    let [refused, _, lost, changed] = count.map(|count| count as f64);
    say("torn tails", TRIALS as f64);
    say("torn tails: the start is refused", refused);
    say("torn tails: entries before it gone or wrong", lost + changed);
    Ok(())
}

/// The one file with entries.
fn the_file(name: &str, directory: &Path) -> Result<PathBuf> {
    let place = if name == "own" { directory.join("log") } else { directory.to_owned() };
    let mut files = Vec::new();
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        if name == "own" || path.extension().is_some_and(|ending| ending == "raftlog") {
            files.push(path);
        }
    }
    ensure!(files.len() == 1, "{} files with entries", files.len());
    files.pop().context("no file")
}

fn fate(
    name: &str,
    intact: &Path,
    copy: &Path,
    file: &Path,
    bytes: &[u8],
    durable: u64,
) -> Result<Fate> {
    let _ = fs::remove_dir_all(copy);
    copy_directory(intact, copy)?;
    fs::write(copy.join(file.strip_prefix(intact)?), bytes)?;
    let looked = catch_unwind(AssertUnwindSafe(|| -> Result<Fate> {
        let Ok(log) = logs::open(name, copy) else { return Ok(Fate::Refused) };
        if log.last() < durable {
            return Ok(Fate::Lost);
        }
        for index in 1..=durable {
            match log.read(index) {
                Ok(Some(body)) if body == logs::body(index, BYTES) => {}
                _ => return Ok(Fate::Changed),
            }
        }
        Ok(Fate::Whole)
    }));
    looked.unwrap_or(Ok(Fate::Refused))
}

/// Copies a directory with all below it.
pub fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.metadata()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
