//! Decay on one of several disks of a node: found and repaired, how fast, and counted
//! by the scrub that follows.
//!
//! Three times: nothing is wrong (how fast a scrub reads); bits flipped all over one
//! disk and its youngest segment cut short; everything on one disk gone. After each,
//! rounds of scrub go on until one finds nothing, and every object is read back.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use blackbox::{Node, Start};
use clap::Args;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::expected::{Contents, Expected};
use crate::workload::{self, BUCKET};

/// One object.
const OBJECT_BYTES: usize = 4 << 20;

/// Connections that fill the node.
const WRITERS: u64 = 4;

/// Rounds until nothing is found any more.
const ROUNDS_MAX: u32 = 4;

/// Scrub and repair of real files.
#[derive(Args)]
pub struct Scrub {
    /// Disks of the node.
    #[arg(long, default_value_t = 4)]
    disks: u64,
    /// MiB of objects.
    #[arg(long, default_value_t = 256)]
    mebibytes: u64,
    /// Bits flipped on one disk.
    #[arg(long, default_value_t = 40)]
    rotten: u64,
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// What rounds came to.
#[derive(Clone, Copy, Debug, Default)]
struct Rounds {
    /// Read by the first.
    bytes: u64,
    /// Found bad by the first, and repaired.
    bad: u64,
    /// Time of the first, with its repairs.
    took: Duration,
    /// Read, and found good, by the last.
    fragments: u64,
}

impl Scrub {
    /// Runs the three; fails if anything stays bad or is read as something else.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), None)?;
        ensure!(self.disks > 1, "a single disk has nothing to repair from");
        let folder = tempfile::tempdir()?;
        let mut node = self.start(folder.path())?;
        let mut expected = self.fill(&node).await?;
        let whole = rounds(&node)?;
        ensure!(whole.bad == 0, "{} fragments were bad before anything happened", whole.bad);
        let (read, fragments) = (mib(whole.bytes), whole.fragments);
        println!("whole: {fragments} fragments, {read}, {}", speed(whole.bytes, whole.took));

        node.stop()?;
        let flipped = flip(&segments(&disk(folder.path(), 0))?, self.rotten)?;
        node = self.start(folder.path())?;
        let rotten = rounds(&node)?;
        ensure!(rotten.bad > 0, "{flipped} flipped bits and nothing was found");
        census(&whole, &rotten)?;
        println!(
            "rot: {flipped} bits flipped, a segment cut short: {} fragments bad, all repaired, \
             in {:.1} s",
            rotten.bad,
            rotten.took.as_secs_f64()
        );
        self.verify(&node, &mut expected).await?;

        node.stop()?;
        for segment in segments(&disk(folder.path(), 0))? {
            std::fs::OpenOptions::new().write(true).open(segment)?.set_len(0)?;
        }
        let lost = whole.bytes / self.disks;
        node = self.start(folder.path())?;
        let rebuilt = rounds(&node)?;
        census(&whole, &rebuilt)?;
        println!(
            "a disk emptied: {} fragments missing, all rebuilt: {} in {:.1} s, {}, while {} of \
             the other disks were read",
            rebuilt.bad,
            mib(lost),
            rebuilt.took.as_secs_f64(),
            speed(lost, rebuilt.took),
            mib(rebuilt.bytes)
        );
        self.verify(&node, &mut expected).await?;
        println!("unreadable 0, bad after repair 0");
        Ok(())
    }

    fn start(&self, folder: &Path) -> Result<Node> {
        let disks = (0..self.disks).map(|number| disk(folder, number));
        let arguments = disks.flat_map(|disk| ["--disk".into(), disk.into_os_string()]).collect();
        let (folder, binary) = (Some(folder.to_path_buf()), self.binary.clone());
        Node::start_with(Start { folder, binary, arguments, ..Start::default() })
    }

    /// Fills the node with objects.
    async fn fill(&self, node: &Node) -> Result<Expected> {
        let target = node.target();
        workload::bucket_create(&target).await?;
        let objects = (self.mebibytes << 20) / OBJECT_BYTES as u64;
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let target = target.clone();
            writers.spawn(async move {
                let mut client = blackbox::Client::connect(&target).await?;
                let mut expected = Expected::default();
                for number in (writer..objects).step_by(usize::try_from(WRITERS)?) {
                    let contents = Contents { seed: number, length: OBJECT_BYTES };
                    let key = format!("{number:06}");
                    let ask = blackbox::Ask::new(http::Method::PUT, format!("/{BUCKET}/{key}"));
                    let answer = client.call(ask.body(contents.bytes())).await?;
                    ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
                    expected.acknowledged(&key, Some(contents));
                }
                Ok(expected)
            });
        }
        let mut expected = Expected::default();
        while let Some(written) = writers.join_next().await {
            expected.merge(written??);
        }
        Ok(expected)
    }

    async fn verify(&self, node: &Node, expected: &mut Expected) -> Result<()> {
        let losses = workload::verify(&node.target(), expected).await?;
        workload::ensure_none(&losses, "after the repair")
    }
}

fn disk(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("disk-{number}"))
}

/// The last round after a repair must have met as many fragments as there were.
fn census(whole: &Rounds, after: &Rounds) -> Result<()> {
    let (before, now) = (whole.fragments, after.fragments);
    ensure!(now >= before, "{before} fragments before, {now} after the repair");
    Ok(())
}

/// The segment files of a disk, oldest first.
fn segments(disk: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(disk.join("segments"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "seg") {
            found.push(path);
        }
    }
    found.sort();
    ensure!(!found.is_empty(), "no segments in {}", disk.display());
    Ok(found)
}

/// Flips bits at equal distances over all files, and cuts the youngest short.
fn flip(segments: &[PathBuf], count: u64) -> Result<u64> {
    let mut lengths = Vec::new();
    for path in segments {
        lengths.push(std::fs::metadata(path)?.len());
    }
    let step = lengths.iter().sum::<u64>() / (count + 1);
    let mut flipped = 0;
    for (path, length) in segments.iter().zip(&lengths) {
        let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
        let mut at = step / 2;
        while at < *length {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at)?;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&[byte[0] ^ 8])?;
            flipped += 1;
            at += step.max(1);
        }
    }
    if let (Some(youngest), Some(length)) = (segments.last(), lengths.last()) {
        let file = std::fs::OpenOptions::new().write(true).open(youngest)?;
        file.set_len(length - length / 10)?;
    }
    Ok(flipped)
}

/// Rounds of scrub, each with the repairs it leads to, until one finds nothing: that
/// one is the census, since it looks for every fragment of the catalog and reads it.
fn rounds(node: &Node) -> Result<Rounds> {
    let mut all = Rounds::default();
    for round in 0..ROUNDS_MAX {
        let begun = Instant::now();
        let scrub = node.essaim_json(&["scrub", "--now"])?;
        let took = begun.elapsed();
        let (bad, repaired) =
            (number(&scrub, "fragments_bad")?, number(&scrub, "fragments_repaired")?);
        ensure!(bad == repaired, "{repaired} of {bad} bad fragments repaired: {scrub}");
        all.fragments = number(&scrub, "fragments_checked")?;
        if round == 0 {
            (all.bytes, all.bad, all.took) = (number(&scrub, "bytes_checked")?, bad, took);
        }
        if bad == 0 {
            return Ok(all);
        }
    }
    bail!("scrub still finds bad fragments after {ROUNDS_MAX} rounds: {all:?}")
}

fn number(scrub: &Value, field: &str) -> Result<u64> {
    scrub.get(field).and_then(Value::as_u64).with_context(|| format!("no {field} in {scrub}"))
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[expect(clippy::cast_precision_loss, reason = "shown without decimals")]
fn speed(bytes: u64, took: Duration) -> String {
    format!("{:.0} MB/s", bytes as f64 / 1e6 / took.as_secs_f64().max(1e-3))
}
