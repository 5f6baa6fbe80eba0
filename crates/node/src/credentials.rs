//! The credentials file: what the first start shows once.
//!
//! JSON, mode 0600. When ports change at a later start, the addresses in it are
//! brought up to date if the file is still there and is this node's.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::PrivateFile;
use crate::limits::{LINKS_FOLLOWED_MAX, SMALL_FILE_BYTES_MAX};
use crate::trouble::{Trouble, about_file};

/// What the file holds.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) s3_endpoint: String,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) tenant: String,
    pub(crate) admin_url: String,
    pub(crate) admin_user: String,
    pub(crate) admin_password: String,
    /// The node they are of.
    pub(crate) node: String,
}

impl Credentials {
    /// The file of this node, if it is there.
    pub(crate) fn read(path: &Path, node: &str) -> Option<Self> {
        if !path.is_file() {
            // Whatever else is there may never end.
            return None;
        }
        let bytes = disk::outside_read(path, SMALL_FILE_BYTES_MAX).ok()?;
        let found: Self = serde_json::from_slice(&bytes).ok()?;
        (found.node == node).then_some(found)
    }

    /// Fails if something is in the place of the file that is none of ours to move.
    pub(crate) fn place_check(path: &Path) -> Result<(), Trouble> {
        let path = &real_place(path);
        let Ok(about) = path.symlink_metadata() else {
            return match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
                    Err(Trouble::new(
                        format!(
                            "{} is no directory, so {} cannot be written",
                            parent.display(),
                            path.display()
                        ),
                        "make the directory, or name another file: --credentials FILE",
                    ))
                }
                _ => Ok(()),
            };
        };
        // An empty file is a place that somebody reserved.
        let is_ours = about.is_file()
            && (about.len() == 0
                || disk::outside_read(path, SMALL_FILE_BYTES_MAX)
                    .is_ok_and(|bytes| serde_json::from_slice::<Self>(&bytes).is_ok()));
        if is_ours {
            return Ok(());
        }
        Err(Trouble::new(
            format!("{} is there and is no credentials file", path.display()),
            "name a file that is not there yet: --credentials FILE; nothing was touched",
        ))
    }

    /// Writes the file; one of another node is moved aside, never lost, and nothing else
    /// is.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Trouble> {
        Self::place_check(path)?;
        let path = &real_place(path);
        let holds_something = path.metadata().is_ok_and(|about| about.len() > 0);
        if holds_something && Self::read(path, &self.node).is_none() {
            let aside = free_name(path);
            disk::outside_rename(path, &aside).map_err(|error| about_file(path, &error))?;
            tracing::warn!(
                file = %path.display(),
                kept = %aside.display(),
                "the credentials file of another node was moved aside"
            );
        }
        self.put(path)
    }

    /// Writes the file over what is there.
    fn put(&self, path: &Path) -> Result<(), Trouble> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| Trouble::new(format!("credentials are not JSON: {error}"), ""))?;
        bytes.push(b'\n');
        let mut file = PrivateFile::replace(path)?;
        file.write(&bytes)?;
        file.finish().map(|_| ())
    }

    /// Brings the addresses in the file up to date, if it is there.
    pub(crate) fn refresh(
        path: &Path,
        node: &str,
        s3_endpoint: &str,
        admin_url: &str,
        region: &str,
    ) -> Result<bool, Trouble> {
        let Some(kept) = Self::read(path, node) else {
            return Ok(false);
        };
        if (kept.s3_endpoint.as_str(), kept.admin_url.as_str(), kept.region.as_str())
            != (s3_endpoint, admin_url, region)
        {
            let fresh = Self {
                s3_endpoint: s3_endpoint.to_owned(),
                admin_url: admin_url.to_owned(),
                region: region.to_owned(),
                ..kept
            };
            fresh.put(&real_place(path))?;
        }
        Ok(true)
    }
}

/// Where the file is, behind symbolic links: it is the target that is written.
fn real_place(path: &Path) -> PathBuf {
    let mut place = path.to_owned();
    for _ in 0..LINKS_FOLLOWED_MAX {
        let Ok(target) = place.read_link() else { break };
        place = place.parent().unwrap_or(Path::new("")).join(target);
    }
    place
}

/// `FILE.1`, or the first number that is free.
fn free_name(path: &Path) -> PathBuf {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    (1..u32::MAX).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(0))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::Credentials;

    fn of(node: &str) -> Credentials {
        let text = String::new;
        Credentials {
            s3_endpoint: text(),
            region: text(),
            access_key_id: text(),
            secret_access_key: text(),
            tenant: text(),
            admin_url: text(),
            admin_user: text(),
            admin_password: text(),
            node: node.to_owned(),
        }
    }

    #[test]
    fn an_empty_file_is_a_place_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reserved");
        fs::write(&path, b"").unwrap();
        of("1").write(&path).unwrap();
        assert!(Credentials::read(&path, "1").is_some());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing to move aside");
    }

    #[test]
    fn a_link_is_judged_and_written_at_its_target() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        symlink("target", &link).unwrap();
        of("1").write(&link).unwrap();
        assert!(target.is_file() && link.is_symlink(), "a link to what is not there yet");
        assert!(Credentials::refresh(&link, "1", "s3", "admin", "eu").unwrap());
        assert!(link.is_symlink());
        assert_eq!(Credentials::read(&target, "1").unwrap().s3_endpoint, "s3");
        of("2").write(&link).unwrap();
        assert!(Credentials::read(&folder.path().join("target.1"), "1").is_some());
        fs::write(&target, b"letters").unwrap();
        assert!(of("2").write(&link).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"letters");
    }
}
