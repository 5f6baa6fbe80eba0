//! The credentials file: what the first start shows once.
//!
//! JSON, mode 0600. When ports change at a later start, the addresses in it are
//! brought up to date if the file is still there and is this node's.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::PrivateFile;
use crate::limits::SMALL_FILE_BYTES_MAX;
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
        let bytes = disk::outside_read(path, SMALL_FILE_BYTES_MAX).ok()?;
        let found: Self = serde_json::from_slice(&bytes).ok()?;
        (found.node == node).then_some(found)
    }

    /// Fails if something is in the place of the file that is none of ours to move.
    pub(crate) fn place_check(path: &Path) -> Result<(), Trouble> {
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
        let is_ours = about.is_file()
            && disk::outside_read(path, SMALL_FILE_BYTES_MAX)
                .is_ok_and(|bytes| serde_json::from_slice::<Self>(&bytes).is_ok());
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
        if path.exists() && Self::read(path, &self.node).is_none() {
            let aside = free_name(path);
            disk::outside_rename(path, &aside).map_err(|error| about_file(path, &error))?;
            tracing::warn!(
                file = %path.display(),
                kept = %aside.display(),
                "the credentials file of another node was moved aside"
            );
        }
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
            fresh.write(path)?;
        }
        Ok(true)
    }
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
