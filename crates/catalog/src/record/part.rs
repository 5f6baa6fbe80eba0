//! Part: a run of stripes written at once, and one use of it.
//!
//! ```text
//! PartRow        2 | size | stripe bytes | stripes | codec | k | m | slots | references | created | released? | buckets
//!                1 | the same without buckets: read as if there were none
//! PartReference  1 | part 16 | number | size | md5 16 | checksum? | modified | wrapped key
//! ```
//! A copy shares the part and makes a reference of its own. When the last
//! reference goes, the part is put in the release queue; its row goes when its
//! fragments are gone.
//!
//! Whose policy a part is under is said by its buckets. One that refers to it no more
//! stays in the list: a part is bound by too much rather than by too little.

use serde::{Deserialize, Serialize};
use units::hash::Md5;
use units::{BucketId, ByteCount, DiskId, PartId, PartNumber, Timestamp};

use super::{Checksum, Damaged, Record, whole};
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
    /// The buckets of what refers to it, or once did. Those of a part that was written
    /// before they were noted may be missing; see [`crate::Job::part_buckets`].
    pub buckets: Vec<BucketId>,
}

/// A part's row as version 1 had it.
#[derive(Deserialize)]
struct PartRowV1 {
    size: ByteCount,
    stripe_bytes: u32,
    stripe_count: u32,
    codec: u8,
    data: u8,
    parity: u8,
    slots: Vec<DiskId>,
    references: u32,
    created: Timestamp,
    released: Option<u64>,
}

impl Record for PartRow {
    const KIND: &'static str = "part";
    const VERSION: u8 = 2;

    fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        match bytes.split_first() {
            Some((2, rest)) => whole(rest, Self::KIND),
            Some((1, rest)) => {
                let old: PartRowV1 = whole(rest, Self::KIND)?;
                Ok(Self {
                    size: old.size,
                    stripe_bytes: old.stripe_bytes,
                    stripe_count: old.stripe_count,
                    codec: old.codec,
                    data: old.data,
                    parity: old.parity,
                    slots: old.slots,
                    references: old.references,
                    created: old.created,
                    released: old.released,
                    buckets: Vec::new(),
                })
            }
            _ => Err(Damaged { kind: Self::KIND }),
        }
    }
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
