//! Where a node keeps what, and the few files outside its data directory.
//!
//! ```text
//! DATA/                 0700
//!   lock                the process that works here
//!   node.json           who the node is: ids, disks
//!   root.key, node.key  keys, kept by the vault
//!   accounts.json       administrators and tokens, as digests
//!   catalog/rows        the catalog's engine
//!   catalog/log         the catalog's log
//!   catalog/made        says that the engine was made whole
//!   disk/               fragments, unless disks are named
//!   admin.sock          0600, for the command line
//!   addresses.json      where the running node listens
//!   credentials.json    0600, from the first start, unless named elsewhere
//! ```

use std::path::{Path, PathBuf};

use disk::OutsideFile;

use crate::limits;
use crate::trouble::{Trouble, about_file};

/// The socket for the command line, in the data directory.
pub const SOCKET_NAME: &str = "admin.sock";

pub(crate) const NODE_FILE: &str = "node.json";
/// The disk of a node whose settings name none.
pub(crate) const OWN_DISK: &str = "disk";
pub(crate) const ROOT_KEY_FILE: &str = "root.key";
pub(crate) const NODE_KEY_FILE: &str = "node.key";
pub(crate) const ACCOUNTS_FILE: &str = "accounts.json";
pub(crate) const ADDRESSES_FILE: &str = "addresses.json";
pub(crate) const CATALOG_DIRECTORY: &str = "catalog";
pub(crate) const ROWS_DIRECTORY: &str = "catalog/rows";
/// Written once the engine's directory is whole, before anything is proposed.
pub(crate) const ROWS_MADE_FILE: &str = "catalog/made";
pub(crate) const LOG_DIRECTORY: &str = "catalog/log";

/// The data directory when none is named: `/var/lib/essaim` for the superuser,
/// else below the user's own data.
pub fn data_default() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/essaim");
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match (set("XDG_DATA_HOME"), set("HOME")) {
        (Some(data), _) => PathBuf::from(data).join("essaim"),
        (None, Some(own)) => PathBuf::from(own).join(".local/share/essaim"),
        (None, None) => PathBuf::from("essaim-data"),
    }
}

/// Reads a small text file that an operator named.
pub fn file_read(path: &Path) -> Result<String, Trouble> {
    let bytes = disk::outside_read(path, limits::SMALL_FILE_BYTES_MAX)
        .map_err(|error| about_file(path, &error))?;
    String::from_utf8(bytes).map_err(|_| {
        Trouble::new(format!("{} is not text", path.display()), "is it the file you meant?")
    })
}

/// Creates a directory that an operator named.
pub fn directory_create(path: &Path) -> Result<(), Trouble> {
    disk::outside_directory(path).map_err(|error| about_file(path, &error))
}

/// A new file for its owner alone, which appears whole or not at all.
pub struct PrivateFile {
    path: PathBuf,
    file: OutsideFile,
}

impl PrivateFile {
    /// Begins it; a file of this name must not exist.
    pub fn create(path: &Path) -> Result<Self, Trouble> {
        if path.exists() {
            let exists = disk::DiskError::AlreadyExists { path: path.display().to_string() };
            return Err(about_file(path, &exists));
        }
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty())
            && !above.exists()
        {
            return Err(Trouble::new(
                format!(
                    "{} cannot be written: there is no directory {}",
                    path.display(),
                    above.display()
                ),
                "make it, or name another; nothing was done",
            ));
        }
        Self::replace(path)
    }

    /// Begins it; a file of this name is replaced when it is finished.
    pub(crate) fn replace(path: &Path) -> Result<Self, Trouble> {
        let file = OutsideFile::create(path).map_err(|error| about_file(path, &error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.file.write(bytes).map_err(|error| about_file(&self.path, &error))
    }

    /// Makes it durable; says how long it is.
    pub fn finish(self) -> Result<u64, Trouble> {
        self.file.finish().map_err(|error| about_file(&self.path, &error))
    }
}
