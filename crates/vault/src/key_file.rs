//! The root key file `root.key`, readable by its owner only.
//!
//! ```text
//! magic "ESSAIMRK" (8) ‖ version 1 (u16 LE) ‖ payload length (u32 LE) ‖ payload
//!   ‖ SHA-256 of everything before (32)
//! payload:
//!   vault id (16)
//!   protection (1): 0 none | 1 passphrase ‖ memory KiB (u32 LE) ‖ passes (u32 LE)
//!                                         ‖ lanes (u32 LE) ‖ salt (16)
//!   root keys (u8), newest first, each: generation (u32 LE) ‖ key (32) if unprotected
//!                                                          ‖ wrapped key (72) if protected
//!   shredded (u32 LE), each: kind (1): 1 tenant, 2 bucket, 3 reference,
//!     4 the tenant's mark of kind 1 is older than the rotation under way ‖ id (16)
//! ```
//! The file is replaced whole: written beside, synced, renamed, directory synced.

use std::collections::BTreeSet;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::digest;
use disk::{Disk, DiskError};
use seal::limits::KEY_BYTES;
use seal::{Generation, Key, PassphraseKey, RootKey, RootNames, WrappedKey, unwrap, wrap};
use units::{ByteCount, Random};
use zeroize::Zeroizing;

use crate::limits::{
    ARGON2_MEMORY_KIB_MAX, ARGON2_PASSES_MAX, KEY_FILE_BYTES_MAX, PASSPHRASE_BYTES_MAX,
    SHREDDED_MAX,
};
use crate::reader::Reader;
use crate::{Passphrase, VaultError};

/// Name of the file.
pub(crate) const PATH: &str = "root.key";
const PATH_NEW: &str = "root.key.new";
const MAGIC: &[u8; 8] = b"ESSAIMRK";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 14;
const DIGEST_BYTES: usize = 32;
const ROOTS_MAX: usize = 2;
const LANES_MAX: u32 = 16;

/// Something whose key was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shredded {
    /// 1 tenant, 2 bucket, 3 reference, 4 tenant before the rotation under way.
    pub kind: u8,
    /// Its id.
    pub id: [u8; 16],
}

/// How a passphrase becomes a key; recorded, so that it can be strengthened later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Derivation {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
    pub salt: [u8; 16],
}

impl Derivation {
    /// argon2id (RFC 9106) of the passphrase.
    pub fn derive(&self, passphrase: &Passphrase) -> Result<PassphraseKey, VaultError> {
        let failed = |error: argon2::Error| VaultError::Derivation { reason: error.to_string() };
        if passphrase.expose().is_empty() || passphrase.expose().len() > PASSPHRASE_BYTES_MAX {
            return Err(VaultError::PassphraseLength { max: PASSPHRASE_BYTES_MAX });
        }
        let parameters = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES))
            .map_err(failed)?;
        let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(passphrase.expose(), &self.salt, &mut *bytes)
            .map_err(failed)?;
        Ok(PassphraseKey::from_bytes(*bytes, Generation::FIRST))
    }
}

/// What protects the root keys in the file.
pub(crate) struct Protection {
    pub derivation: Derivation,
    pub key: PassphraseKey,
}

/// What the file holds, with the keys opened.
pub(crate) struct KeyFile {
    pub vault: [u8; 16],
    pub protection: Option<Protection>,
    /// Newest first; never empty.
    pub roots: Vec<RootKey>,
    pub shredded: BTreeSet<Shredded>,
}

impl KeyFile {
    /// Reads and opens the file.
    pub fn read(disk: &dyn Disk, passphrase: Option<&Passphrase>) -> Result<Self, VaultError> {
        let file = match disk.open(PATH) {
            Ok(file) => file,
            Err(DiskError::NotFound { .. }) => {
                return Err(VaultError::Missing { path: PATH.to_owned() });
            }
            Err(error) => return Err(error.into()),
        };
        let length = usize::try_from(file.length()?.get()).unwrap_or(usize::MAX);
        if length > KEY_FILE_BYTES_MAX {
            return Err(VaultError::Damaged { reason: "it is too long" });
        }
        let mut bytes = Zeroizing::new(vec![0_u8; length]);
        file.read_exact_at(&mut bytes, 0)?;
        Self::decode(&bytes, passphrase)
    }

    pub fn decode(bytes: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, VaultError> {
        let payload = checked_payload(bytes)?;
        let mut reader = Reader::new(payload);
        let vault = reader.array::<16>()?;
        let derivation = match reader.byte()? {
            0 => None,
            1 => Some(read_derivation(&mut reader)?),
            _ => return Err(VaultError::Damaged { reason: "its protection is of no known kind" }),
        };
        let protection = match (derivation, passphrase) {
            (None, None) => None,
            (None, Some(_)) => return Err(VaultError::PassphraseUnexpected),
            (Some(_), None) => return Err(VaultError::PassphraseNeeded),
            (Some(derivation), Some(passphrase)) => {
                Some(Protection { derivation, key: derivation.derive(passphrase)? })
            }
        };
        let roots = read_roots(&mut reader, vault, protection.as_ref())?;
        let count = reader.word()? as usize;
        if count > 2 * SHREDDED_MAX {
            return Err(VaultError::Damaged { reason: "too many shredded keys are listed" });
        }
        let mut shredded = BTreeSet::new();
        for _ in 0..count {
            shredded.insert(Shredded { kind: reader.byte()?, id: reader.array::<16>()? });
        }
        reader.finish()?;
        Ok(Self { vault, protection, roots, shredded })
    }

    fn encode(&self, random: &dyn Random) -> Zeroizing<Vec<u8>> {
        self.encode_under(self.protection.as_ref(), random)
    }

    fn encode_under(
        &self,
        protection: Option<&Protection>,
        random: &dyn Random,
    ) -> Zeroizing<Vec<u8>> {
        let mut payload = Zeroizing::new(Vec::with_capacity(KEY_BYTES * 8));
        payload.extend_from_slice(&self.vault);
        match protection {
            None => payload.push(0),
            Some(Protection { derivation, .. }) => {
                payload.push(1);
                for word in [derivation.memory_kib, derivation.passes, derivation.lanes] {
                    payload.extend_from_slice(&word.to_le_bytes());
                }
                payload.extend_from_slice(&derivation.salt);
            }
        }
        payload.push(u8::try_from(self.roots.len()).unwrap_or(u8::MAX));
        for root in &self.roots {
            payload.extend_from_slice(&root.generation().get().to_le_bytes());
            match protection {
                None => payload.extend_from_slice(root.expose()),
                Some(Protection { key, .. }) => {
                    let names = RootNames { vault: self.vault };
                    payload.extend_from_slice(wrap(key, root, &names, random).as_bytes());
                }
            }
        }
        let count = u32::try_from(self.shredded.len()).unwrap_or(u32::MAX);
        payload.extend_from_slice(&count.to_le_bytes());
        for shredded in &self.shredded {
            payload.push(shredded.kind);
            payload.extend_from_slice(&shredded.id);
        }
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let mut bytes =
            Zeroizing::new(Vec::with_capacity(HEADER_BYTES + payload.len() + DIGEST_BYTES));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&payload);
        let checksum = digest::digest(&digest::SHA256, &bytes);
        bytes.extend_from_slice(checksum.as_ref());
        bytes
    }

    /// The bytes of this file as if nothing protected it.
    pub fn shared(&self, random: &dyn Random) -> Zeroizing<Vec<u8>> {
        self.encode_under(None, random)
    }

    /// Replaces the file; durable on return. On an error the old file stands.
    pub fn write(&self, disk: &dyn Disk, random: &dyn Random) -> Result<(), VaultError> {
        replace(disk, PATH_NEW, PATH, &self.encode(random))?;
        Ok(())
    }
}

/// Writes a file beside, makes it durable, and puts it in the place of another.
pub(crate) fn replace(
    disk: &dyn Disk,
    beside: &str,
    path: &str,
    bytes: &[u8],
) -> Result<(), DiskError> {
    if disk.exists(beside)? {
        disk.remove(beside)?;
    }
    let file = disk.create(beside)?;
    file.write_all_at(bytes, 0)?;
    file.sync_data()?;
    assert_eq!(file.length()?, ByteCount::new(bytes.len() as u64), "the file is whole");
    disk.rename(beside, path)?;
    disk.sync_dir("")
}

/// The payload, once magic, version, length and checksum are right.
fn checked_payload(bytes: &[u8]) -> Result<&[u8], VaultError> {
    let damaged = |reason| VaultError::Damaged { reason };
    let mut reader = Reader::new(bytes);
    if reader.array::<8>()? != *MAGIC {
        return Err(damaged("it does not begin as one"));
    }
    let [low, high] = reader.array::<2>()?;
    let version = u16::from_le_bytes([low, high]);
    if version != VERSION {
        return Err(VaultError::Version { version });
    }
    let length = reader.word()? as usize;
    let payload = reader.take(length)?;
    let checksum = reader.array::<DIGEST_BYTES>()?;
    reader.finish()?;
    let covered = bytes.get(..HEADER_BYTES + length).ok_or(damaged("it is cut short"))?;
    if digest::digest(&digest::SHA256, covered).as_ref() != checksum {
        return Err(damaged("its checksum does not match"));
    }
    Ok(payload)
}

fn read_derivation(reader: &mut Reader<'_>) -> Result<Derivation, VaultError> {
    let derivation = Derivation {
        memory_kib: reader.word()?,
        passes: reader.word()?,
        lanes: reader.word()?,
        salt: reader.array::<16>()?,
    };
    let excessive = derivation.memory_kib > ARGON2_MEMORY_KIB_MAX
        || derivation.passes > ARGON2_PASSES_MAX
        || derivation.lanes > LANES_MAX;
    if excessive {
        return Err(VaultError::Damaged { reason: "its key derivation asks for too much" });
    }
    Ok(derivation)
}

fn read_roots(
    reader: &mut Reader<'_>,
    vault: [u8; 16],
    protection: Option<&Protection>,
) -> Result<Vec<RootKey>, VaultError> {
    let count = usize::from(reader.byte()?);
    if count == 0 || count > ROOTS_MAX {
        return Err(VaultError::Damaged { reason: "it holds no root key or too many" });
    }
    let mut roots: Vec<RootKey> = Vec::with_capacity(count);
    for _ in 0..count {
        let generation = Generation::new(reader.word()?);
        let root = match protection {
            None => RootKey::from_bytes(reader.array::<KEY_BYTES>()?, generation),
            Some(Protection { key, .. }) => {
                let wrapped = WrappedKey::from_bytes(reader.take(WrappedKey::BYTES)?)
                    .map_err(|_| VaultError::Damaged { reason: "a root key has no known form" })?;
                unwrap(key, &wrapped, &RootNames { vault })
                    .map_err(|_| VaultError::WrongPassphrase)?
            }
        };
        let falling = roots.last().is_none_or(|newer| newer.generation() > root.generation());
        if root.generation() != generation || !falling {
            return Err(VaultError::Damaged { reason: "its root keys are out of order" });
        }
        roots.push(root);
    }
    Ok(roots)
}
