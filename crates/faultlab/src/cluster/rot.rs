//! Bytes that decay in fragments on a disk: flipped under a running site or at rest, or cut
//! off with the end of a file; found and made good, to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rand::Rng as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand_chacha::ChaCha8Rng;

use super::census::Census;
use super::disks::{Lies, Name, OnDisk};
use super::lab::Lab;
use super::people::BUCKET;

/// How long what scrub has repaired may take to lie on the disk.
const REPAIRED_WITHIN: Duration = Duration::from_mins(1);
/// Rounds of scrub until one finds nothing.
const ROUNDS_MAX: u32 = 8;
/// Between two of them.
const SCRUB_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Fragments of one site that decayed, each as it was.
pub struct Rot {
    site: usize,
    was: BTreeMap<Name, Vec<u8>>,
    is_cut: bool,
}

/// What scrub made of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scrubbed {
    /// Fragments that decayed.
    pub decayed: usize,
    /// Fragments that scrub found and repaired.
    pub found: u64,
    /// Decayed fragments that are as they were, by the bytes on the disk.
    pub repaired: usize,
}

impl Rot {
    /// Has fragments of these objects decay at a site: some by a bit, or those at the end of
    /// a file that is cut short.
    pub fn begin(
        lab: &Lab,
        site: usize,
        keys: &[String],
        is_cut: bool,
        random: &mut ChaCha8Rng,
    ) -> Result<Self> {
        let mine = lies(lab, site, &parts(lab, site, keys)?)?;
        ensure!(!mine.is_empty(), "no fragment of what is still lies at site {}", site + 1);
        let mut was = BTreeMap::new();
        if is_cut {
            let youngest = mine.values().map(|lies| &lies.file).max().context("no file")?;
            let inside: Vec<&Lies> = mine.values().filter(|lies| lies.file == *youngest).collect();
            let at = inside.choose(random).context("no fragment")?;
            let length = at.payload.start + random.random_range(0..at.payload.len().max(1));
            for (name, lies) in mine.iter().filter(|(_, lies)| lies.file == *youngest) {
                if lies.payload.end > length {
                    was.insert(*name, lies.bytes()?);
                }
            }
            File::options().write(true).open(youngest)?.set_len(length as u64)?;
        } else {
            let mut names: Vec<&Name> = mine.keys().collect();
            names.shuffle(random);
            let count = random.random_range(1..=names.len());
            for name in names.into_iter().take(count) {
                let lies = mine.get(name).context("no fragment")?;
                let bytes = lies.bytes()?;
                let at = random.random_range(0..bytes.len());
                let byte = bytes.get(at).context("an empty fragment")?;
                let file = File::options().write(true).open(&lies.file)?;
                file.write_all_at(
                    &[byte ^ 1 << random.random_range(0..8)],
                    (lies.payload.start + at) as u64,
                )?;
                was.insert(*name, bytes);
            }
        }
        ensure!(!was.is_empty(), "nothing decayed at site {}", site + 1);
        Ok(Self { site, was, is_cut })
    }

    /// Has the site scrub until nothing is found, and compares what lies there with what was.
    pub fn scrub(&self, lab: &Lab) -> Result<Scrubbed> {
        let commands = lab.commands(self.site)?;
        let mut found = 0;
        for round in 1.. {
            let scrub = commands.json(&["scrub", "--now"])?;
            let number = |name: &str| scrub[name].as_u64().with_context(|| format!("no {name}"));
            let (bad, repaired) = (number("fragments_bad")?, number("fragments_repaired")?);
            ensure!(number("fragments_lost")? == 0, "{scrub}");
            // One whose disk has just come back is found now, and repaired by a later round.
            found += repaired;
            if bad == 0 {
                break;
            }
            ensure!(round < ROUNDS_MAX, "scrub still finds {bad} bad fragments: {scrub}");
            sleep(SCRUB_AGAIN_AFTER);
        }
        let since = Instant::now();
        let parts: BTreeSet<[u8; 16]> = self.was.keys().map(|name| name.0).collect();
        loop {
            // A running site may remove a file while it is looked for.
            let now = lies(lab, self.site, &parts).unwrap_or_default();
            let is_as_before = |(name, was): &(&Name, &Vec<u8>)| {
                now.get(*name).is_some_and(|lies| lies.bytes().is_ok_and(|bytes| bytes == **was))
            };
            let repaired = self.was.iter().filter(is_as_before).count();
            if repaired == self.was.len() {
                return Ok(Scrubbed { decayed: self.was.len(), found, repaired });
            }
            if since.elapsed() > REPAIRED_WITHIN {
                bail!(
                    "{repaired} of {} fragments at site {} are as they were{}; scrub found {found}",
                    self.was.len(),
                    self.site + 1,
                    if self.is_cut { " before a file was cut short" } else { "" }
                );
            }
            sleep(Duration::from_millis(200));
        }
    }
}

/// The parts of these objects, as another site tells.
fn parts(lab: &Lab, site: usize, keys: &[String]) -> Result<BTreeSet<[u8; 16]>> {
    let others = lab.members().into_iter().filter(|other| *other != site);
    for other in others {
        let Ok(census) = Census::take(&lab.commands(other)?, BUCKET, keys, 0) else { continue };
        let id = |id: &str| anyhow::Ok(u128::from_str_radix(id, 16)?.to_be_bytes());
        return census.parts.iter().map(|part| id(&part.id)).collect();
    }
    bail!("no site says where objects lie")
}

/// Where fragments of these parts lie at a site.
fn lies(lab: &Lab, site: usize, parts: &BTreeSet<[u8; 16]>) -> Result<BTreeMap<Name, Lies>> {
    let mut found = OnDisk::read(&lab.data(site)?)?.fragments;
    found.retain(|name, _| parts.contains(&name.0));
    Ok(found)
}

/// What of the catalog decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rows {
    /// Its log.
    Log,
    /// Its rows, which are its snapshot.
    Rows,
}

/// Flips bits in files of the catalog at rest, or cuts the youngest short; what was done.
pub fn corrupt(data: &Path, rows: Rows, is_cut: bool, random: &mut ChaCha8Rng) -> Result<String> {
    let folder = match rows {
        Rows::Log => "catalog/log",
        Rows::Rows => "catalog/rows",
    };
    let mut files = Vec::new();
    for path in crate::syscalls::files(&data.join(folder))? {
        let bytes = fs::read(&path)?;
        // A journal is long, and empty behind what was written.
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let is_lock = path.file_name().is_some_and(|name| name == "lock");
        if written > 0 && !is_lock {
            files.push((path, Arc::<[u8]>::from(bytes), written));
        }
    }
    files.sort_by_key(|(path, ..)| path.metadata().and_then(|about| about.modified()).ok());
    if is_cut {
        let (path, _, written) = files.last().context("no file of the catalog")?;
        let length = random.random_range(0..*written);
        File::options().write(true).open(path)?.set_len(length as u64)?;
        return Ok(format!("{} cut from {written} to {length} bytes", shown(data, path)));
    }
    let (path, bytes, written) = files.choose(random).context("no file of the catalog")?;
    let flips = random.random_range(1..=8);
    let file = File::options().write(true).open(path)?;
    for _ in 0..flips {
        let at = random.random_range(0..*written);
        let byte = bytes.get(at).copied().unwrap_or_default() ^ 1 << random.random_range(0..8);
        file.write_all_at(&[byte], at as u64)?;
    }
    Ok(format!("{flips} bits of the {written} bytes of {} flipped", shown(data, path)))
}

fn shown(data: &Path, path: &Path) -> String {
    path.strip_prefix(data).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn what_was_written_decays_and_what_is_empty_does_not() {
        for seed in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let log = folder.path().join("catalog/log");
            fs::create_dir_all(&log).unwrap();
            let mut bytes = vec![7; 1_000];
            bytes.resize(100_000, 0);
            fs::write(log.join("segment-1"), &bytes).unwrap();
            fs::write(log.join("lock"), b"12").unwrap();
            let is_cut = seed % 2 == 0;
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let told = corrupt(folder.path(), Rows::Log, is_cut, &mut random).unwrap();
            let after = fs::read(log.join("segment-1")).unwrap();
            assert_eq!(fs::read(log.join("lock")).unwrap(), b"12", "{told}");
            if is_cut {
                assert!(after.len() < 1_000, "{told}");
            } else {
                let changed: Vec<usize> =
                    (0..100_000).filter(|at| after[*at] != bytes[*at]).collect();
                assert!(!changed.is_empty() && changed.len() <= 8, "{told}");
                assert!(changed.iter().all(|at| *at < 1_000), "{told}");
            }
        }
    }
}
