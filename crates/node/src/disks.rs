//! The disks of fragments: which ones are known, which are new, which are missing.
//!
//! A directory that was a disk at the last start and is empty now is most often
//! a mount that is not there. It is never formatted silently: the start stops and
//! says so, unless told to go on without.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, RealDisk};
use fragments::FragmentStore;
use units::{DiskId, Random};

use crate::identity::{Identity, KnownDisk};
use crate::settings::Settings;
use crate::trouble::{Trouble, about_directory, chain};

/// The file by which the fragment store knows its disks.
pub(crate) const DISK_MARK: &str = "disk.id";

/// Opened disks.
pub(crate) struct Disks {
    pub(crate) store: FragmentStore,
    /// Each disk and its directory.
    pub(crate) present: Vec<(DiskId, PathBuf)>,
    /// Known disks the node started without.
    pub(crate) missing: Vec<KnownDisk>,
}

/// A directory that is to be a disk.
struct Candidate {
    directory: PathBuf,
    disk: Arc<RealDisk>,
}

/// Opens the disks of the settings and those known from before.
pub(crate) async fn open(
    settings: &Settings,
    identity: &mut Identity,
    root: &Arc<RealDisk>,
    random: &dyn Random,
) -> Result<Disks, Trouble> {
    let (candidates, missing) = candidates(settings, identity)?;
    if candidates.is_empty() {
        return Err(Trouble::new(
            "not one disk of fragments is there",
            "mount them, or name a directory with --disk",
        ));
    }
    let disks: Vec<Arc<dyn Disk>> =
        candidates.iter().map(|candidate| Arc::clone(&candidate.disk) as Arc<dyn Disk>).collect();
    let store = FragmentStore::open(identity.cluster, disks, random).await.map_err(|error| {
        Trouble::new(
            format!("the disks of fragments cannot be opened: {}", chain(&error)),
            "essaim doctor tells which one; a disk of another cluster must not be named here",
        )
    })?;
    let directories = candidates.into_iter().map(|candidate| candidate.directory);
    let present: Vec<(DiskId, PathBuf)> = store.disks().into_iter().zip(directories).collect();
    check_same(identity, &present)?;
    remember(identity, &present, root.as_ref())?;
    Ok(Disks { store, present, missing })
}

/// The directories to open, and the known disks that are missing.
fn candidates(
    settings: &Settings,
    identity: &Identity,
) -> Result<(Vec<Candidate>, Vec<KnownDisk>), Trouble> {
    let mut wanted: Vec<PathBuf> = Vec::new();
    // A data directory that was moved takes its own disk along.
    let known = identity.disks.iter().map(|known| settings.data.join(&known.directory));
    for directory in known.clone().chain(named(settings, identity)) {
        let directory = full(&directory);
        if !wanted.contains(&directory) {
            wanted.push(directory);
        }
    }
    let known: Vec<PathBuf> = known.map(|directory| full(&directory)).collect();
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for directory in wanted {
        let at = known.iter().position(|known| *known == directory);
        let before = at.and_then(|at| identity.disks.get(at));
        let (Some(before), false) = (before, directory.join(DISK_MARK).exists()) else {
            let disk =
                RealDisk::open(&directory).map_err(|error| about_directory(&directory, &error))?;
            found.push(Candidate { directory, disk });
            continue;
        };
        if !settings.allow_missing_disks {
            return Err(Trouble::new(
                format!(
                    "the disk {} is missing: there is no {DISK_MARK} in it",
                    directory.display()
                ),
                "mount it and start again; if it is lost, start with --allow-missing-disks: what \
                 the other disks hold is served",
            ));
        }
        tracing::error!(directory = %directory.display(), "a known disk is missing");
        missing.push(before.clone());
    }
    Ok((found, missing))
}

/// The directories the settings name; the default one only if no other is known.
fn named(settings: &Settings, identity: &Identity) -> Vec<PathBuf> {
    if settings.disks.is_empty() && !identity.disks.is_empty() {
        return Vec::new();
    }
    settings.disk_directories()
}

/// The path as the operating system names it, if it is there.
fn full(directory: &Path) -> PathBuf {
    directory
        .canonicalize()
        .unwrap_or_else(|_| std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned()))
}

/// A known directory must hold the disk it held.
fn check_same(identity: &Identity, present: &[(DiskId, PathBuf)]) -> Result<(), Trouble> {
    let mut seen: Vec<DiskId> = Vec::new();
    for (id, directory) in present {
        if seen.contains(id) {
            return Err(Trouble::new(
                format!("{} holds a copy of another disk that is named too", directory.display()),
                "name the original or the copy, not both",
            ));
        }
        seen.push(*id);
    }
    let lost = identity.disks.iter().find(|known| {
        let elsewhere = seen.contains(&known.id);
        let replaced = present.iter().any(|(_, directory)| directory.ends_with(&known.directory));
        replaced && !elsewhere
    });
    match lost {
        None => Ok(()),
        Some(known) => Err(Trouble::new(
            format!("{} holds another disk than before", known.directory.display()),
            "mount the disk that was there; a new disk goes into a directory of its own",
        )),
    }
}

/// Keeps where each disk is now.
fn remember(
    identity: &mut Identity,
    present: &[(DiskId, PathBuf)],
    root: &RealDisk,
) -> Result<(), Trouble> {
    let mut disks = identity.disks.clone();
    for (id, directory) in present {
        let directory = directory.strip_prefix(root.root()).unwrap_or(directory).to_owned();
        match disks.iter_mut().find(|known| known.id == *id) {
            Some(known) => known.directory = directory,
            None => disks.push(KnownDisk { id: *id, directory }),
        }
    }
    if disks == identity.disks {
        return Ok(());
    }
    identity.disks = disks;
    identity.write(root)
}
