//! The disks of fragments: which ones are known, which are new, which are missing.
//!
//! A directory that was a disk at the last start and is empty now is most often
//! a mount that is not there. It is never formatted silently: the start stops and
//! says so, unless told to go on without. A disk that was moved is known by its mark,
//! wherever the settings name it.
//!
//! A witness has no disks, and is given none.
//!
//! A disk that was forgotten is expected nowhere, and refused wherever it is met.

mod in_bucket;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use admin::model::date_text;
use catalog::ForgottenDisk;
use disk::{Disk, RealDisk};
use fragments::FragmentStore;
use tokio_util::task::AbortOnDropHandle;
use units::{ClusterId, DiskId, Random};

use crate::identity::{Identity, KnownDisk};
use crate::limits::START_TELLS_EVERY;
use crate::parts::witness_disks_check;
use crate::places::resolved;
use crate::settings::Settings;
use crate::shell::quoted;
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
    disk: Arc<dyn Disk>,
}

/// Opens the disks of the settings and those known from before.
pub(crate) async fn open(
    settings: &Settings,
    identity: &mut Identity,
    root: &Arc<RealDisk>,
    forgotten: &[ForgottenDisk],
    random: &dyn Random,
) -> Result<Disks, Trouble> {
    if identity.witness {
        witness_disks_check(settings)?;
        let store = FragmentStore::open(identity.cluster, Vec::new(), random).await;
        let store = store.map_err(|error| {
            Trouble::new(
                format!("the fragment store cannot be opened: {}", chain(&error)),
                "see the log",
            )
        })?;
        return Ok(Disks { store, present: Vec::new(), missing: Vec::new() });
    }
    let is_expected = |known: &KnownDisk| forgotten.iter().all(|one| one.disk != known.id);
    let all = identity.disks.len();
    identity.disks.retain(is_expected);
    if identity.disks.len() < all {
        // A stop came between the catalog's word and this file.
        identity.write(root.as_ref())?;
    }
    let _waiting = tell_while_waiting(settings, identity);
    let bucket = in_bucket::open(settings, identity).await?;
    let (candidates, missing) = candidates(settings, identity, forgotten, bucket)?;
    if candidates.is_empty() {
        return Err(Trouble::new(
            "not one disk of fragments is there",
            "mount them, or name a directory with --disk",
        ));
    }
    let disks: Vec<Arc<dyn Disk>> =
        candidates.iter().map(|candidate| Arc::clone(&candidate.disk)).collect();
    let ids = forgotten.iter().map(|one| one.disk).collect();
    let opened = FragmentStore::open_unless_forgotten(identity.cluster, disks, &ids, random).await;
    let store = opened.map_err(|error| {
        let shown: Vec<String> =
            candidates.iter().map(|found| found.directory.display().to_string()).collect();
        let message = format!("the disks of fragments cannot be opened: {}", chain(&error));
        Trouble::new(message, format!("it is one of: {}", shown.join(", ")))
    })?;
    let directories = candidates.into_iter().map(|candidate| candidate.directory);
    let present: Vec<(DiskId, PathBuf)> = store.disks().into_iter().zip(directories).collect();
    check_same(settings, identity, &present)?;
    remember(identity, &present, root.as_ref())?;
    store.missing_note(missing.iter().map(|known| known.id));
    Ok(Disks { store, present, missing })
}

/// Says now and then which disks a start waits for: one that hangs holds it, without a
/// word and deaf to signals, for as long as its file system does not answer.
fn tell_while_waiting(settings: &Settings, identity: &Identity) -> AbortOnDropHandle<()> {
    let with_place = identity.disks.iter().filter(|known| known.has_directory());
    let mut places: Vec<PathBuf> = with_place.map(|known| place(settings, known)).collect();
    places.extend(named(settings, identity).iter().map(|named| resolved(named)));
    places.sort();
    places.dedup();
    let shown: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    let shown = shown.join(", ");
    let telling = tokio::spawn(async move {
        loop {
            tokio::time::sleep(START_TELLS_EVERY).await;
            tracing::warn!(
                disks = shown,
                "the start still reads its disks; one that hangs would hold it: see dmesg"
            );
        }
    });
    AbortOnDropHandle::new(telling)
}

/// The directories to open, and the known disks that are missing.
fn candidates(
    settings: &Settings,
    identity: &Identity,
    forgotten: &[ForgottenDisk],
    bucket: Option<Candidate>,
) -> Result<(Vec<Candidate>, Vec<KnownDisk>), Trouble> {
    let with_place = identity.disks.iter().filter(|known| known.has_directory());
    let known: Vec<PathBuf> = with_place.map(|known| place(settings, known)).collect();
    let mut wanted: Vec<PathBuf> = Vec::new();
    let named = named(settings, identity);
    for directory in known.iter().cloned().chain(named.iter().map(|named| resolved(named))) {
        if !wanted.contains(&directory) {
            wanted.push(directory);
        }
    }
    // What carries a mark comes first: a known disk may be at another place than before,
    // and nothing is made while one is missing.
    let mut marked: Vec<(DiskId, Candidate)> = Vec::new();
    for directory in wanted.iter().filter(|directory| directory.join(DISK_MARK).exists()) {
        let disk = open_known(directory)?;
        let mark = mark_check(directory, disk.as_ref(), identity.cluster)?;
        if let Some(one) = forgotten.iter().find(|one| one.disk == mark.disk) {
            return Err(about_forgotten(directory, one));
        }
        marked.push((mark.disk, Candidate { directory: directory.clone(), disk }));
    }
    let mut found = Vec::new();
    if let Some(bucket) = bucket {
        if in_bucket::is_marked(&bucket)? {
            let mark = mark_check(&bucket.directory, bucket.disk.as_ref(), identity.cluster)?;
            if let Some(one) = forgotten.iter().find(|one| one.disk == mark.disk) {
                return Err(about_forgotten(&bucket.directory, one));
            }
            wanted.push(bucket.directory.clone());
            marked.push((mark.disk, bucket));
        } else {
            found.push(bucket);
        }
    }
    let missing = missing(settings, identity, &marked)?;
    for directory in wanted {
        if let Some(at) = marked.iter().position(|(_, one)| one.directory == directory) {
            found.push(marked.swap_remove(at).1);
        } else if !known.contains(&directory) {
            parent_check(settings, &directory)?;
            let disk = open_one(&directory)?;
            found.push(Candidate { directory, disk });
        }
    }
    Ok((found, missing))
}

/// One that has a mark; it need not take writes.
fn open_known(directory: &Path) -> Result<Arc<dyn Disk>, Trouble> {
    let disk = RealDisk::open_readable(directory);
    let disk = disk.map_err(|error| about_directory(directory, &error))?;
    if disk.is_read_only() {
        let directory = directory.display();
        tracing::error!(%directory, "the file system of this disk is read-only: see dmesg");
    }
    Ok(disk)
}

fn open_one(directory: &Path) -> Result<Arc<RealDisk>, Trouble> {
    RealDisk::open(directory).map_err(|error| about_directory(directory, &error))
}

/// Refuses a disk for which a directory above would have to be made: most often that is a
/// mount that is not there, and the disk would be made beneath it.
pub(crate) fn parent_check(settings: &Settings, directory: &Path) -> Result<(), Trouble> {
    let directory = resolved(directory);
    let above = directory.parent().unwrap_or(&directory);
    if directory.starts_with(resolved(&settings.data)) || above.exists() {
        return Ok(());
    }
    let (shown, above) = (directory.display(), above.display());
    Err(Trouble::new(
        format!("the disk {shown} cannot be made: there is no directory {above}"),
        format!(
            "if something is to be mounted there, mount it and start again; if not, make it: \
             mkdir -p {}",
            quoted(&above.to_string())
        ),
    ))
}

/// Whose disk it is, which must be this cluster's.
pub(crate) fn mark_check(
    directory: &Path,
    disk: &dyn Disk,
    cluster: ClusterId,
) -> Result<fragments::Identity, Trouble> {
    let mark = mark_read(directory, disk)?;
    if mark.cluster == cluster {
        return Ok(mark);
    }
    let shown = directory.display();
    Err(Trouble::new(
        format!("{shown} is a disk of another cluster ({})", mark.cluster),
        "name the disks of this node, or a directory that is not there yet",
    ))
}

/// What the mark of a disk says.
pub(crate) fn mark_read(directory: &Path, disk: &dyn Disk) -> Result<fragments::Identity, Trouble> {
    let shown = directory.display();
    fragments::Identity::read(disk).map_err(|error| {
        Trouble::new(
            format!("the disk {shown} cannot be used: {}", chain(&error)),
            format!(
                "put {DISK_MARK} back from a copy; if the disk is lost, move the directory away \
                 and start with --allow-missing-disks: what the other disks hold is served"
            ),
        )
    })
}

/// A disk that came back after it was forgotten.
fn about_forgotten(directory: &Path, forgotten: &ForgottenDisk) -> Trouble {
    let (shown, at) = (directory.display(), date_text(forgotten.at));
    Trouble::new(
        format!(
            "{shown} holds the disk {}, which was forgotten on {at} (essaim disk forget): what \
             is on it is old and is not read any more",
            forgotten.disk
        ),
        "name another directory with --disk, or leave it out; to use this disk as a new one, \
         empty it first: all in that directory is to be removed",
    )
}

/// Known disks that are at no place; an error unless the settings allow it.
fn missing(
    settings: &Settings,
    identity: &Identity,
    marked: &[(DiskId, Candidate)],
) -> Result<Vec<KnownDisk>, Trouble> {
    let mut missing = Vec::new();
    for known in &identity.disks {
        let is_here = marked.iter().any(|(id, _)| *id == known.id);
        // Another disk at its place is told by itself.
        if is_here || (known.has_directory() && place(settings, known).join(DISK_MARK).exists()) {
            continue;
        }
        if !settings.allow_missing_disks {
            return Err(about_missing(settings, known));
        }
        tracing::error!(directory = known.shown(), "a known disk is missing");
        missing.push(known.clone());
    }
    Ok(missing)
}

/// A known disk that is not there.
fn about_missing(settings: &Settings, known: &KnownDisk) -> Trouble {
    if known.is_bucket() {
        return Trouble::new(
            format!("the disk in the bucket {} is missing", known.shown()),
            "name it with --bucket-url and what belongs to that; if it is lost, start with \
             --allow-missing-disks: what the other disks hold is served",
        );
    }
    if known.has_place() {
        let place = place(settings, known);
        return Trouble::new(
            format!("the disk {} is missing: there is no {DISK_MARK} in it", place.display()),
            "mount it and start again, or say where it is now with --disk; if it is lost, start \
             with --allow-missing-disks: what the other disks hold is served",
        );
    }
    Trouble::new(
        format!("the {} is missing: nobody has said where it is", known.shown()),
        "say where it is with --disk DIR; if it is lost, start with --allow-missing-disks (and \
         --disk NEW if no other is left): what the other disks hold is served",
    )
}

/// Where a disk was; a data directory that was moved takes its own disk along.
pub(crate) fn place_in(data: &Path, known: &KnownDisk) -> PathBuf {
    resolved(&data.join(&known.directory))
}

fn place(settings: &Settings, known: &KnownDisk) -> PathBuf {
    place_in(&settings.data, known)
}

/// The directories the settings name; the default one only if no other is known.
fn named(settings: &Settings, identity: &Identity) -> Vec<PathBuf> {
    if settings.disks.is_empty() && !identity.disks.is_empty() {
        return Vec::new();
    }
    settings.disk_directories()
}

/// A known directory must hold the disk it held.
fn check_same(
    settings: &Settings,
    identity: &Identity,
    present: &[(DiskId, PathBuf)],
) -> Result<(), Trouble> {
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
        let at_its_place = |(_, directory): &(DiskId, PathBuf)| {
            known.has_directory() && *directory == place(settings, known)
        };
        !seen.contains(&known.id) && present.iter().any(at_its_place)
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
