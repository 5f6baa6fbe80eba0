//! Whether the directories that the settings name can be told apart: the data directory
//! and the disks each need one of their own, and none may lie in what is another's.
//!
//! Looked at before anything is made, so that a mistake leaves nothing behind.

use std::path::{Path, PathBuf};

use crate::disks::DISK_MARK;
use crate::files::{CATALOG_DIRECTORY, OWN_DISK};
use crate::settings::Settings;
use crate::trouble::Trouble;

/// Refuses directories that are one another's.
pub(crate) fn check(settings: &Settings) -> Result<(), Trouble> {
    let data = resolved(&settings.data);
    let disks: Vec<PathBuf> = settings.disks.iter().map(|disk| resolved(disk)).collect();
    for (index, disk) in disks.iter().enumerate() {
        let shown = disk.display();
        if *disk == data {
            return Err(refused(format!("{shown} is the data directory and cannot be a disk too")));
        }
        if disk.starts_with(data.join(CATALOG_DIRECTORY)) {
            return Err(refused(format!("{shown} is the node's own: its catalog is kept there")));
        }
        // One that is a disk already was taken as it is.
        if disk.join(DISK_MARK).exists() {
            continue;
        }
        if data.starts_with(disk) {
            let within = data.display();
            return Err(refused(format!("the data directory {within} lies in {shown}")));
        }
        let own = data.join(OWN_DISK);
        let others = disks.iter().enumerate().filter(|(other, _)| *other != index);
        let own = Some(&own).filter(|own| own.join(DISK_MARK).exists());
        let others = others.map(|(_, other)| other).chain(own).filter(|other| *other != disk);
        for other in others {
            if disk.starts_with(other) {
                return Err(refused(format!("{shown} lies in the disk {}", other.display())));
            }
        }
    }
    Ok(())
}

fn refused(message: String) -> Trouble {
    let what_to_do = "name a directory of its own for each disk: --disk DIR; nothing was changed";
    Trouble::new(message, what_to_do)
}

/// The path as the operating system names it, as far as it is there.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for above in path.ancestors() {
        if let Ok(found) = above.canonicalize() {
            let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
            // Joined with nothing, a path ends in a slash.
            return if rest.as_os_str().is_empty() { found } else { found.join(rest) };
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::check;
    use crate::settings::Sources;

    #[test]
    fn a_directory_serves_one_purpose() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::os::unix::fs::symlink(at("data"), at("link")).unwrap();
        std::fs::create_dir_all(at("data/catalog")).unwrap();
        std::fs::create_dir_all(at("data/disk")).unwrap();
        std::fs::write(at("data/disk/disk.id"), "").unwrap();
        let told = |disks: &[&str]| {
            let disks = disks.iter().map(|disk| at(disk)).collect();
            let flags = BTreeMap::from([("data", vec![at("data")]), ("disk", disks)]);
            let environment = |_: &str| None;
            let data_default = at("unused").into();
            let sources = Sources { flags, environment: &environment, file: None, data_default };
            check(&sources.resolve().unwrap()).map_err(|trouble| trouble.message)
        };
        for (disks, why) in [
            (&["data"][..], "is the data directory"),
            (&["link"], "is the data directory"),
            (&["data/catalog"], "its catalog"),
            (&["data/catalog/log/x"], "its catalog"),
            (&["link/catalog"], "its catalog"),
            (&["a", "a/b"], "lies in the disk"),
            (&["a/b", "a"], "lies in the disk"),
            (&["data/disk/more"], "lies in the disk"),
            (&[""], "the data directory"),
        ] {
            let told = told(disks);
            assert!(told.as_ref().is_err_and(|told| told.contains(why)), "{disks:?}: {told:?}");
        }
        told(&["data/disk", "data/disk2", "a", "ab"]).unwrap();
        // A directory that is gone is known by the one above it.
        let gone = super::resolved(at("link/../link/gone/too").as_ref());
        assert_eq!(gone, folder.path().canonicalize().unwrap().join("data/gone/too"));
        let there = super::resolved(at("link/disk").as_ref()).display().to_string();
        assert!(there.ends_with("data/disk"), "{there}");
        // A disk that was taken before is taken again.
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/disk.id"), "").unwrap();
        told(&["a", "a/b"]).unwrap();
        told(&["a"]).unwrap();
    }
}
