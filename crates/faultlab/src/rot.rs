//! Bytes that decay in the files of a node at rest: log, rows, keys, fragments.
//!
//! Each case flips one byte in a copy of the same data directory and starts it.
//! Right is: the node refuses to start and says why; or it serves, and each object
//! is read as it was, or refused. Wrong is only what goes unnoticed: an object that
//! is gone, or other bytes than were stored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use blackbox::{Ask, Client, Node, Program, Start};
use clap::Args;
use http::{Method, StatusCode};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::expected::Expected;
use crate::workload::{self, BUCKET, Load};

/// How many operations fill the data directory, and the longest object.
const LOAD: Load = Load { seed: 6, operations: 150, length_max: 100_000 };

/// Decaying files.
#[derive(Args)]
pub struct Rot {
    /// How many bytes, one at a time.
    #[arg(long, default_value_t = 40)]
    flips: u64,
    /// Decides where.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only files whose path below the data directory begins with this.
    #[arg(long, default_value = "")]
    under: String,
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// What became of the flips in files of one directory.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    flips: u64,
    refused_to_start: u64,
    refused_to_read: u64,
    harmless: u64,
}

impl Rot {
    /// Runs the cases; fails on the first damage that goes unnoticed.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), Some(self.seed))?;
        let model = tempfile::tempdir()?;
        let mut node = Node::start_with(self.start(model.path()))?;
        workload::bucket_create(&node.target()).await?;
        let (expected, _) = workload::work(node.target(), 0, LOAD, Expected::default()).await;
        node.stop()?;
        let data = model.path().join("data");
        let mut files = Vec::new();
        files_below(&data, &data, &mut files)?;
        files.retain(|(path, length)| {
            *length > 0
                && path.starts_with(&self.under)
                && path != "lock"
                && path != "addresses.json"
        });
        ensure!(!files.is_empty(), "no files under {:?}", self.under);
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for flip in 0..self.flips {
            let Some((path, length)) = files.get(random.random_range(0..files.len())) else {
                break;
            };
            let (at, bit) = (random.random_range(0..*length), random.random_range(0..8_u8));
            let named = format!("flip {flip}: {path} at {at}, bit {bit}");
            let tally = tallies.entry(group(path).to_owned()).or_default();
            let case = Case { path, at, mask: 1 << bit };
            self.case(model.path(), &case, &expected, tally).await.context(named)?;
        }
        for (group, tally) in &tallies {
            println!("{group}: {tally:?}");
        }
        println!("flips {}, damage that went unnoticed 0", self.flips);
        Ok(())
    }

    fn start(&self, folder: &Path) -> Start {
        let (folder, binary) = (Some(folder.to_path_buf()), self.binary.clone());
        Start { folder, binary, ..Start::default() }
    }

    async fn case(
        &self,
        model: &Path,
        case: &Case<'_>,
        expected: &Expected,
        tally: &mut Tally,
    ) -> Result<()> {
        let folder = tempfile::tempdir()?;
        Program::named("cp")?
            .args(["-a"])
            .args([model.join("data"), model.join("credentials.json"), folder.path().to_path_buf()])
            .run()?;
        let path = folder.path().join("data").join(case.path);
        let mut bytes = std::fs::read(&path)?;
        let byte = bytes.get_mut(usize::try_from(case.at)?).context("no such byte")?;
        *byte ^= case.mask;
        std::fs::write(&path, bytes)?;
        tally.flips += 1;
        let start = self.start(folder.path());
        let node = match tokio::task::spawn_blocking(move || Node::start_with(start)).await? {
            Ok(node) => node,
            Err(error) => {
                ensure!(error.to_string().contains("ended with"), "{error}");
                ensure!(!error.to_string().contains("panicked"), "{error}");
                tally.refused_to_start += 1;
                return Ok(());
            }
        };
        let mut client = Client::connect(&node.target()).await?;
        let mut refused = false;
        for key in expected.keys() {
            let path = format!("/{BUCKET}/{key}");
            let Ok(answer) = client.call(Ask::new(Method::GET, path)).await else {
                // Cut off in the middle of a body: that is noticed too.
                refused = true;
                client = Client::connect(&node.target()).await?;
                continue;
            };
            let found = match answer.status {
                StatusCode::OK => Some(answer.body.as_slice()),
                StatusCode::NOT_FOUND => None,
                _ => {
                    refused = true;
                    continue;
                }
            };
            expected.clone().check(&key, found).map_err(|loss| anyhow::anyhow!("{loss}"))?;
        }
        if refused {
            tally.refused_to_read += 1;
        } else {
            tally.harmless += 1;
        }
        Ok(())
    }
}

/// One flipped bit.
struct Case<'a> {
    path: &'a str,
    at: u64,
    mask: u8,
}

/// The directories of a path, for counting.
fn group(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(directory, _)| directory)
}

/// Regular files with their lengths, by their path below the root.
fn files_below(root: &Path, folder: &Path, found: &mut Vec<(String, u64)>) -> Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files_below(root, &entry.path(), found)?;
        } else if kind.is_file() {
            let path = entry.path().strip_prefix(root)?.to_string_lossy().into_owned();
            found.push((path, entry.metadata()?.len()));
        }
    }
    Ok(())
}
