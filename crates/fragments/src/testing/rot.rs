//! Decay: one flipped bit at a time. Nothing wrong may be handed out, whatever hits
//! a live fragment must be named by scrub, and nothing removed may come back.
//!
//! The store was settled before: without that, decay of the very last commit could
//! not be told from a write that the power cut tore.

use std::sync::Arc;

use disk::{SimDisk, Survival};
use units::ByteCount;

use crate::contents::record_bytes_of;
use crate::disk_store::DiskStore;
use crate::record::RECORD_ALIGN;
use crate::segment::segment_path;
use crate::testing::chance::Chance;
use crate::testing::workload::{Trial, open};
use crate::{FragmentName, ReadError, ScrubCursor};

/// What a decay sweep went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RotReport {
    /// Bits flipped, one per trial.
    pub flips: u64,
    /// Flips that hit a live fragment's record.
    pub hits: u64,
    /// Of these, hits in the youngest segment, which mostly has no footer yet.
    pub youngest_hits: u64,
    /// Hits that scrub named.
    pub detected: u64,
}

/// A live fragment, what it must read as, and where its record is.
struct Live {
    name: FragmentName,
    payload: bytes::Bytes,
    path: String,
    start: u64,
    end: u64,
}

/// Flips one bit at a time in the disks that the workloads of these seeds leave.
pub fn rot_sweep(seeds: core::ops::Range<u64>, flips: u64) -> Result<RotReport, String> {
    let mut report = RotReport::default();
    for seed in seeds {
        let mut trial = Trial::start(seed, None)?;
        trial.run(false)?;
        let disk = trial.disk.after_power_cut(Survival::KeepAll);
        let mut store = open(&disk)?;
        store.settle().map_err(|error| error.to_string())?;
        let live = live_of(&store)?;
        drop(store);
        let mut chance = Chance::seeded(seed ^ 0xb17);
        for _ in 0..flips {
            let state = chance.clone();
            flip(&disk, &live, &mut chance, &mut report).map_err(|error| {
                format!(
                    "{error}\nseed {seed}, draw {state:?}\nrepeat: \
                     ESSAIM_ROT_SEED={seed} cargo test -p fragments --test rot"
                )
            })?;
        }
    }
    Ok(report)
}

fn live_of(store: &DiskStore) -> Result<Vec<Live>, String> {
    let mut all = Vec::new();
    for listed in store.list(None, usize::MAX) {
        let name = listed.name;
        let payload = store.read_whole(name).map_err(|error| error.to_string())?.payload;
        let Some(location) = store.shared.contents.read().index.get(name) else { continue };
        let start = u64::from(location.position.offset);
        let end = start + record_bytes_of(location.bytes);
        all.push(Live { name, payload, path: segment_path(location.position.segment), start, end });
    }
    Ok(all)
}

fn flip(
    before: &Arc<SimDisk>,
    live: &[Live],
    chance: &mut Chance,
    report: &mut RotReport,
) -> Result<(), String> {
    let disk = before.after_power_cut(Survival::KeepAll);
    let files = disk.files();
    let segments: Vec<_> = files.iter().filter(|(path, _)| path.starts_with("segments/")).collect();
    let place = usize::try_from(chance.below(segments.len() as u64)).unwrap_or(0);
    let Some((path, length)) = segments.get(place) else { return Ok(()) };
    let bit = chance.below(length.get() * 8);
    disk.flip_bit(path, bit);
    report.flips += 1;
    let store = match open(&disk) {
        Ok(store) => store,
        Err(error) => return Err(format!("one flipped bit keeps the disk from opening: {error}")),
    };
    let scrub = store.scrub(ScrubCursor::START, ByteCount::MAX);
    for fragment in live {
        let hit = fragment.path == *path && (fragment.start..fragment.end).contains(&(bit / 8));
        // The last bytes may be padding, which nothing guards and nothing needs.
        let padding = hit && bit / 8 + RECORD_ALIGN as u64 > fragment.end;
        let outcome = store.read_whole(fragment.name);
        let noticed = match &outcome {
            Ok(read) if read.payload != fragment.payload => {
                return Err(format!("{} was handed out damaged or old", fragment.name));
            }
            Ok(_) | Err(ReadError::NotFound { .. }) => false,
            Err(ReadError::Damaged { .. }) => scrub.damaged.contains(&fragment.name),
            Err(error) => return Err(format!("{}: {error}", fragment.name)),
        };
        if hit && !padding {
            report.hits += 1;
            let youngest = segments.iter().map(|(path, _)| path).max() == Some(path);
            report.youngest_hits += u64::from(youngest);
            report.detected += u64::from(noticed);
            if !noticed {
                return Err(format!("a flipped bit in {} went unnoticed", fragment.name));
            }
        } else if !hit && outcome.is_err() {
            return Err(format!("a bit flipped elsewhere ({path}, {bit}) cost {}", fragment.name));
        }
    }
    let known = |name| live.iter().any(|fragment| fragment.name == name);
    if let Some(back) = store.list(None, usize::MAX).into_iter().find(|l| !known(l.name)) {
        return Err(format!("{} was removed and is back", back.name));
    }
    Ok(())
}
