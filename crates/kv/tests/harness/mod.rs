//! A real engine whose rows are written again and again.

use core::ops::Bound;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use catalog::Batch;
use kv::{Engine, FjallEngine, Settings};
use tempfile::TempDir;
use units::{ByteCount, Random as _, SimRandom};

pub const MIB: u64 = 1024 * 1024;
const ROWS: u64 = 2048;
const ROW_BYTES: usize = 1024;
/// Rows of one batch.
const BATCH: u64 = 16;

pub struct Rewritten {
    folder: TempDir,
    pub engine: FjallEngine,
    random: SimRandom,
    written: u64,
}

pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn rows(engine: &dyn Engine) -> Rows {
    let view = engine.view();
    view.scan(Bound::Unbounded, Bound::Unbounded).collect::<Result<_, _>>().expect("rows")
}

impl Rewritten {
    pub fn on(settings: &Settings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = FjallEngine::open_with(folder.path(), settings).expect("opens");
        Self { folder, engine, random: SimRandom::seeded(7), written: 0 }
    }

    pub fn rows(&self) -> Rows {
        rows(&self.engine)
    }

    pub fn batch(&mut self) {
        let mut batch = Batch::default();
        for _ in 0..BATCH {
            let mut value = vec![0; ROW_BYTES];
            self.random.fill(&mut value);
            let key = format!("k{:05}", self.written * 7 % ROWS).into_bytes();
            batch.writes.insert(key, Some(value));
            self.written += 1;
        }
        self.engine.commit(&batch).expect("committed");
    }

    /// Writes so many MiB; after each, what lies twice is given back if there is such room.
    /// Returns the most that was taken on the disk.
    pub fn write(&mut self, mebibytes: u64, room: Option<u64>) -> u64 {
        let mut most = 0;
        for _ in 0..mebibytes {
            for _ in 0..MIB / (BATCH * ROW_BYTES as u64) {
                self.batch();
            }
            most = most.max(taken(self.folder.path()));
            self.engine.persist().expect("persisted");
            if let Some(room) = room {
                self.engine.give_back(ByteCount::new(room)).expect("given back");
            }
        }
        most
    }
}

/// What lies under a directory, in blocks.
fn taken(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("a directory");
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => taken(&entry.path()),
            Ok(about) => about.blocks() * 512,
            // Compaction removes files.
            Err(_) => 0,
        })
        .sum()
}

/// Kills the engine, as far as its files see it, before and after journals were given back:
/// an error says what is lost.
pub fn kills() -> Result<(), String> {
    let settings = Settings::for_disk(ByteCount::new(64 * MIB));
    let mut rewritten = Rewritten::on(&settings);
    for step in 0..6 {
        rewritten.write(3, Some(20 * MIB));
        for batches in [0, 1, 5] {
            for _ in 0..batches {
                rewritten.batch();
            }
            let left = tempfile::tempdir().map_err(|error| error.to_string())?;
            copy_settled(rewritten.folder.path(), left.path());
            let engine = FjallEngine::open_with(left.path(), &settings)
                .map_err(|error| format!("step {step}, {batches} batches: {error}"))?;
            if rows(&engine) != rewritten.rows() {
                return Err(format!("step {step}, {batches} batches: other rows"));
            }
        }
    }
    Ok(())
}

/// Copies a directory in which compaction may be at work, as of one moment.
fn copy_settled(from: &Path, to: &Path) {
    loop {
        let before = listing(from);
        let copied = copy(from, to).is_ok();
        if copied && listing(from) == before {
            return;
        }
        fs::remove_dir_all(to).expect("removed");
        fs::create_dir(to).expect("made again");
        std::thread::sleep(core::time::Duration::from_millis(20));
    }
}

fn listing(directory: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let Ok(about) = entry.metadata() else { continue };
        let path = entry.path();
        if about.is_dir() {
            found.extend(listing(&path));
        } else {
            found.push((path.display().to_string(), about.len()));
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.metadata()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
