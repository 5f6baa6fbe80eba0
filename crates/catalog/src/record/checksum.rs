//! Checksums that clients ask for, besides the entity tag.

use serde::{Deserialize, Serialize};

/// Which checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChecksumAlgorithm {
    /// CRC-32 (ISO 3309), 4 bytes.
    Crc32,
    /// CRC-32C (Castagnoli), 4 bytes.
    Crc32c,
    /// CRC-64/NVME, 8 bytes.
    Crc64Nvme,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
}

/// What a checksum of a multipart object is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChecksumKind {
    /// Of the whole object.
    FullObject,
    /// Of the parts' checksums.
    Composite,
}

/// A checksum of an object or part.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checksum {
    /// Which.
    pub algorithm: ChecksumAlgorithm,
    /// What it is of.
    pub kind: ChecksumKind,
    /// The bytes, big-endian for the CRCs; base64 of this is what clients see
    /// (and for a composite one a dash and the number of parts).
    pub value: Vec<u8>,
}
