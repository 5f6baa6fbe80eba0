//! Children killed while they write, and copies of their files cut as a power
//! cut would.
//!
//! The power cut is simulated on a copy: of the file that takes the writes (the
//! journal) everything behind a random byte after the last persist is gone, and
//! half a sector at the cut is garbage; files that the engine says it synced are
//! kept whole.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use catalog::Batch;
use kv::Engine;

use crate::engines;
use crate::figures::say;
use crate::log_damage::copy_directory;
use crate::work::{mixed, noise};

/// Kills, and power cuts.
const ROUNDS: u64 = 15;
/// The row that says which batch was the last, written with each batch.
const LAST: &[u8] = b"\x21last";
/// Batches between two persists.
const PERSIST_EVERY: u64 = 200;
/// Rows in a batch.
const BATCH_ROWS: u64 = 64;

/// The child: writes until it is killed. `W n`: batch n was committed. `P n`:
/// everything up to n was persisted.
pub fn write(name: &str, directory: &Path) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut say = |kind: char, number: u64| -> Result<()> {
        writeln!(out, "{kind} {number}")?;
        Ok(out.flush()?)
    };
    let engine = engines::open(name, directory)?;
    for batch in last(&*engine)? + 1.. {
        let mut writes = Batch::default();
        writes.writes.extend(rows(batch).map(|(key, value)| (key, Some(value))));
        writes.writes.insert(LAST.to_vec(), Some(batch.to_be_bytes().to_vec()));
        engine.commit(&writes)?;
        say('W', batch)?;
        if batch.is_multiple_of(PERSIST_EVERY) {
            engine.persist()?;
            say('P', batch)?;
        }
    }
    Ok(())
}

fn last(engine: &dyn Engine) -> Result<u64> {
    let Some(value) = engine.view().get(LAST)? else { return Ok(0) };
    Ok(u64::from_be_bytes(value.try_into().ok().context("eight bytes")?))
}

fn rows(batch: u64) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let numbers = (batch - 1) * BATCH_ROWS..batch * BATCH_ROWS;
    numbers.map(|number| {
        (format!("\u{20}{:016x}/{number}", mixed(number)).into_bytes(), noise(number, 300))
    })
}

/// What one child said before it was killed.
struct Said {
    written: u64,
    durable: u64,
    /// The file that took the writes, and how much of it the cut leaves alone.
    tail: Option<(PathBuf, u64)>,
}

/// Rounds of writing, killing, checking; and of a power cut on a copy each.
pub fn rounds(name: &str, directory: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory)?;
    let (mut behind, mut corrupt, mut cut_lost, mut cut_corrupt) = (0, 0, 0, 0);
    for round in 0..ROUNDS {
        let said = run_and_kill(name, directory, 300 + round * 97 % 700)?;
        let copy = directory.with_extension("cut");
        let _ = fs::remove_dir_all(&copy);
        copy_directory(directory, &copy)?;
        if let Some((path, synced)) = &said.tail {
            cut(&copy.join(path.strip_prefix(directory)?), *synced, round)?;
        }
        match check(name, &copy) {
            Ok(found) => cut_lost += u64::from(found < said.durable),
            Err(error) => {
                cut_corrupt += 1;
                eprintln!("{name}: after a power cut in round {round}: {error:#}");
            }
        }
        match check(name, directory) {
            Ok(found) => behind += said.written.saturating_sub(found),
            Err(error) => {
                corrupt += 1;
                eprintln!("{name}: after kill -9 in round {round}: {error:#}");
            }
        }
    }
    say("kills", ROUNDS as f64);
    say("kills: rows not those of a prefix of the batches", f64::from(corrupt));
    say("kills: committed batches gone", behind as f64);
    say("power cuts", ROUNDS as f64);
    say("power cuts: rows not those of a prefix of the batches", f64::from(cut_corrupt));
    say("power cuts: a persisted batch gone", cut_lost as f64);
    Ok(())
}

fn run_and_kill(name: &str, directory: &Path, milliseconds: u64) -> Result<Said> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["write", name])
        .arg(directory)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(child.stdout.take().context("a pipe")?);
    let mut said = Said { written: 0, durable: 0, tail: None };
    let mut started = None;
    for line in output.lines() {
        let line = line?;
        let (kind, number) = line.split_once(' ').context("a line of two words")?;
        said.written = number.parse()?;
        if kind == "P" {
            said.durable = said.written;
            // What is there now may be more than was synced, never less.
            said.tail = written_file(directory)?;
        }
        let since = *started.get_or_insert_with(Instant::now);
        if since.elapsed() > Duration::from_millis(milliseconds) {
            child.kill()?;
        }
    }
    child.wait()?;
    // If another file took the writes in the end, all of it is behind the persist.
    let newest = written_file(directory)?.map(|(path, _)| path);
    said.tail = match (said.tail, newest) {
        (Some((path, synced)), Some(newest)) if path == newest => Some((path, synced)),
        (_, newest) => newest.map(|path| (path, 0)),
    };
    Ok(said)
}

/// The newest journal, and how far it is written.
fn written_file(directory: &Path) -> Result<Option<(PathBuf, u64)>> {
    let mut newest: Option<(std::time::SystemTime, PathBuf)> = None;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|ending| ending == "jnl" || ending == "log");
        let Ok(modified) = fs::metadata(&path).and_then(|data| data.modified()) else { continue };
        if is_journal && newest.as_ref().is_none_or(|(time, _)| modified >= *time) {
            newest = Some((modified, path));
        }
    }
    let Some((_, path)) = newest else { return Ok(None) };
    let end = written_end(&fs::read(&path)?);
    Ok(Some((path, end as u64)))
}

/// Where the zeros at the end begin.
fn written_end(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

fn cut(path: &Path, synced: u64, seed: u64) -> Result<()> {
    let mut bytes = fs::read(path)?;
    let (end, synced) = (written_end(&bytes), usize::try_from(synced)?);
    if end <= synced {
        return Ok(());
    }
    let at = synced + mixed(seed) as usize % (end - synced + 1);
    let garbage = noise(seed, 256);
    for (byte, garbage) in
        bytes[at..end].iter_mut().zip(garbage.into_iter().chain([0].into_iter().cycle()))
    {
        *byte = garbage;
    }
    Ok(fs::write(path, bytes)?)
}

/// The last batch, after all rows were found to be those of the batches up to it.
fn check(name: &str, directory: &Path) -> Result<u64> {
    use std::ops::Bound;
    let engine = engines::open(name, directory)?;
    let last = last(&*engine)?;
    let view = engine.view();
    let mut found = 0;
    for row in view.scan(Bound::Included(b"\x20"), Bound::Excluded(b"\x21")) {
        row?;
        found += 1;
    }
    ensure!(found == last * BATCH_ROWS, "{found} rows after batch {last}");
    for (key, value) in rows(last.max(1)) {
        ensure!(last == 0 || view.get(&key)? == Some(value), "a row of batch {last} is wrong");
    }
    Ok(last)
}
