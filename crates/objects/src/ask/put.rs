//! Writing one object.

use core::fmt;

use catalog::command::PutCondition;
use catalog::{
    Acl, Checksum, ChecksumAlgorithm, ETag, Encryption, ObjectHeaders, Retention, Tag, VersionName,
};
use units::{ByteCount, TenantId, Timestamp};

use super::ObjectName;
use crate::checksum::CHECKSUM_DEFAULT;
use crate::{BodyError, EncryptionAsk};

/// `PutObject` and `POST object`.
#[derive(Debug)]
pub struct PutObject {
    /// Where to.
    pub name: ObjectName,
    /// Decoded length, where the client announced one.
    pub length: Option<ByteCount>,
    /// `Content-MD5`.
    pub md5: Option<[u8; 16]>,
    /// `x-amz-checksum-*`, in the header or in the trailer.
    pub checksum: ChecksumAsk,
    /// `If-Match`, `If-None-Match`.
    pub condition: PutCondition,
    /// Content type and its kin.
    pub headers: ObjectHeaders,
    /// User metadata, keys in lower case without `x-amz-meta-`.
    pub metadata: Vec<(String, String)>,
    /// Tags, already checked by the face.
    pub tags: Vec<Tag>,
    /// `x-amz-object-lock-mode` and its date; the bucket's default applies if absent.
    pub retention: Option<Retention>,
    /// `x-amz-object-lock-legal-hold`.
    pub legal_hold: Option<bool>,
    /// How to seal.
    pub encryption: EncryptionAsk,
    /// `x-amz-storage-class`, recorded and shown; `None`: `STANDARD`.
    pub storage_class: Option<String>,
    /// The object's access-control list; `None` is private to the owner.
    pub acl: Option<Acl>,
    /// `x-amz-website-redirect-location`.
    pub website_redirect: Option<String>,
    /// Who owns the object, if not the bucket's owner.
    pub owner: Option<TenantId>,
}

impl PutObject {
    /// A put that says nothing beyond its name.
    pub fn plain(name: ObjectName) -> Self {
        Self {
            name,
            length: None,
            md5: None,
            checksum: ChecksumAsk::default(),
            condition: PutCondition::default(),
            headers: ObjectHeaders::default(),
            metadata: Vec::new(),
            tags: Vec::new(),
            retention: None,
            legal_hold: None,
            encryption: EncryptionAsk::default(),
            storage_class: None,
            acl: None,
            website_redirect: None,
            owner: None,
        }
    }
}

/// The digest a client wants kept with the object.
#[derive(Debug, Default)]
pub struct ChecksumAsk {
    /// Which; `None`: the site keeps CRC-64/NVME, as AWS does since 2024.
    pub algorithm: Option<ChecksumAlgorithm>,
    /// What the client claims it to be.
    pub claim: ChecksumClaim,
}

impl ChecksumAsk {
    /// The same, with what is kept where nothing is asked.
    pub(crate) fn or_default(self) -> Self {
        Self { algorithm: self.algorithm.or(Some(CHECKSUM_DEFAULT)), ..self }
    }
}

/// Where the claimed value comes from.
#[derive(Debug, Default)]
pub enum ChecksumClaim {
    /// No claim: compute and keep.
    #[default]
    None,
    /// The raw digest from a header.
    Value(Vec<u8>),
    /// It comes behind the body.
    Trailing(TrailingChecksum),
}

/// Reads a trailer once the body has ended.
pub struct TrailingChecksum(
    /// Called after the last body byte; gives the raw digest.
    pub Box<dyn FnOnce() -> Result<Vec<u8>, BodyError> + Send>,
);

impl fmt::Debug for TrailingChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrailingChecksum(…)")
    }
}

/// What a finished write tells its client.
#[derive(Clone, Debug)]
pub struct PutOutcome {
    /// Entity tag.
    pub etag: ETag,
    /// The version made, or `None` where the bucket is not versioned.
    pub version: Option<VersionName>,
    /// When it was made.
    pub modified: Timestamp,
    /// Bytes stored.
    pub size: ByteCount,
    /// The digest kept.
    pub checksum: Option<Checksum>,
    /// How it was sealed, for the answer's headers.
    pub encryption: Encryption,
}
