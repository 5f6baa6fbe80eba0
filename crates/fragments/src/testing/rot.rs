//! Decay: one flipped bit at a time. Nothing wrong may be handed out, and whatever
//! hits a live fragment must be noticed.
//!
//! One thing cannot be noticed: decay that takes a record's header in the open
//! segment, which no footer lists yet, takes its name too; so a name that was stored
//! twice goes back to what it was before. The store's users never store other bytes
//! under an old name.

use std::sync::Arc;

use disk::{SimDisk, Survival};
use units::ByteCount;

use crate::contents::record_bytes_of;
use crate::disk_store::DiskStore;
use crate::record::RECORD_ALIGN;
use crate::segment::segment_path;
use crate::testing::chance::Chance;
use crate::testing::model::Model;
use crate::testing::workload::{Trial, open};
use crate::{FragmentName, ReadError, ScrubCursor};

/// What a decay sweep went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RotReport {
    /// Bits flipped, one per trial.
    pub flips: u64,
    /// Flips that hit a live fragment's record.
    pub hits: u64,
    /// Hits in the open segment that gave an older state of the name back.
    pub reverted: u64,
    /// Hits that scrub named, or that made the fragment absent.
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
        let live = live_of(&open(&disk)?)?;
        let mut chance = Chance::seeded(seed ^ 0xb17);
        for _ in 0..flips {
            let state = chance.clone();
            flip(&trial.model, &disk, &live, &mut chance, &mut report).map_err(|error| {
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
    model: &Model,
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
                let last = segments.iter().map(|(path, _)| path).max() == Some(path);
                if hit && last && model.was_once(fragment.name, &read.payload) {
                    report.reverted += 1;
                    continue;
                }
                return Err(format!("{} was handed out damaged", fragment.name));
            }
            Ok(_) => false,
            Err(ReadError::NotFound { .. }) => true,
            Err(ReadError::Damaged { .. }) => scrub.damaged.contains(&fragment.name),
            Err(error) => return Err(format!("{}: {error}", fragment.name)),
        };
        if hit && !padding {
            report.hits += 1;
            report.detected += u64::from(noticed);
            if !noticed {
                return Err(format!("a flipped bit in {} went unnoticed", fragment.name));
            }
        } else if !hit && outcome.is_err() {
            return Err(format!("a bit flipped elsewhere ({path}, {bit}) cost {}", fragment.name));
        }
    }
    Ok(())
}
