//! The engines under the catalog's own commands.
//!
//! A child fills, reads, lists and deletes, goes on writing without a persist,
//! and is killed; a second child opens what it left.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use catalog::{After, BucketName, Found, ListAsk, VersionAsk, View};
use kv::{Compression, Engine, FjallEngine, Settings};
use units::ByteCount;

use crate::figures::{self, ms, say, say_times};
use crate::rocks::Rocks;
use crate::work::{self, BELOW_PREFIX, BUCKET, PACK_COMMANDS};

/// Entries between two persists: about what the checkpoint rule allows.
const PERSIST_ENTRIES: u64 = 1000;
/// Entries written behind the last persist before the kill.
const LOST_ENTRIES: u64 = 900;
/// Said by a child that waits to be killed.
pub const READY: &str = "ready to be killed";

/// Opens an engine by name: `rocksdb`, or `fjall` with settings behind it that
/// differ from the usual ones, such as `fjall,memtable=32,block=8`.
pub fn open(name: &str, directory: &Path) -> Result<Arc<dyn Engine>> {
    std::fs::create_dir_all(directory)?;
    if name == "rocksdb" {
        return Ok(Arc::new(Rocks::open(directory)?));
    }
    let mut words = name.split(',');
    ensure!(words.next() == Some("fjall"), "no engine is called {name}");
    let mut settings = Settings::default();
    for word in words {
        set(&mut settings, word).with_context(|| format!("the setting {word}"))?;
    }
    Ok(Arc::new(FjallEngine::open_with(directory, &settings)?))
}

fn set(settings: &mut Settings, word: &str) -> Result<()> {
    let (name, value) = word.split_once('=').context("name=value")?;
    match (name, value) {
        ("compression", "none") => settings.compression = Compression::None,
        ("compression", "old") => settings.compression = Compression::Old,
        ("compression", "all") => settings.compression = Compression::All,
        ("journal", "plain") => settings.journal_compressed = false,
        ("journal", "lz4") => settings.journal_compressed = true,
        ("batches", "buffered") => settings.journal_buffered = true,
        ("batches", "handed-over") => settings.journal_buffered = false,
        ("last-filter", value) => settings.filter_last = value.parse()?,
        ("cache", mebibytes) => settings.cache = mebibytes_of(mebibytes)?,
        ("memtable", mebibytes) => settings.memtable = mebibytes_of(mebibytes)?,
        ("block", kibibytes) => settings.block = kibibytes.parse::<u32>()? << 10,
        ("filter", bits) => settings.filter_bits = bits.parse()?,
        ("separated", bytes) => settings.separated = Some(bytes.parse()?),
        ("threads", count) => settings.threads = count.parse()?,
        _ => bail!("there is no such setting"),
    }
    Ok(())
}

fn mebibytes_of(text: &str) -> Result<ByteCount> {
    Ok(ByteCount::new(text.parse::<u64>()? << 20))
}

/// What one child does with one engine.
struct Run<'a> {
    engine: Arc<dyn Engine>,
    directory: &'a Path,
    objects: u64,
    entry: u64,
    logical: u64,
    applying: Duration,
    commits: Vec<Duration>,
    persists: Vec<Duration>,
}

/// Fills, reads, lists, deletes; then waits to be killed.
pub fn measure(name: &str, directory: &Path, objects: u64) -> Result<()> {
    let engine = open(name, directory)?;
    let mut run = Run {
        engine,
        directory,
        objects,
        entry: 0,
        logical: 0,
        applying: Duration::ZERO,
        commits: Vec::new(),
        persists: Vec::new(),
    };
    run.fill()?;
    run.gets()?;
    run.lists("")?;
    run.deletes()?;
    run.lists(" after the deletes")?;
    say("memory at most, MiB", figures::peak_mebibytes()?);
    // Written and not persisted: what the kill finds.
    for entry in 0..LOST_ENTRIES {
        let first = entry * PACK_COMMANDS;
        let commands = (first..first + PACK_COMMANDS)
            .map(|number| work::put(objects + number, objects + number))
            .collect::<Result<_>>()?;
        run.apply(commands)?;
    }
    println!("{READY}");
    loop {
        std::thread::park();
    }
}

impl Run<'_> {
    fn apply(&mut self, commands: Vec<catalog::Command>) -> Result<()> {
        self.entry += 1;
        let started = Instant::now();
        let batch = work::batch(&*self.engine, commands, self.entry)?;
        self.applying += started.elapsed();
        self.logical += work::bytes_of(&batch);
        let started = Instant::now();
        self.engine.commit(&batch)?;
        self.commits.push(started.elapsed());
        if self.entry.is_multiple_of(PERSIST_ENTRIES) {
            let started = Instant::now();
            self.engine.persist()?;
            self.persists.push(started.elapsed());
        }
        Ok(())
    }

    /// Carries out one command for each of these, packed; returns commands per second.
    fn all(
        &mut self,
        numbers: std::ops::Range<u64>,
        command: impl Fn(u64) -> Result<catalog::Command>,
    ) -> Result<f64> {
        let (started, count) = (Instant::now(), numbers.end - numbers.start);
        let mut preparing = Duration::ZERO;
        for first in numbers.clone().step_by(PACK_COMMANDS as usize) {
            let prepare = Instant::now();
            let last = (first + PACK_COMMANDS).min(numbers.end);
            let commands = (first..last).map(&command).collect::<Result<_>>()?;
            preparing += prepare.elapsed();
            self.apply(commands)?;
        }
        Ok(count as f64 / (started.elapsed() - preparing).as_secs_f64())
    }

    fn fill(&mut self) -> Result<()> {
        self.apply(work::opening()?)?;
        let objects = self.objects;
        let (before, used) = (figures::bytes_written()?, figures::processor()?);
        let rate =
            self.all(0..objects, |number| work::put(work::place(number, objects), number))?;
        let entries = self.commits.len() as f64;
        say("puts applied, 1/s", rate);
        say("apply without commit, µs per put", micros(self.applying) / objects as f64);
        let committing: Duration = self.commits.iter().sum();
        say("commit, µs per put", micros(committing) / objects as f64);
        say_times("commit of 16 puts", std::mem::take(&mut self.commits));
        say_times("persist", std::mem::take(&mut self.persists));
        say("memory after the puts, MiB", figures::resident_mebibytes()?);
        say("bytes of rows per entry", self.logical as f64 / entries);
        self.settle()?;
        let used = figures::processor()? - used;
        say("processor time with compaction, µs per put", micros(used) / objects as f64);
        let written = figures::bytes_written()? - before;
        say("bytes written per byte of rows", written as f64 / self.logical as f64);
        let bytes = figures::bytes_on_disk(self.directory)?;
        say("on disk after the puts, MiB", bytes as f64 / f64::from(1 << 20));
        Ok(())
    }

    /// Waits until nothing has been written for a while.
    fn settle(&self) -> Result<()> {
        self.engine.persist()?;
        let (mut before, mut quiet) = (figures::bytes_written()?, 0);
        for _ in 0..300 {
            std::thread::sleep(Duration::from_millis(100));
            let now = figures::bytes_written()?;
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
            if quiet == 10 {
                break;
            }
        }
        Ok(())
    }

    fn view(&self) -> View {
        View::new(self.engine.view())
    }

    fn gets(&self) -> Result<()> {
        let (objects, count) = (self.objects, 200_000);
        let per_call = |used: Duration| micros(used) / count as f64;
        let used = figures::processor()?;
        for number in 0..count {
            let key = work::key(work::mixed(number) % objects)?;
            let found = self.view().object(BUCKET, &key, VersionAsk::Current)?;
            ensure!(!matches!(found, Found::Missing), "{key} is missing");
        }
        say("HEAD of an object, µs", per_call(figures::processor()? - used));
        let used = figures::processor()?;
        for number in 0..count {
            // Between keys that exist, as a new object's is.
            let near = work::mixed(number) % objects;
            let key = catalog::ObjectKey::new(format!("{}.new", work::key(near)?))?;
            let found = self.view().object(BUCKET, &key, VersionAsk::Current)?;
            ensure!(matches!(found, Found::Missing), "{key} is there");
        }
        say("HEAD of an object that is not there, µs", per_call(figures::processor()? - used));
        let name = BucketName::new("registers")?;
        let used = figures::processor()?;
        for _ in 0..count {
            ensure!(self.view().bucket(&name)?.is_some(), "the bucket is missing");
        }
        say("look-up of a bucket, µs", per_call(figures::processor()? - used));
        Ok(())
    }

    fn list(&self, prefix: &str, delimiter: bool, after: &After) -> Result<(usize, After)> {
        let ask = ListAsk {
            prefix: prefix.to_owned(),
            delimiter: delimiter.then(|| "/".to_owned()),
            limit: 1000,
        };
        let page = self.view().list_current(BUCKET, &ask, after)?;
        Ok((page.entries.len() + page.prefixes.len(), page.next.unwrap_or_default()))
    }

    fn lists(&self, when: &str) -> Result<()> {
        let started = Instant::now();
        self.list("", false, &After::Start)?;
        say(&format!("first page of all keys{when}, ms"), ms(started.elapsed()));
        let (mut after, mut found, mut pages) = (After::Start, 0, Vec::new());
        let used = figures::processor()?;
        loop {
            let started = Instant::now();
            let (count, next) = self.list("", false, &after)?;
            pages.push(started.elapsed());
            found += count;
            if next == After::Start {
                break;
            }
            after = next;
        }
        let used = figures::processor()? - used;
        say(&format!("processor time of a listed key{when}, µs"), micros(used) / found as f64);
        say_times(&format!("page of 1000 keys{when}"), pages);
        let mut pages = Vec::new();
        for _ in 0..5 {
            let started = Instant::now();
            self.list("archive/", true, &After::Start)?;
            pages.push(started.elapsed());
        }
        say_times(&format!("page of common prefixes{when}"), pages);
        let mut pages = Vec::new();
        for number in 0..50 {
            let directory = work::mixed(number) % (self.objects / BELOW_PREFIX).max(1);
            let started = Instant::now();
            self.list(&format!("archive/{directory:04}/"), true, &After::Start)?;
            pages.push(started.elapsed());
        }
        say_times(&format!("page of one directory{when}"), pages);
        Ok(())
    }

    /// Deletes the first fifth in key order, as one who clears a directory does.
    fn deletes(&mut self) -> Result<()> {
        let before = figures::bytes_written()?;
        let rate = self.all(0..self.objects / 5, work::delete)?;
        say("deletes applied, 1/s", rate);
        say_times("commit of 16 deletes", std::mem::take(&mut self.commits));
        let started = Instant::now();
        self.list("", false, &After::Start)?;
        say("first page right after the deletes, ms", ms(started.elapsed()));
        self.settle()?;
        let written = (figures::bytes_written()? - before) >> 20;
        say("written for the deletes, MiB", written as f64);
        let bytes = figures::bytes_on_disk(self.directory)?;
        say("on disk after the deletes, MiB", bytes as f64 / f64::from(1 << 20));
        Ok(())
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Opens what a killed child left, and checks that it is whole.
pub fn reopen(name: &str, directory: &Path) -> Result<()> {
    let started = Instant::now();
    let engine = open(name, directory)?;
    say("open after kill -9, ms", ms(started.elapsed()));
    let view = View::new(engine.view());
    let started = Instant::now();
    ensure!(view.bucket(&BucketName::new("registers")?)?.is_some(), "the bucket is missing");
    say("first look-up after it, ms", ms(started.elapsed()));
    say("memory of an idle process, MiB", figures::resident_mebibytes()?);
    let ask = ListAsk { limit: 1000, ..ListAsk::default() };
    let (mut after, mut found) = (After::Start, 0);
    loop {
        let page = view.list_current(BUCKET, &ask, &after)?;
        found += page.entries.len() as u64;
        let Some(next) = page.next else { break };
        after = next;
    }
    // The usage is counted in the same batches as the objects are written.
    let counted = view.bucket_usage(BUCKET)?.objects.get();
    ensure!(counted == found, "{found} objects are listed, {counted} were counted");
    say("memory after a walk over all keys, MiB", figures::resident_mebibytes()?);
    Ok(())
}
