//! Puts a catalog back: into a node that lost the disk of its catalog, or into a
//! fresh data directory.
//!
//! What it needs besides the backup: the root key of the same cluster, in the
//! data directory or as a copy, and the disks that hold the fragments.
//! Nothing that is there is overwritten. The backup, the root key, whether it is the one
//! of the backup, and the data directory are looked at before anything is written: a
//! wrong file leaves nothing behind.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use admin::model::date_text;
use catalog::{ReadError, View};
use disk::{Disk, RealDisk};
use host::{SystemClock, SystemRandom};
use kv::{Engine, FjallEngine};
use serde::Serialize;
use units::{ClusterId, DiskId};

use crate::disk_book::DiskBook;
use crate::disks::{DISK_MARK, mark_check, place_in};
use crate::files::{
    CATALOG_DIRECTORY, LOG_DIRECTORY, OWN_DISK, PrivateFile, ROOT_KEY_FILE, ROWS_DIRECTORY,
    data_default,
};
use crate::identity::{Identity, KnownDisk};
use crate::limits::{RECORD_BYTES_MAX, RESTORE_ROWS_READ};
use crate::passphrase;
use crate::restore_key::{FoundKey, TenantKeys, move_away};
use crate::trouble::{Trouble, about_directory, about_file, chain};

/// What is put back, and where.
pub struct Restore {
    /// The backup.
    pub backup: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// A copy of the root key, if the data directory has none.
    pub root_key: Option<PathBuf>,
    /// A file with the passphrase of the root key, if it has one.
    pub passphrase_file: Option<PathBuf>,
    /// Directories with fragments, if the data directory does not know them.
    pub disks: Vec<PathBuf>,
}

/// What was put back.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// The data directory.
    pub data: String,
    /// Rows of the catalog.
    pub rows: u64,
    /// When the backup was taken.
    pub taken: String,
    /// The cluster it is of.
    pub cluster: String,
    /// Disks that the catalog names and that are not here: where they were, or their ids.
    pub missing_disks: Vec<String>,
    /// The same, and where to look for each.
    pub missing: Vec<MissingDisk>,
    /// Whether the root key opens with a passphrase only.
    pub passphrase_needed: bool,
}

/// A disk that the catalog names and that is not here.
#[derive(Clone, Debug, Serialize)]
pub struct MissingDisk {
    /// Its id, which stands in the file `disk.id` in its directory.
    pub id: String,
    /// Where it was when it was last seen; none if the backup does not say.
    pub directory: Option<String>,
    /// When that was.
    pub last_seen: Option<String>,
}

impl MissingDisk {
    fn of(known: &KnownDisk, data: &Path, book: &DiskBook) -> Self {
        let entry = book.of(known.id);
        let own = known.has_directory().then(|| place_in(data, known).display().to_string());
        Self {
            id: known.id.to_string(),
            directory: own.or_else(|| Some(entry?.directory.clone())),
            last_seen: entry.map(|entry| date_text(entry.seen)),
        }
    }
}

/// Puts a catalog back; the node must not run.
pub fn restore(ask: &Restore) -> Result<Restored, Trouble> {
    let backup =
        || disk::outside_open(&ask.backup).map_err(|error| about_file(&ask.backup, &error));
    let mut keys = TenantKeys::default();
    let each_row = |key: &[u8], value: &[u8]| keys.take(key, value);
    let said = consensus::backup_verify(&mut BufReader::new(backup()?), each_row);
    let said = said.map_err(|error| {
        Trouble::new(
            format!("{} cannot be restored: {}", ask.backup.display(), chain(&error)),
            "give a file that `essaim backup catalog` wrote; nothing was changed",
        )
    })?;
    let open = || RealDisk::open(&ask.data).map_err(|error| about_directory(&ask.data, &error));
    // One that is there is locked at once; one that is not is made when all is well.
    let there = ask.data.is_dir().then(open).transpose()?;
    let mut known = None;
    if let Some(root) = &there {
        known = whose_check(root, said.cluster)?;
        catalog_absent_check(root.root())?;
    }
    let key = FoundKey::find(&ask.data, ask.root_key.as_deref())?;
    let passphrase = ask.passphrase_file.as_deref().map(passphrase::of_key).transpose()?;
    let passphrase_needed = key.check(passphrase.as_ref(), &keys, &ask.backup)?;
    let mut identity = known.unwrap_or_else(|| Identity::draw(&SystemRandom, &SystemClock));
    identity.cluster = said.cluster;
    let data = there.as_ref().map_or(ask.data.as_path(), |root| root.root());
    find_disks(&mut identity, data, &ask.disks)?;
    let root = there.map_or_else(open, Ok)?;
    key.put(root.as_ref()).map_err(|error| about_directory(root.root(), &error))?;
    let (report, held) = put_catalog(&root, &identity, BufReader::new(backup()?))?;
    identity.complete = true;
    // What a disk held that was forgotten before the backup is nowhere any more.
    identity.disks.retain(|known| !held.forgotten.contains(&known.id));
    for id in held.named {
        // A start must know that it is missing: what it holds is not on a new one.
        if identity.disks.iter().all(|known| known.id != id) {
            identity.disks.push(KnownDisk { id, directory: PathBuf::new() });
        }
    }
    identity.write(root.as_ref())?;
    let is_missing = |known: &&KnownDisk| {
        !known.has_directory() || !place_in(root.root(), known).join(DISK_MARK).exists()
    };
    let missing: Vec<&KnownDisk> = identity.disks.iter().filter(is_missing).collect();
    let missing_disks = missing.iter().map(|known| known.shown()).collect();
    let where_to_look = |known: &&KnownDisk| MissingDisk::of(known, root.root(), &held.book);
    let missing = missing.iter().map(where_to_look).collect();
    Ok(Restored {
        data: root.root().display().to_string(),
        rows: report.rows,
        taken: date_text(report.made),
        cluster: report.cluster.to_string(),
        missing_disks,
        missing,
        passphrase_needed,
    })
}

/// The node whose data directory it is, if it is one's, which must be of this cluster.
fn whose_check(root: &RealDisk, cluster: ClusterId) -> Result<Option<Identity>, Trouble> {
    let Some(known) = Identity::read(root)? else { return Ok(None) };
    if known.cluster == cluster {
        return Ok(Some(known));
    }
    let (shown, other) = (root.root().display(), known.cluster);
    Err(Trouble::new(
        format!("{shown} is the data directory of another cluster ({other}) than the backup's"),
        format!(
            "if a start on an empty directory made that node and nothing was stored on it, move \
             it away and restore again: {}; or restore into another directory: --data DIR; \
             nothing was changed",
            move_away(root.root())
        ),
    ))
}

/// Refuses a data directory that has a catalog.
fn catalog_absent_check(data: &Path) -> Result<(), Trouble> {
    let catalog = data.join(CATALOG_DIRECTORY);
    if [ROWS_DIRECTORY, LOG_DIRECTORY].iter().all(|name| !data.join(name).exists()) {
        return Ok(());
    }
    Err(Trouble::new(
        format!("there is a catalog in {} already", catalog.display()),
        format!(
            "if it is worth keeping, start the node; if not, move it away and restore again: {}; \
             nothing was changed",
            move_away(&catalog)
        ),
    ))
}

/// What the rows of a backup say of disks.
struct DisksHeld {
    /// Those on which the catalog has fragments.
    named: BTreeSet<DiskId>,
    forgotten: BTreeSet<DiskId>,
    /// Where they were.
    book: DiskBook,
}

/// Restores the rows; says what they say of disks too.
fn put_catalog(
    root: &Arc<RealDisk>,
    identity: &Identity,
    mut backup: BufReader<File>,
) -> Result<(consensus::BackupReport, DisksHeld), Trouble> {
    let told = |error: &dyn std::error::Error| {
        Trouble::new(
            format!("the catalog cannot be restored: {}", chain(error)),
            format!(
                "mend the cause, move what was begun away, and restore again: {}",
                move_away(&root.root().join(CATALOG_DIRECTORY))
            ),
        )
    };
    root.create_dir(CATALOG_DIRECTORY).map_err(|error| told(&error))?;
    let rows = root.root().join(ROWS_DIRECTORY);
    let settings = crate::parts::engine_settings(root);
    let engine = FjallEngine::open_with(&rows, &settings).map_err(|error| told(&error))?;
    let engine = Arc::new(engine);
    let parts = consensus::RestoreParts {
        disk: Arc::clone(root) as Arc<dyn Disk>,
        directory: LOG_DIRECTORY.to_owned(),
        engine: Arc::clone(&engine) as Arc<dyn Engine>,
        random: Arc::new(SystemRandom),
        node: identity.node,
    };
    let report = consensus::restore(&parts, &mut backup).map_err(|error| told(&error))?;
    let held = disks_held(&View::new(engine.view())).map_err(|error| told(&error))?;
    Ok((report, held))
}

fn disks_held(view: &View) -> Result<DisksHeld, ReadError> {
    let forgotten = view.disks_forgotten()?.iter().map(|one| one.disk).collect();
    Ok(DisksHeld { named: disks_named(view)?, forgotten, book: DiskBook::read(view)? })
}

/// The disks on which the catalog has fragments.
fn disks_named(view: &View) -> Result<BTreeSet<DiskId>, ReadError> {
    let (mut named, mut after) = (BTreeSet::new(), None);
    loop {
        let page = view.parts(after, RESTORE_ROWS_READ)?;
        let Some((last, _)) = page.last() else { return Ok(named) };
        after = Some(*last);
        named.extend(page.iter().flat_map(|(_, part)| part.slots.iter().copied()));
    }
}

/// Adds the disks that were named to those that are known, and the one in the data
/// directory if it is this cluster's.
fn find_disks(identity: &mut Identity, data: &Path, named: &[PathBuf]) -> Result<(), Trouble> {
    for directory in named {
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.clone());
        if !directory.join(DISK_MARK).exists() {
            return Err(Trouble::new(
                format!("{} holds no fragments of Essaim", directory.display()),
                "name the directory that was given to --disk",
            ));
        }
        add_disk(identity, directory)?;
    }
    let own = data.join(OWN_DISK);
    if own.join(DISK_MARK).exists() {
        // Another cluster's is told by the start.
        let _ = add_disk(identity, own);
    }
    Ok(())
}

fn add_disk(identity: &mut Identity, directory: PathBuf) -> Result<(), Trouble> {
    let disk = RealDisk::open(&directory).map_err(|error| about_directory(&directory, &error))?;
    let id = mark_check(&directory, disk.as_ref(), identity.cluster)?.disk;
    match identity.disks.iter_mut().find(|known| known.id == id) {
        Some(known) => known.directory = directory,
        None => identity.disks.push(KnownDisk { id, directory }),
    }
    Ok(())
}

/// Copies the root key of a data directory to a file; says how long it is.
pub fn root_key_copy(data: &Path, file: &Path) -> Result<u64, Trouble> {
    let data = if data.as_os_str().is_empty() { data_default() } else { data.to_owned() };
    let from = data.join(ROOT_KEY_FILE);
    let bytes =
        disk::outside_read(&from, RECORD_BYTES_MAX).map_err(|error| about_file(&from, &error))?;
    let mut copy = PrivateFile::create(file)?;
    copy.write(&bytes)?;
    copy.finish()
}
