//! Copying by reference: the copy shares the parts of its source.

use catalog::command::PutCondition;
use catalog::{
    Acl, Checksum, ChecksumAlgorithm, ETag, Encryption, ObjectHeaders, Retention, Tag, VersionAsk,
    VersionName,
};
use units::{PartNumber, TenantId, Timestamp};

use super::{ObjectName, ReadConditions, UploadName};
use crate::{CustomerKey, EncryptionAsk, RangeAsk};

/// What is copied.
#[derive(Clone, Debug)]
pub struct CopySource {
    /// Which object.
    pub name: ObjectName,
    /// Which version.
    pub version: VersionAsk,
    /// `x-amz-copy-source-if-*`.
    pub conditions: ReadConditions,
    /// The key of an SSE-C source.
    pub customer_key: Option<CustomerKey>,
}

/// `x-amz-metadata-directive`.
#[derive(Clone, Debug, Default)]
pub enum HeadersAsk {
    /// `COPY`: headers and metadata of the source.
    #[default]
    Copied,
    /// `REPLACE`.
    Replaced {
        /// Content type and its kin.
        headers: ObjectHeaders,
        /// User metadata.
        metadata: Vec<(String, String)>,
    },
}

/// `x-amz-tagging-directive`.
#[derive(Clone, Debug, Default)]
pub enum TagsAsk {
    /// `COPY`: tags of the source.
    #[default]
    Copied,
    /// `REPLACE`.
    Replaced(Vec<Tag>),
}

/// `CopyObject`.
#[derive(Debug)]
pub struct CopyObject {
    /// From where.
    pub source: CopySource,
    /// To where.
    pub name: ObjectName,
    /// `If-Match`, `If-None-Match` on the destination.
    pub condition: PutCondition,
    /// Headers and metadata.
    pub headers: HeadersAsk,
    /// Tags.
    pub tags: TagsAsk,
    /// `x-amz-checksum-algorithm`: compute and keep this one; else the source's.
    pub checksum: Option<ChecksumAlgorithm>,
    /// Lock on the copy; the bucket's default applies if absent.
    pub retention: Option<Retention>,
    /// Legal hold on the copy.
    pub legal_hold: Option<bool>,
    /// How to seal the copy.
    pub encryption: EncryptionAsk,
    /// `x-amz-storage-class`.
    pub storage_class: Option<String>,
    /// Access-control list of the copy.
    pub acl: Option<Acl>,
    /// `x-amz-website-redirect-location`.
    pub website_redirect: Option<String>,
    /// Who owns the copy, if not the bucket's owner.
    pub owner: Option<TenantId>,
}

/// What a finished copy tells its client.
#[derive(Clone, Debug)]
pub struct CopyOutcome {
    /// Entity tag of the copy, as the face shows it.
    pub etag: ETag,
    /// When the copy was made.
    pub modified: Timestamp,
    /// The version made, or `None` where the bucket is not versioned.
    pub version: Option<VersionName>,
    /// The version read, or `None` where the source is not versioned.
    pub source_version: Option<VersionName>,
    /// The digest kept with the copy.
    pub checksum: Option<Checksum>,
    /// How the copy is sealed.
    pub encryption: Encryption,
}

/// `UploadPartCopy`.
#[derive(Debug)]
pub struct CopyPart {
    /// From where.
    pub source: CopySource,
    /// `x-amz-copy-source-range`; shares the source's part when it is exactly one.
    pub range: Option<RangeAsk>,
    /// Which upload.
    pub upload: UploadName,
    /// Which part of it.
    pub part: PartNumber,
    /// The key of an SSE-C upload.
    pub customer_key: Option<CustomerKey>,
}

impl CopyObject {
    /// A copy that keeps everything of its source.
    pub fn plain(source: CopySource, name: ObjectName) -> Self {
        Self {
            source,
            name,
            condition: PutCondition::default(),
            headers: HeadersAsk::Copied,
            tags: TagsAsk::Copied,
            checksum: None,
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
