//! The vault itself.

use std::sync::Arc;

use disk::Disk;
use seal::PartKey;
use units::{BucketId, Random, TenantId};
use zeroize::Zeroizing;

use crate::{BucketChain, KeyError, PartAt, Passphrase, VaultError};

/// The keeper of keys of one node.
pub struct Vault {
    #[expect(dead_code, reason = "filled in next")]
    random: Arc<dyn Random>,
}

const NOT_SERVED: KeyError = KeyError::TooManyShredded;

impl Vault {
    /// Whether a root key file is on this disk.
    pub fn exists(disk: &dyn Disk) -> Result<bool, VaultError> {
        Ok(disk.exists("root.key")?)
    }

    /// Makes a root key and its file; durable on return.
    pub fn create(
        _disk: Arc<dyn Disk>,
        random: Arc<dyn Random>,
        _passphrase: Option<&Passphrase>,
    ) -> Result<Self, VaultError> {
        Ok(Self { random })
    }

    /// Opens the root key file.
    pub fn open(
        _disk: Arc<dyn Disk>,
        random: Arc<dyn Random>,
        _passphrase: Option<&Passphrase>,
    ) -> Result<Self, VaultError> {
        Ok(Self { random })
    }

    /// A fresh tenant key, wrapped under the root key, to store in the tenant's row.
    pub fn tenant_key_create(&self, _tenant: TenantId) -> Result<Vec<u8>, KeyError> {
        Err(NOT_SERVED)
    }

    /// A fresh bucket key, wrapped under the tenant key, to store in the bucket's row.
    pub fn bucket_key_create(
        &self,
        _tenant: TenantId,
        _tenant_key: &[u8],
        _bucket: BucketId,
    ) -> Result<Vec<u8>, KeyError> {
        Err(NOT_SERVED)
    }

    /// A fresh named key of a tenant (SSE-KMS), wrapped under the tenant key.
    pub fn named_key_create(
        &self,
        _tenant: TenantId,
        _tenant_key: &[u8],
        _name: &str,
    ) -> Result<Vec<u8>, KeyError> {
        Err(NOT_SERVED)
    }

    /// A fresh part key and the same wrapped for its first use.
    pub fn part_key_create(&self, _at: &PartAt<'_>) -> Result<(PartKey, Vec<u8>), KeyError> {
        Err(NOT_SERVED)
    }

    /// Opens a part key for one use.
    pub fn part_key_open(&self, _at: &PartAt<'_>, _wrapped: &[u8]) -> Result<PartKey, KeyError> {
        Err(NOT_SERVED)
    }

    /// Wraps a part key for another use: a copy, or a rename.
    pub fn part_key_rewrap(
        &self,
        _from: &PartAt<'_>,
        _wrapped: &[u8],
        _to: &PartAt<'_>,
    ) -> Result<Vec<u8>, KeyError> {
        Err(NOT_SERVED)
    }

    /// Seals the secret of an access key under the tenant's key.
    pub fn secret_seal(
        &self,
        _tenant: TenantId,
        _tenant_key: &[u8],
        _access_key: &str,
        _secret: &str,
    ) -> Result<Vec<u8>, KeyError> {
        Err(NOT_SERVED)
    }

    /// Opens the secret of an access key.
    pub fn secret_open(
        &self,
        _tenant: TenantId,
        _tenant_key: &[u8],
        _access_key: &str,
        _sealed: &[u8],
    ) -> Result<Zeroizing<String>, KeyError> {
        Err(NOT_SERVED)
    }

    /// Destroys what opens a tenant's key; durable on return.
    pub fn tenant_shred(&self, _tenant: TenantId) -> Result<(), KeyError> {
        Err(NOT_SERVED)
    }

    /// Destroys what opens a bucket's key; durable on return.
    pub fn bucket_shred(&self, _chain: &BucketChain<'_>) -> Result<(), KeyError> {
        Err(NOT_SERVED)
    }
}
