//! Part: a run of stripes written at once, and one use of it.
//!
//! ```text
//! PartRow        1 | size | stripe bytes | stripes | codec | k | m | slots | references | created | released?
//! PartReference  1 | part 16 | number | size | md5 16 | checksum? | modified | wrapped key
//! ```
//! A copy shares the part and makes a reference of its own. When the last
//! reference goes, the part is put in the release queue; its row goes when its
//! fragments are gone.

use serde::{Deserialize, Serialize};
use units::hash::Md5;
use units::{ByteCount, DiskId, PartId, PartNumber, Timestamp};

use super::Checksum;
use crate::name::SealedBytes;

/// Where a part's fragments are, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRow {
    /// Plaintext bytes.
    pub size: ByteCount,
    /// Plaintext bytes of every stripe but the last.
    pub stripe_bytes: u32,
    /// How many stripes.
    pub stripe_count: u32,
    /// Which erasure codec.
    pub codec: u8,
    /// Data fragments per stripe.
    pub data: u8,
    /// Parity fragments per stripe.
    pub parity: u8,
    /// The disk of each fragment slot, data first.
    pub slots: Vec<DiskId>,
    /// How many references there are.
    pub references: u32,
    /// When it was written.
    pub created: Timestamp,
    /// Its place in the release queue, once no reference is left.
    pub released: Option<u64>,
}

/// One use of a part: by a version or by an unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartReference {
    /// Which part.
    pub part: PartId,
    /// Its number in the upload; 1 for an object put at once.
    pub number: PartNumber,
    /// Plaintext bytes.
    pub size: ByteCount,
    /// MD5 of the plaintext: the entity tag of the part.
    pub md5: Md5,
    /// Checksum of the plaintext, if one was asked for.
    pub checksum: Option<Checksum>,
    /// When it was uploaded.
    pub modified: Timestamp,
    /// The part key, wrapped for this reference.
    pub wrapped_key: SealedBytes,
}
