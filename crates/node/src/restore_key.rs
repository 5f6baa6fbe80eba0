//! The root key of a restore: found, opened, and tried on the backup's own keys.
//!
//! A catalog whose keys are under another root key than the one at hand restores well
//! and opens nothing: every S3 request would fail at a node that calls itself ready. So
//! the root key has to open the tenants' keys of the backup before anything is written:
//! all of them, since a backup that was taken amid a rotation has them under two.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::Tenant;
use disk::{Disk, SimDisk};
use host::SystemRandom;
use units::TenantId;
use vault::{KeyError, Passphrase, Vault, VaultError};

use crate::files::ROOT_KEY_FILE;
use crate::limits::{RECORD_BYTES_MAX, RESTORE_TENANTS_TRIED_MAX};
use crate::parts::about_vault;
use crate::shell::quoted;
use crate::trouble::{Trouble, about_file, chain};

/// The keys of a backup that lie right under the root key.
#[derive(Default)]
pub(crate) struct TenantKeys(Vec<(TenantId, Vec<u8>)>);

impl TenantKeys {
    /// Looks at a row of the backup.
    pub(crate) fn take(&mut self, key: &[u8], value: &[u8]) {
        if self.0.len() < RESTORE_TENANTS_TRIED_MAX
            && let Some(tenant) = Tenant::of_row(key, value)
            // The key of an erased tenant is gone.
            && !tenant.wrapped_key.as_slice().is_empty()
        {
            self.0.push((tenant.id, tenant.wrapped_key.as_slice().to_vec()));
        }
    }

    /// Whether all of them open; also if there is none to try. Those of tenants that
    /// were erased after the backup do not count.
    fn open_under(&self, vault: &Vault) -> Result<(), KeyError> {
        for (tenant, key) in &self.0 {
            match vault.tenant_key_check(*tenant, key) {
                Ok(()) | Err(KeyError::TenantShredded { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The file of a root key, read.
pub(crate) struct FoundKey {
    file: PathBuf,
    bytes: Vec<u8>,
    /// Whether it lies in the data directory already.
    pub(crate) is_in_place: bool,
}

impl FoundKey {
    /// The root key of the data directory, or the copy; if there are both, they must be
    /// the same.
    pub(crate) fn find(data: &Path, copy: Option<&Path>) -> Result<Self, Trouble> {
        let own = data.join(ROOT_KEY_FILE);
        let is_in_place = own.exists();
        match copy {
            None if !is_in_place => Err(Trouble::new(
                "the root key is lost: without it no backup opens anything",
                "give the copy you kept: --root-key FILE (essaim backup root-key made it)",
            )),
            Some(copy) if is_in_place && key_bytes(copy)? != key_bytes(&own)? => Err(Trouble::new(
                format!("the data directory has a root key, and it is not {}", copy.display()),
                format!(
                    "leave --root-key out, or move the other away first: {}; nothing was changed",
                    move_away(&own)
                ),
            )),
            _ => {
                let file = if is_in_place { own } else { copy.unwrap_or(&own).to_owned() };
                Ok(Self { bytes: key_bytes(&file)?, file, is_in_place })
            }
        }
    }

    /// Whether it needs a passphrase; an error if it is no root key, if the passphrase is
    /// not the one, or if it does not open the keys of the backup.
    pub(crate) fn check(
        &self,
        passphrase: Option<&Passphrase>,
        keys: &TenantKeys,
        backup: &Path,
    ) -> Result<bool, Trouble> {
        let copy = SimDisk::new();
        let told = |error: &disk::DiskError| about_file(&self.file, error);
        let file = copy.create(ROOT_KEY_FILE).map_err(|error| told(&error))?;
        file.write_all_at(&self.bytes, 0).map_err(|error| told(&error))?;
        let copy: Arc<dyn Disk> = copy;
        let vault = match Vault::open(copy, Arc::new(SystemRandom), passphrase) {
            // Nothing to be opened: whether the passphrase is right is seen at the start.
            Err(VaultError::PassphraseNeeded) if keys.0.is_empty() => return Ok(true),
            Err(VaultError::PassphraseNeeded) => return Err(self.about_passphrase()),
            Err(error) => return Err(self.about_unopened(&error)),
            Ok(vault) => vault,
        };
        let opened = keys.open_under(&vault);
        opened.map_err(|error| self.about_other(&error, backup))?;
        Ok(passphrase.is_some())
    }

    /// Puts it into the data directory, if it is not there.
    pub(crate) fn put(&self, root: &dyn Disk) -> Result<(), disk::DiskError> {
        if self.is_in_place {
            return Ok(());
        }
        disk::write_file_atomically(root, ROOT_KEY_FILE, &self.bytes)
    }

    fn about_passphrase(&self) -> Trouble {
        Trouble::new(
            format!("the root key {} is under a passphrase", self.file.display()),
            "give it, so that it is seen whether they open the backup: --passphrase-file FILE; \
             nothing was changed",
        )
    }

    fn about_unopened(&self, error: &VaultError) -> Trouble {
        let is_passphrase = matches!(
            error,
            VaultError::WrongPassphrase
                | VaultError::PassphraseLength { .. }
                | VaultError::PassphraseUnexpected
        );
        if is_passphrase || self.is_in_place {
            return about_vault(error);
        }
        Trouble::new(
            format!("{} is no root key: {}", self.file.display(), chain(error)),
            "give the copy that `essaim backup root-key` made; nothing was changed",
        )
    }

    fn about_other(&self, error: &KeyError, backup: &Path) -> Trouble {
        let (key, backup) = (self.file.display(), backup.display());
        let look_for = "look for the copy of the root key that was taken when the backup was: each \
                        essaim root-key rotate made a new one";
        let give = "give it with --root-key FILE; nothing was changed";
        let what_to_do = if self.is_in_place {
            format!("{look_for}; move this one away ({}), and {give}", move_away(&self.file))
        } else {
            format!("{look_for}; {give}")
        };
        Trouble::new(
            format!(
                "the root key in {key} is not the one that the keys in {backup} are under: {}",
                chain(error)
            ),
            what_to_do,
        )
    }
}

fn key_bytes(file: &Path) -> Result<Vec<u8>, Trouble> {
    disk::outside_read(file, RECORD_BYTES_MAX).map_err(|error| about_file(file, &error))
}

/// The command that moves something out of the way.
pub(crate) fn move_away(path: &Path) -> String {
    let shown = path.display();
    format!("mv {} {}", quoted(&shown.to_string()), quoted(&format!("{shown}.old")))
}
