//! Object version: a head that listings read and a detail that they do not.
//!
//! ```text
//! 1 | postcard VersionHead | postcard VersionDetail
//! ```
//! The same bytes serve in two tables: `current` holds the newest version of a
//! key, delete marker or not (one point get), and `noncurrent` the older ones,
//! newest first. Moving a version from one to the other rewrites the head and
//! copies the detail as it is.

use serde::{Deserialize, Serialize};
use units::{ByteCount, PartId, ReferenceId, TenantId, Timestamp};

use super::{
    Acl, Checksum, ChecksumAlgorithm, ChecksumKind, Damaged, Encryption, PartReference, Retention,
};
use crate::name::{ETag, SealedBytes, VersionId, VersionName};

/// What a version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionKind {
    /// An object.
    Object,
    /// A mark that the object was deleted here.
    DeleteMarker,
}

/// What listings show of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionHead {
    /// Which.
    pub version: VersionId,
    /// Whether it shows as `null`.
    pub is_null: bool,
    /// Object or delete marker.
    pub kind: VersionKind,
    /// When it was written (for multipart: when the upload was completed).
    pub modified: Timestamp,
    /// Plaintext bytes.
    pub size: ByteCount,
    /// The entity tag.
    pub etag: ETag,
    /// The storage class the client named; `None`: `STANDARD`.
    pub storage_class: Option<String>,
    /// Who owns it, if not the bucket's owner.
    pub owner: Option<TenantId>,
    /// Which checksum it has, if any.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// In `noncurrent`: since when it is not current any more.
    pub noncurrent_since: Option<Timestamp>,
    /// In `current`: the null version of this key that is in `noncurrent`, so
    /// that a write that must replace it finds it without a search.
    pub null_noncurrent: Option<VersionId>,
}

impl VersionHead {
    /// The version as clients see it.
    pub const fn name(&self) -> VersionName {
        if self.is_null { VersionName::Null } else { VersionName::Id(self.version) }
    }

    /// Whether it is a delete marker.
    pub fn is_delete_marker(&self) -> bool {
        self.kind == VersionKind::DeleteMarker
    }
}

/// Where the bytes of a version are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// There are none.
    #[default]
    Empty,
    /// In a row of the catalog, sealed, found by the version's reference.
    Inline {
        /// The part id that the sealing binds.
        part: PartId,
        /// The part key, wrapped for this reference.
        wrapped_key: SealedBytes,
    },
    /// One part.
    Part(PartReference),
    /// Several parts, in manifest rows found by the version's reference.
    Manifest {
        /// How many.
        parts: u16,
    },
}

/// Headers that the client sent to be given back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHeaders {
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Cache-Control`
    pub cache_control: Option<String>,
    /// `Content-Disposition`
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`
    pub content_encoding: Option<String>,
    /// `Content-Language`
    pub content_language: Option<String>,
    /// `Expires`, as it was written
    pub expires: Option<String>,
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// Unique in the set.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// What only a request for the object itself needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionDetail {
    /// Bound into the wrapping of the part keys; also finds the inline body or
    /// the manifest. For a completed upload it is the upload's id.
    pub reference: ReferenceId,
    /// Where the bytes are.
    pub content: Content,
    /// Headers to give back.
    pub headers: ObjectHeaders,
    /// User metadata: name without `x-amz-meta-`, value.
    pub metadata: Vec<(String, String)>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Checksum, if one was asked for or is given by default.
    pub checksum: Option<Checksum>,
    /// Not to be deleted before.
    pub retention: Option<Retention>,
    /// Not to be deleted at all; `None`: never said, which shows as no header.
    pub legal_hold: Option<bool>,
    /// What was promised about encryption.
    pub encryption: Encryption,
    /// Grants, if any were given.
    pub acl: Option<Acl>,
    /// `x-amz-website-redirect-location`
    pub website_redirect: Option<String>,
}

impl VersionDetail {
    /// The detail of a version that has nothing: an empty object or a marker.
    pub fn empty(reference: ReferenceId) -> Self {
        Self {
            reference,
            content: Content::Empty,
            headers: ObjectHeaders::default(),
            metadata: Vec::new(),
            tags: Vec::new(),
            checksum: None,
            retention: None,
            legal_hold: None,
            encryption: Encryption::Unasked,
            acl: None,
            website_redirect: None,
        }
    }
}

/// A version, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion {
    /// What listings show.
    pub head: VersionHead,
    /// The rest.
    pub detail: VersionDetail,
}

const KIND: &str = "object version";
const VERSION: u8 = 1;

impl ObjectVersion {
    /// How many parts the client uploaded it in; `None` if not by multipart.
    pub fn parts_count(&self) -> Option<u16> {
        match self.detail.content {
            Content::Manifest { parts } => Some(parts),
            Content::Empty | Content::Inline { .. } | Content::Part(_) => None,
        }
    }

    /// The bytes of the row.
    pub fn encode(&self) -> Vec<u8> {
        let bytes = encode_head(&self.head);
        postcard::to_extend(&self.detail, bytes).unwrap_or_default()
    }

    /// Reads the bytes of a row.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let (head, detail) = split(bytes)?;
        match postcard::take_from_bytes(detail) {
            Ok((detail, [])) => Ok(Self { head, detail }),
            _ => Err(Damaged { kind: KIND }),
        }
    }

    /// Reads the head only, as listings do.
    pub fn decode_head(bytes: &[u8]) -> Result<VersionHead, Damaged> {
        split(bytes).map(|(head, _)| head)
    }

    /// The row with another head and the same detail, undecoded.
    pub fn replace_head(bytes: &[u8], head: &VersionHead) -> Result<Vec<u8>, Damaged> {
        let (_, detail) = split(bytes)?;
        let mut replaced = encode_head(head);
        replaced.extend_from_slice(detail);
        Ok(replaced)
    }
}

fn encode_head(head: &VersionHead) -> Vec<u8> {
    postcard::to_extend(head, vec![VERSION]).unwrap_or_default()
}

fn split(bytes: &[u8]) -> Result<(VersionHead, &[u8]), Damaged> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            postcard::take_from_bytes(rest).map_err(|_| Damaged { kind: KIND })
        }
        _ => Err(Damaged { kind: KIND }),
    }
}
