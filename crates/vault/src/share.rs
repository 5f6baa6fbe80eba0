//! The root key on its way to a node that joins: the bytes of a root key file without a
//! passphrase, for a channel that only that node can read. The other side protects its
//! file by a passphrase of its own.

use std::sync::Arc;

use disk::Disk;
use units::Random;
use zeroize::Zeroizing;

use crate::key_file::{KeyFile, PATH, Protection};
use crate::vault::derivation;
use crate::{Passphrase, Vault, VaultError};

impl Vault {
    /// The root keys and what was destroyed, to be handed to a node that may open what
    /// is stored. They are wiped when the last copy is dropped.
    pub fn share(&self) -> Zeroizing<Vec<u8>> {
        self.file.read().shared(&*self.random)
    }

    /// Makes the root key file of a node from what another shared; durable on return.
    /// Never overwrites one.
    pub fn create_shared(
        disk: Arc<dyn Disk>,
        random: Arc<dyn Random>,
        passphrase: Option<&Passphrase>,
        shared: &[u8],
    ) -> Result<Self, VaultError> {
        if Self::exists(&*disk)? {
            return Err(VaultError::Exists { path: PATH.to_owned() });
        }
        let mut file = KeyFile::decode(shared, None)?;
        file.protection = match passphrase {
            None => None,
            Some(passphrase) => {
                let derivation = derivation(&*random);
                Some(Protection { derivation, key: derivation.derive(passphrase)? })
            }
        };
        file.write(&*disk, &*random)?;
        Ok(Self::with(disk, random, file))
    }
}

#[cfg(test)]
mod tests {
    use disk::SimDisk;
    use units::{SimRandom, TenantId};

    use super::*;

    #[test]
    fn what_one_vault_wrapped_another_opens_behind_its_own_passphrase() {
        let random: Arc<dyn Random> = Arc::new(SimRandom::seeded(3));
        let (here, there) = (SimDisk::new(), SimDisk::new());
        let first = Passphrase::new("one");
        let vault = Vault::create(here, Arc::clone(&random), Some(&first)).unwrap();
        let (tenant, gone) = (TenantId::from_u128(1), TenantId::from_u128(2));
        let wrapped = vault.tenant_key_create(tenant).unwrap();
        vault.tenant_shred(gone).unwrap();
        let shared = vault.share();
        let second = Passphrase::new("two");
        let joined = Vault::create_shared(
            Arc::clone(&there) as _,
            Arc::clone(&random),
            Some(&second),
            &shared,
        )
        .unwrap();
        joined.tenant_key_check(tenant, &wrapped).unwrap();
        assert!(joined.tenant_is_shredded(gone));
        let again =
            Vault::create_shared(Arc::clone(&there) as _, Arc::clone(&random), None, &shared);
        assert!(matches!(again, Err(VaultError::Exists { .. })));
        drop(joined);
        assert!(Vault::open(Arc::clone(&there) as _, Arc::clone(&random), Some(&first)).is_err());
        let opened = Vault::open(there, Arc::clone(&random), Some(&second)).unwrap();
        opened.tenant_key_check(tenant, &wrapped).unwrap();
        let cut = &shared[..shared.len() - 1];
        assert!(Vault::create_shared(SimDisk::new(), random, None, cut).is_err());
    }
}
