//! Puts a catalog back: into a node that lost the disk of its catalog, or into a
//! fresh data directory.
//!
//! What it needs besides the backup: the root key of the same cluster, in the
//! data directory or as a copy, and the disks that hold the fragments.
//! Nothing that is there is overwritten. The backup and the copy of the root key are
//! looked at before anything is written: a wrong file leaves nothing behind.

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
use units::DiskId;
use vault::{Vault, VaultError};

use crate::disk_book::DiskBook;
use crate::disks::{DISK_MARK, mark_check, place_in};
use crate::files::{
    CATALOG_DIRECTORY, LOG_DIRECTORY, OWN_DISK, PrivateFile, ROOT_KEY_FILE, ROWS_DIRECTORY,
    data_default,
};
use crate::identity::{Identity, KnownDisk};
use crate::limits::{RECORD_BYTES_MAX, RESTORE_ROWS_READ};
use crate::parts::about_vault;
use crate::trouble::{Trouble, about_directory, about_file, chain};

/// What is put back, and where.
pub struct Restore {
    /// The backup.
    pub backup: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// A copy of the root key, if the data directory has none.
    pub root_key: Option<PathBuf>,
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
        let own = known.has_place().then(|| place_in(data, known).display().to_string());
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
    let said = consensus::backup_verify(&mut BufReader::new(backup()?)).map_err(|error| {
        Trouble::new(
            format!("{} cannot be restored: {}", ask.backup.display(), chain(&error)),
            "give a file that `essaim backup catalog` wrote; nothing was changed",
        )
    })?;
    let root = RealDisk::open(&ask.data).map_err(|error| about_directory(&ask.data, &error))?;
    let known = Identity::read(root.as_ref())?;
    if known.as_ref().is_some_and(|known| known.cluster != said.cluster) {
        return Err(Trouble::new(
            "the backup is of another cluster than this data directory",
            "restore one of this cluster, or into another data directory; nothing was changed",
        ));
    }
    let mut identity = known.unwrap_or_else(|| Identity::draw(&SystemRandom, &SystemClock));
    identity.cluster = said.cluster;
    find_disks(&mut identity, root.root(), &ask.disks)?;
    let passphrase_needed = put_root_key(&root, ask.root_key.as_deref())?;
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
        !known.has_place() || !place_in(root.root(), known).join(DISK_MARK).exists()
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

/// Makes sure that a root key is there and opens; says whether it needs a passphrase.
fn put_root_key(root: &Arc<RealDisk>, copy: Option<&Path>) -> Result<bool, Trouble> {
    let exists = Vault::exists(root.as_ref()).map_err(|error| about_vault(&error))?;
    match (exists, copy) {
        (true, None) => {}
        (true, Some(copy)) => {
            let own = root.root().join(ROOT_KEY_FILE);
            if key_bytes(copy)? != key_bytes(&own)? {
                return Err(Trouble::new(
                    format!("the data directory has a root key, and it is not {}", copy.display()),
                    "leave --root-key out, or move root.key away first",
                ));
            }
        }
        (false, None) => {
            return Err(Trouble::new(
                "the root key is lost: without it no backup opens anything",
                "give the copy you kept: --root-key FILE (essaim backup root-key made it)",
            ));
        }
        (false, Some(copy)) => {
            disk::write_file_atomically(root.as_ref(), ROOT_KEY_FILE, &key_bytes(copy)?)
                .map_err(|error| about_directory(root.root(), &error))?;
        }
    }
    match Vault::open(Arc::clone(root) as Arc<dyn Disk>, Arc::new(SystemRandom), None) {
        // Whether the passphrase is right is seen when the node starts.
        Err(VaultError::PassphraseNeeded) => Ok(true),
        Ok(_) => Ok(false),
        Err(error) => match copy.filter(|_| !exists) {
            Some(copy) => {
                root.remove(ROOT_KEY_FILE).map_err(|error| about_directory(root.root(), &error))?;
                Err(Trouble::new(
                    format!("{} is no root key: {}", copy.display(), chain(&error)),
                    "give the copy that `essaim backup root-key` made; nothing was changed",
                ))
            }
            None => Err(about_vault(&error)),
        },
    }
}

fn key_bytes(file: &Path) -> Result<Vec<u8>, Trouble> {
    disk::outside_read(file, RECORD_BYTES_MAX).map_err(|error| about_file(file, &error))
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
                "if there is a catalog in the data directory that is worth keeping, start the node; if not, move its {CATALOG_DIRECTORY} away and restore again"
            ),
        )
    };
    root.create_dir(CATALOG_DIRECTORY).map_err(|error| told(&error))?;
    let rows = root.root().join(ROWS_DIRECTORY);
    let engine = Arc::new(FjallEngine::open(&rows).map_err(|error| told(&error))?);
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
