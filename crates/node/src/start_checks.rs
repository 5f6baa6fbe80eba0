//! What a start would say of the files that it reads first, said without one.
//!
//! Each file is copied into memory and put through the start's own checks: nothing
//! is locked, mended or written, and a running node is not disturbed. The catalog is
//! too large for that: only a start reads it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError, SimDisk};
use host::SystemRandom;
use vault::{IdentityError, NodeIdentity, Vault, VaultError};

use crate::devices;
use crate::disks::{DISK_MARK, mark_check, place_in};
use crate::doctor::{Finding, Looks, Verdict, existing, finding, hanging};
use crate::files::{
    ACCOUNTS_FILE, CATALOG_DIRECTORY, NODE_FILE, NODE_KEY_FILE, OWN_DISK, ROOT_KEY_FILE,
};
use crate::identity::{Identity, KnownDisk};
use crate::limits::RECORD_BYTES_MAX;
use crate::parts::{about_lost_identity, about_node_key, about_vault, catalog_check};
use crate::running::accounts_check;
use crate::trouble::{Trouble, about_file};

/// What only a node leaves in its data directory.
const REMAINS: [&str; 5] =
    [ROOT_KEY_FILE, NODE_KEY_FILE, ACCOUNTS_FILE, CATALOG_DIRECTORY, OWN_DISK];

fn bad(subject: &'static str, trouble: Trouble) -> Finding {
    finding(subject, Verdict::Bad, trouble.message, trouble.what_to_do)
}

/// A directory that lost the file by which a node knows itself.
pub(crate) fn remains(data: &Path) -> Option<Finding> {
    let left = REMAINS.into_iter().find(|name| data.join(name).exists())?;
    Some(bad("node", about_lost_identity(data, left)))
}

/// Where a node expects its disks, as its file says.
pub(crate) fn known_places(data: &Path) -> Vec<PathBuf> {
    let identity = copied(data, &[NODE_FILE]).and_then(|copy| Identity::read(copy.as_ref()));
    let disks = identity.ok().flatten().map(|identity| identity.disks).unwrap_or_default();
    let with_place = disks.iter().filter(|known| known.has_directory());
    with_place.map(|known| data.join(&known.directory)).collect()
}

/// Looks at the files of a node.
pub(crate) fn examine(data: &Path, looks: &Looks<'_>) -> Vec<Finding> {
    if !data.join(NODE_FILE).exists() {
        return Vec::new();
    }
    let files = [NODE_FILE, ROOT_KEY_FILE, NODE_KEY_FILE, ACCOUNTS_FILE];
    let copy = match copied(data, &files) {
        Ok(copy) => copy,
        Err(trouble) => return vec![bad("files", trouble)],
    };
    let (identity, mut findings) = match Identity::read(copy.as_ref()) {
        Ok(identity) => (identity, Vec::new()),
        Err(trouble) => (None, vec![bad(NODE_FILE, trouble)]),
    };
    // What is missing before the first start came to its end is made by the next.
    let complete = identity.as_ref().is_some_and(|identity| identity.complete);
    findings.extend(root_key(&copy, complete));
    findings.extend(node_key(copy.as_ref(), complete));
    findings.extend(accounts(copy.as_ref(), complete));
    if complete && let Err(trouble) = catalog_check(data) {
        findings.push(bad("catalog", trouble));
    }
    if let Some(identity) = identity {
        let one = |known| one_disk(data, &identity, known, looks);
        findings.extend(identity.disks.iter().map(one));
        if let [_] = identity.disks[..] {
            let found =
                "one disk: if it dies, what it holds is lost unless other sites have it too";
            findings.push(finding("redundancy", Verdict::Hint, found, "add disks: --disk DIR"));
        }
        let answers = |known: &&KnownDisk| !looks.is_hanging(&data.join(&known.directory));
        let known = identity.disks.iter().filter(|known| known.has_directory()).filter(answers);
        let known: Vec<PathBuf> = known.map(|known| place_in(data, known)).collect();
        for group in devices::together(&known) {
            let found = devices::one_device_text(&group);
            let what_to_do = "give each --disk a device of its own";
            findings.push(finding("redundancy", Verdict::Hint, found, what_to_do));
        }
    }
    findings
}

/// Directories on different file systems that answer, in which the node keeps something.
pub(crate) fn places(data: &Path, looks: &Looks<'_>) -> Vec<PathBuf> {
    let identity = copied(data, &[NODE_FILE]).and_then(|copy| Identity::read(copy.as_ref()));
    let disks = identity.ok().flatten().map(|identity| identity.disks).unwrap_or_default();
    let answers = |known: &&KnownDisk| !looks.is_hanging(&data.join(&known.directory));
    let disks = disks.iter().filter(|known| known.has_directory()).filter(answers);
    let disks = disks.map(|known| place_in(data, known)).filter(|place| place.exists());
    let mut seen = Vec::new();
    let mut places = Vec::new();
    for place in core::iter::once(data.to_owned()).chain(disks) {
        let device = existing(&place).metadata().map(|about| about.dev()).ok();
        if !seen.contains(&device) {
            seen.push(device);
            places.push(place);
        }
    }
    places
}

/// The files that are there, in memory.
pub(crate) fn copied(directory: &Path, names: &[&str]) -> Result<Arc<SimDisk>, Trouble> {
    let copy = SimDisk::new();
    for name in names {
        let path = directory.join(name);
        let told = |error: &DiskError| about_file(&path, error);
        match disk::outside_read(&path, RECORD_BYTES_MAX) {
            Ok(bytes) => {
                let file = copy.create(name).map_err(|error| told(&error))?;
                file.write_all_at(&bytes, 0).map_err(|error| told(&error))?;
            }
            Err(DiskError::NotFound { .. }) => {}
            Err(error) => return Err(told(&error)),
        }
    }
    Ok(copy)
}

fn root_key(copy: &Arc<SimDisk>, complete: bool) -> Option<Finding> {
    const SUBJECT: &str = "root key";
    let disk = Arc::clone(copy) as Arc<dyn Disk>;
    Some(match Vault::open(disk, Arc::new(SystemRandom), None) {
        Err(VaultError::Missing { .. }) if !complete => return None,
        Err(VaultError::PassphraseNeeded) => {
            finding(SUBJECT, Verdict::Good, "it is under a passphrase", "")
        }
        Ok(_) => finding(
            SUBJECT,
            Verdict::Hint,
            "it has no passphrase: whoever has this directory and the disks reads everything",
            "essaim root-key passphrase --file FILE",
        ),
        Err(error) => bad(SUBJECT, about_vault(&error)),
    })
}

fn node_key(copy: &dyn Disk, complete: bool) -> Option<Finding> {
    match NodeIdentity::open(copy) {
        Ok(_) => None,
        Err(IdentityError::Disk(DiskError::NotFound { .. })) => complete.then(|| {
            let found = format!("{NODE_KEY_FILE} is not there");
            finding("node key", Verdict::Doubtful, found, "the next start makes a fresh one")
        }),
        Err(error) => Some(bad("node key", about_node_key(&error))),
    }
}

fn accounts(copy: &dyn Disk, complete: bool) -> Option<Finding> {
    if let Err(trouble) = accounts_check(copy) {
        return Some(bad("accounts", trouble));
    }
    let lost = complete && !copy.exists(ACCOUNTS_FILE).unwrap_or(true);
    lost.then(|| {
        let found = format!("{ACCOUNTS_FILE} is not there: no password and no token is known");
        finding("accounts", Verdict::Doubtful, found, "essaim password admin makes a password")
    })
}

fn one_disk(data: &Path, identity: &Identity, known: &KnownDisk, looks: &Looks<'_>) -> Finding {
    const SUBJECT: &str = "disk";
    let shown = known.shown();
    if !known.has_place() {
        let found = format!("the {shown} is missing: nobody has said where it is");
        return finding(SUBJECT, Verdict::Bad, found, "start with --disk DIR");
    }
    // Before its name is looked at: that would hang, too.
    let named = data.join(&known.directory);
    if looks.is_hanging(&named) {
        return hanging(SUBJECT, &named);
    }
    let place = place_in(data, known);
    if !place.join(DISK_MARK).exists() {
        let found = format!("{} is missing: there is no {DISK_MARK} in it", place.display());
        let what_to_do = "mount it and start again; if it is lost for good, start with \
                          --allow-missing-disks, and see essaim status and essaim disk forget";
        return finding(SUBJECT, Verdict::Bad, found, what_to_do);
    }
    let mark = copied(&place, &[DISK_MARK])
        .and_then(|copy| mark_check(&place, copy.as_ref(), identity.cluster));
    match mark {
        Ok(mark) if mark.disk == known.id => {
            finding(SUBJECT, Verdict::Good, place.display().to_string(), "")
        }
        Ok(_) => finding(
            SUBJECT,
            Verdict::Bad,
            format!("{} holds another disk than before", place.display()),
            "mount the disk that was there; a new disk goes into a directory of its own",
        ),
        Err(trouble) => bad(SUBJECT, trouble),
    }
}
