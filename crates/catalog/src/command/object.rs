//! Commands about objects and their versions.

use serde::{Deserialize, Serialize};
use units::{ByteCount, PartId, ReferenceId, TenantId, Timestamp};

use super::{BucketRef, PartLayout};
use crate::name::{ETag, ObjectKey, SealedBytes, VersionAsk, VersionId};
use crate::record::{Acl, Checksum, Encryption, ObjectHeaders, PartReference, Retention, Tag};

/// What an entity-tag condition names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ETagMatch {
    /// `*`: whatever is there.
    Any,
    /// One of these.
    OneOf(Vec<ETag>),
}

/// Conditions of a write, checked against the current version when applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutCondition {
    /// `If-Match`: a current object must be there and match; none there is
    /// `NoSuchKey`.
    pub if_match: Option<ETagMatch>,
    /// `If-None-Match`: no current object may match.
    pub if_none_match: Option<ETagMatch>,
}

/// Conditions of a delete, checked against what would be deleted. A key or
/// version that is not there fulfils them all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteCondition {
    /// `If-Match`, or `ETag` of a multi-delete.
    pub if_match: Option<ETagMatch>,
    /// `x-amz-if-match-size`, or `Size` of a multi-delete.
    pub size: Option<ByteCount>,
    /// `x-amz-if-match-last-modified-time`, or `LastModifiedTime`; compared in
    /// whole seconds.
    pub modified: Option<Timestamp>,
}

/// Where the bytes of a new version are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentPut {
    /// There are none.
    #[default]
    Empty,
    /// Here, sealed.
    Inline {
        /// The part id that the sealing binds.
        part: PartId,
        /// The part key, wrapped for this reference.
        wrapped_key: SealedBytes,
        /// The sealed bytes.
        sealed: SealedBytes,
    },
    /// In one part that was just written.
    NewPart {
        /// This use of it.
        reference: PartReference,
        /// Where its fragments are.
        layout: PartLayout,
    },
    /// In one part that another version already uses.
    SharedPart(PartReference),
    /// In several parts that another version already uses, in order.
    SharedParts(Vec<PartReference>),
}

/// What a new version has besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewVersion {
    /// The random half of the version id, drawn.
    pub random: u64,
    /// Drawn; the part keys are wrapped for it.
    pub reference: ReferenceId,
    /// Plaintext bytes.
    pub size: ByteCount,
    /// The entity tag.
    pub etag: ETag,
    /// Where the bytes are.
    pub content: ContentPut,
    /// Who owns it, if not the bucket's owner.
    pub owner: Option<TenantId>,
    /// The storage class the client named.
    pub storage_class: Option<String>,
    /// Headers to give back.
    pub headers: ObjectHeaders,
    /// User metadata.
    pub metadata: Vec<(String, String)>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Checksum.
    pub checksum: Option<Checksum>,
    /// Retention; `None` takes the bucket's default, if there is one.
    pub retention: Option<Retention>,
    /// Legal hold.
    pub legal_hold: Option<bool>,
    /// What was promised about encryption.
    pub encryption: Encryption,
    /// Grants.
    pub acl: Option<Acl>,
    /// `x-amz-website-redirect-location`
    pub website_redirect: Option<String>,
}

impl NewVersion {
    /// An empty version, to be filled.
    pub fn empty(random: u64, reference: ReferenceId, etag: ETag) -> Self {
        Self {
            random,
            reference,
            size: ByteCount::ZERO,
            etag,
            content: ContentPut::Empty,
            owner: None,
            storage_class: None,
            headers: ObjectHeaders::default(),
            metadata: Vec::new(),
            tags: Vec::new(),
            checksum: None,
            retention: None,
            legal_hold: None,
            encryption: Encryption::default(),
            acl: None,
            website_redirect: None,
        }
    }
}

/// What a write came from; decides the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutOrigin {
    /// A body that was sent.
    #[default]
    Body,
    /// Another version.
    Copy,
}

/// Writes a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectPut {
    /// Into which bucket.
    pub bucket: BucketRef,
    /// Under which key.
    pub key: ObjectKey,
    /// What.
    pub version: NewVersion,
    /// Only if.
    pub condition: PutCondition,
    /// Where it came from.
    pub origin: PutOrigin,
}

/// Who wants something deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A client.
    #[default]
    Client,
    /// A lifecycle rule.
    Lifecycle,
}

/// What must still be true of a version that a plan, made on an older view,
/// wants deleted; if it is not, nothing happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeleteGuard {
    /// Nothing.
    #[default]
    None,
    /// This is still the current version.
    CurrentIs(VersionId),
    /// It is not the current version.
    Noncurrent,
    /// It is a delete marker, current, and the only version of its key.
    LoneMarker,
}

/// One object or version to delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteItem {
    /// Of which key.
    pub key: ObjectKey,
    /// Which version.
    pub version: VersionAsk,
    /// Only if.
    pub condition: DeleteCondition,
    /// Only if a plan still holds.
    pub guard: DeleteGuard,
    /// The random half of a delete marker's version id, drawn.
    pub marker_random: u64,
    /// The delete marker's reference, drawn.
    pub marker_reference: ReferenceId,
}

/// Deletes one object or version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDelete {
    /// In which bucket.
    pub bucket: BucketRef,
    /// What.
    pub item: DeleteItem,
    /// The caller may bypass governance retention, and asked to.
    pub bypass_governance: bool,
    /// Who wants it.
    pub cause: Cause,
}

/// Deletes up to a thousand objects or versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsDelete {
    /// In which bucket.
    pub bucket: BucketRef,
    /// What, in order.
    pub items: Vec<DeleteItem>,
    /// The caller may bypass governance retention, and asked to.
    pub bypass_governance: bool,
    /// Who wants it.
    pub cause: Cause,
}

/// Sets a version's tags; an empty set removes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectTagsSet {
    /// In which bucket.
    pub bucket: BucketRef,
    /// Of which key.
    pub key: ObjectKey,
    /// Of which version.
    pub version: VersionAsk,
    /// The tags.
    pub tags: Vec<Tag>,
}

/// Sets a version's retention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRetentionSet {
    /// In which bucket.
    pub bucket: BucketRef,
    /// Of which key.
    pub key: ObjectKey,
    /// Of which version.
    pub version: VersionAsk,
    /// The retention; `None` removes it.
    pub retention: Option<Retention>,
    /// The caller may bypass governance retention, and asked to.
    pub bypass_governance: bool,
}

/// Sets a version's legal hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLegalHoldSet {
    /// In which bucket.
    pub bucket: BucketRef,
    /// Of which key.
    pub key: ObjectKey,
    /// Of which version.
    pub version: VersionAsk,
    /// On or off.
    pub legal_hold: bool,
}

/// Sets a version's grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectAclSet {
    /// In which bucket.
    pub bucket: BucketRef,
    /// Of which key.
    pub key: ObjectKey,
    /// Of which version.
    pub version: VersionAsk,
    /// The grants; `None` leaves the owner alone with full control.
    pub acl: Option<Acl>,
}
