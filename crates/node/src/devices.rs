//! Disks that lie on one device, whose death takes all of them: several directories of one
//! file system are no redundancy. It is told, never refused: to try things out it will do.

use std::path::PathBuf;

/// The directories that lie on one file system with another, in groups; one that cannot
/// be looked at is left out.
pub(crate) fn together(directories: &[PathBuf]) -> Vec<Vec<String>> {
    let device = |directory: &PathBuf| disk::outside_device(directory).ok();
    let placed = directories.iter().filter_map(|directory| Some((device(directory)?, directory)));
    grouped(placed.map(|(device, directory)| (device, directory.display().to_string())))
}

fn grouped(placed: impl Iterator<Item = (u64, String)>) -> Vec<Vec<String>> {
    let mut groups: Vec<(u64, Vec<String>)> = Vec::new();
    for (device, directory) in placed {
        match groups.iter_mut().find(|(known, _)| *known == device) {
            Some((_, group)) => group.push(directory),
            None => groups.push((device, vec![directory])),
        }
    }
    groups.into_iter().map(|(_, group)| group).filter(|group| group.len() > 1).collect()
}

/// A group of disks on one device, in words.
pub fn one_device_text(group: &[String]) -> String {
    format!(
        "{} disks lie on one device, whose death takes them all: no redundancy among {}",
        group.len(),
        group.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_grouped_by_their_device() {
        let check = |placed: &[(u64, &str)], groups: &[&[&str]]| {
            let placed = placed.iter().map(|(device, at)| (*device, (*at).to_owned()));
            assert_eq!(grouped(placed), groups);
        };
        check(&[], &[]);
        check(&[(1, "/a")], &[]);
        check(&[(1, "/a"), (2, "/b")], &[]);
        check(&[(1, "/a"), (2, "/b"), (1, "/c")], &[&["/a", "/c"]]);
        check(&[(2, "/b"), (1, "/a"), (1, "/c"), (2, "/d")], &[&["/b", "/d"], &["/a", "/c"]]);
    }

    #[test]
    fn directories_of_one_file_system_are_together() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("a")).unwrap();
        std::fs::create_dir(at("b")).unwrap();
        let found = together(&[at("a"), at("gone"), at("b"), PathBuf::from("/proc")]);
        let [group] = &found[..] else { panic!("{found:?}") };
        assert!(one_device_text(group).starts_with("2 disks lie on one device"), "{group:?}");
    }
}
