//! Multipart uploads.

use catalog::command::PutCondition;
use catalog::{
    Acl, Checksum, ChecksumAlgorithm, ChecksumKind, ETag, Encryption, ObjectHeaders, PartAsk,
    Retention, Tag, VersionName,
};
use units::{ByteCount, PartNumber, TenantId, Timestamp, UploadId, UserId};

use super::{ChecksumAsk, ObjectName};
use crate::{CustomerKey, EncryptionAsk};

/// `CreateMultipartUpload`.
#[derive(Debug)]
pub struct CreateUpload {
    /// Where to.
    pub name: ObjectName,
    /// Content type and its kin.
    pub headers: ObjectHeaders,
    /// User metadata.
    pub metadata: Vec<(String, String)>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// `x-amz-checksum-algorithm`.
    pub checksum: Option<ChecksumAlgorithm>,
    /// `x-amz-checksum-type`; the algorithm's default if absent.
    pub checksum_kind: Option<ChecksumKind>,
    /// Lock on the object to be.
    pub retention: Option<Retention>,
    /// Legal hold on the object to be.
    pub legal_hold: Option<bool>,
    /// How to seal.
    pub encryption: EncryptionAsk,
    /// `x-amz-storage-class`.
    pub storage_class: Option<String>,
    /// Access-control list of the object to be.
    pub acl: Option<Acl>,
    /// `x-amz-website-redirect-location`.
    pub website_redirect: Option<String>,
    /// Who will own the object, if not the bucket's owner.
    pub owner: Option<TenantId>,
    /// The user who begins it, if not the tenant itself.
    pub initiator: Option<UserId>,
}

/// A new upload.
#[derive(Clone, Debug)]
pub struct UploadCreated {
    /// Its id.
    pub upload: UploadId,
    /// How its parts will be sealed.
    pub encryption: Encryption,
    /// The digest its parts will carry.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

/// An upload, and the object it is for; they must belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadName {
    /// Where to.
    pub name: ObjectName,
    /// Which upload.
    pub upload: UploadId,
}

/// `UploadPart`.
#[derive(Debug)]
pub struct PutPart {
    /// Which upload.
    pub upload: UploadName,
    /// Which part; a later one with the same number replaces it.
    pub part: PartNumber,
    /// Decoded length, where the client announced one.
    pub length: Option<ByteCount>,
    /// `Content-MD5`.
    pub md5: Option<[u8; 16]>,
    /// `x-amz-checksum-*`.
    pub checksum: ChecksumAsk,
    /// The key of an SSE-C upload.
    pub customer_key: Option<CustomerKey>,
}

/// What a finished part tells its client.
#[derive(Clone, Debug)]
pub struct PartOutcome {
    /// Entity tag of the part.
    pub etag: ETag,
    /// When it was made.
    pub modified: Timestamp,
    /// Bytes stored.
    pub size: ByteCount,
    /// The digest kept.
    pub checksum: Option<Checksum>,
    /// How it was sealed.
    pub encryption: Encryption,
    /// The source's version, for a copied part.
    pub source_version: Option<VersionName>,
}

/// `CompleteMultipartUpload`.
#[derive(Debug)]
pub struct CompleteUpload {
    /// Which upload.
    pub upload: UploadName,
    /// The parts, in the client's order.
    pub parts: Vec<PartAsk>,
    /// `If-Match`, `If-None-Match`.
    pub condition: PutCondition,
    /// `x-amz-checksum-*` of the whole object.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
    /// `x-amz-checksum-type`.
    pub checksum_kind: Option<ChecksumKind>,
    /// `x-amz-mp-object-size`.
    pub size: Option<ByteCount>,
    /// The key of an SSE-C upload.
    pub customer_key: Option<CustomerKey>,
}

/// What a finished completion tells its client.
#[derive(Clone, Debug)]
pub struct CompleteOutcome {
    /// Entity tag of the object.
    pub etag: ETag,
    /// When it was made.
    pub modified: Timestamp,
    /// The version made, or `None` where the bucket is not versioned.
    pub version: Option<VersionName>,
    /// The digest of the whole.
    pub checksum: Option<Checksum>,
    /// How it is sealed.
    pub encryption: Encryption,
}

impl CreateUpload {
    /// An upload that says nothing beyond its name.
    pub fn plain(name: ObjectName) -> Self {
        Self {
            name,
            headers: ObjectHeaders::default(),
            metadata: Vec::new(),
            tags: Vec::new(),
            checksum: None,
            checksum_kind: None,
            retention: None,
            legal_hold: None,
            encryption: EncryptionAsk::default(),
            storage_class: None,
            acl: None,
            website_redirect: None,
            owner: None,
            initiator: None,
        }
    }
}

impl PutPart {
    /// A part that claims nothing.
    pub fn plain(upload: UploadName, part: PartNumber) -> Self {
        let checksum = ChecksumAsk::default();
        Self { upload, part, length: None, md5: None, checksum, customer_key: None }
    }
}

impl CompleteUpload {
    /// A completion that claims nothing.
    pub fn plain(upload: UploadName, parts: Vec<PartAsk>) -> Self {
        Self {
            upload,
            parts,
            condition: PutCondition::default(),
            checksum: None,
            checksum_kind: None,
            size: None,
            customer_key: None,
        }
    }
}
