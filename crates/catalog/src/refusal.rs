//! Why a command was refused: each maps to one S3 error.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use units::{ByteCount, DiskId, Epoch, NodeId, PartId, PartNumber, SiteId, Timestamp};

use crate::name::VersionName;
use crate::record::{NodeRole, RetentionMode, TenantState};

/// The condition that failed, as S3 names it in `Condition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// `If-Match`
    IfMatch,
    /// `If-None-Match`
    IfNoneMatch,
    /// `x-amz-if-match-size`
    IfMatchSize,
    /// `x-amz-if-match-last-modified-time`
    IfMatchLastModifiedTime,
}

/// Whose quota is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuotaSubject {
    /// The tenant's.
    Tenant,
    /// The bucket's.
    Bucket,
}

/// What locks a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockReason {
    /// A legal hold.
    LegalHold,
    /// A retention.
    Retention {
        /// How strictly it binds.
        mode: RetentionMode,
        /// Until when.
        until: Timestamp,
    },
    /// A bucket with object lock still holds versions.
    Bucket,
}

/// Why a command was refused. A refused command changed nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No tenant with this id or name.
    #[error("there is no such tenant")]
    NoSuchTenant,
    /// The tenant's id or name is taken.
    #[error("there is already a tenant of this name")]
    TenantExists,
    /// The tenant still has buckets.
    #[error("the tenant still has buckets")]
    TenantNotEmpty,
    /// The tenant is suspended.
    #[error("the tenant is not served")]
    TenantSuspended,
    /// No such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// The user's name is taken in its tenant.
    #[error("there is already a user of this name")]
    UserExists,
    /// No such access key.
    #[error("there is no such access key")]
    NoSuchAccessKey,
    /// The access key id is taken.
    #[error("there is already an access key with this id")]
    AccessKeyExists,
    /// More of something than one tenant may have.
    #[error("the tenant already has {max} of these")]
    TooMany {
        /// The limit.
        max: u32,
    },
    /// `NoSuchBucket`
    #[error("there is no such bucket")]
    NoSuchBucket,
    /// `BucketAlreadyOwnedByYou` or `BucketAlreadyExists`
    #[error("there is already a bucket of this name")]
    BucketExists {
        /// Whether the caller's tenant owns it.
        owned_by_caller: bool,
    },
    /// `BucketNotEmpty`
    #[error("the bucket still holds versions")]
    BucketNotEmpty,
    /// `InvalidBucketState`: object lock without versioning, or versioning
    /// suspended under object lock.
    #[error("the bucket's versioning and object lock do not allow this")]
    InvalidBucketState,
    /// `InvalidRequest`: the bucket is missing an object lock configuration.
    #[error("the bucket has no object lock")]
    BucketLockMissing,
    /// `AccessControlListNotSupported`: grants under enforced ownership.
    #[error("the bucket's owner owns everything in it and it takes no grants")]
    OwnershipForbidsAcl,
    /// `InvalidBucketAclWithObjectOwnership`: enforcing ownership over grants.
    #[error("the bucket has grants to others than its owner")]
    AclForbidsOwnership,
    /// `NoSuchKey`
    #[error("there is no such object")]
    NoSuchKey {
        /// The delete marker that stands in its place, if one does.
        marker: Option<VersionName>,
    },
    /// `NoSuchVersion`
    #[error("there is no such version")]
    NoSuchVersion,
    /// `MethodNotAllowed`: the version is a delete marker.
    #[error("the version is a delete marker")]
    IsDeleteMarker {
        /// Its version.
        version: VersionName,
        /// When it was made (`Last-Modified` of the answer).
        modified: Timestamp,
    },
    /// `NoSuchUpload`
    #[error("there is no such upload")]
    NoSuchUpload,
    /// `InvalidPart`
    #[error("part {number} is not there or is another one")]
    InvalidPart {
        /// Its number.
        number: PartNumber,
    },
    /// `InvalidPartOrder`
    #[error("the parts are not in rising order")]
    InvalidPartOrder,
    /// `EntityTooSmall`
    #[error("part {number} has {size} bytes, less than the least of {least}")]
    EntityTooSmall {
        /// The part's number.
        number: PartNumber,
        /// Its bytes.
        size: ByteCount,
        /// What a part other than the last must have.
        least: ByteCount,
    },
    /// `EntityTooLarge`
    #[error("the object would have {size} bytes, more than {most}")]
    EntityTooLarge {
        /// Its bytes.
        size: ByteCount,
        /// The most an object may have.
        most: ByteCount,
    },
    /// `InvalidRequest`: the parts do not add up to what the client announced.
    #[error("the parts have {actual} bytes, not {claimed}")]
    SizeMismatch {
        /// What the client said.
        claimed: ByteCount,
        /// What there is.
        actual: ByteCount,
    },
    /// `PreconditionFailed`
    #[error("the condition {condition:?} does not hold")]
    PreconditionFailed {
        /// Which.
        condition: Condition,
    },
    /// `ConditionalRequestConflict` (409): what the command relies on changed
    /// between looking and writing; trying again is right.
    #[error("what the request relies on has changed meanwhile")]
    ConditionalConflict,
    /// A part that was to be shared is released or unknown; look again.
    #[error("the part to be shared is gone")]
    PartGone {
        /// Which.
        part: PartId,
    },
    /// A part that was to be new is already known or condemned.
    #[error("the part is already known or was condemned")]
    PartExists {
        /// Which.
        part: PartId,
    },
    /// A fragment slot is not where the command says.
    #[error("the fragment slot is not on that disk")]
    SlotMoved,
    /// `AccessDenied`: object lock.
    #[error("the version is locked")]
    ObjectLocked {
        /// By what.
        reason: LockReason,
    },
    /// `InvalidArgument`: the retention ends in the past.
    #[error("the retention would end in the past")]
    RetentionInPast,
    /// `QuotaExceeded`
    #[error("the quota is full")]
    QuotaExceeded {
        /// Whose.
        subject: QuotaSubject,
    },
    /// `InvalidArgument`: a list or document is longer than its limit.
    #[error("{what} is larger than its limit of {max}")]
    TooLarge {
        /// What.
        what: String,
        /// The limit.
        max: u64,
    },
    /// The wrapped key that was to be replaced is not the stored one.
    #[error("the stored key is another one")]
    KeyChanged,
    /// `InternalError`: a row that the command needs is damaged.
    #[error("a row of kind {kind} is damaged")]
    Damaged {
        /// Of which kind.
        kind: String,
    },
    /// The e-mail address is another tenant's.
    #[error("there is already a tenant with this e-mail address")]
    EmailTaken,
    /// The named key's name is taken in its tenant.
    #[error("there is already a named key of this name")]
    NamedKeyExists,
    /// No such named key.
    #[error("there is no such named key")]
    NoSuchNamedKey,
    /// The tenant's key was destroyed.
    #[error("the tenant is erased: its key is destroyed, and nothing of it can be read again")]
    TenantErased,
    /// Only what an erased tenant left may be cleared away.
    #[error("the tenant is not erased: what it holds is not cleared away")]
    TenantNotErased,
    /// A disk that was to be forgotten, and on which a part still has a slot.
    #[error("part {part} still has a fragment on disk {disk}")]
    DiskInUse {
        /// The disk.
        disk: DiskId,
        /// The part.
        part: PartId,
    },
    /// A fragment was to lie on a disk that was forgotten.
    #[error("disk {disk} was forgotten: nothing lies on it any more")]
    DiskForgotten {
        /// The disk.
        disk: DiskId,
    },
    /// A part that was to get one copy more has other copies than the command says, or is
    /// not kept whole in each of its slots.
    #[error("the part does not have these copies")]
    CopiesChanged,
    /// What needs a site map was asked of a cluster that has none.
    #[error("the cluster has no site map yet")]
    NoMap,
    /// A site map was to be founded, and another site has done so.
    #[error("the cluster has a site map already: another site joins it by an invitation")]
    MapFounded,
    /// A placement was decided on another version of the site map; decide anew.
    #[error("the site map has changed since this was placed: it is at epoch {now}")]
    MapChanged {
        /// The version that counts now.
        now: Epoch,
    },
    /// No site with this id.
    #[error("there is no such site")]
    NoSuchSite,
    /// The site's id is taken.
    #[error("the site belongs to the cluster already")]
    SiteExists,
    /// The site's name is taken.
    #[error("there is already a site of this name")]
    SiteNameTaken,
    /// A fragment was to be moved, or a node was to come, to a site that is being emptied.
    #[error("site {site} is being emptied: nothing more is brought to it")]
    SiteDraining {
        /// The site.
        site: SiteId,
    },
    /// A site that was to be removed, and at which a part still has a slot.
    #[error("part {part} still has a fragment at site {site}")]
    SiteInUse {
        /// The site.
        site: SiteId,
        /// The part.
        part: PartId,
    },
    /// The only site was to be removed, or the only one that takes fragments emptied.
    #[error("there is no other site that takes fragments")]
    LastSite,
    /// No node with this id.
    #[error("there is no such node")]
    NoSuchNode,
    /// The node's id is taken.
    #[error("the node belongs to the cluster already")]
    NodeExists,
    /// The key is another node's, or an invitation's.
    #[error("the key is that of another node or of an invitation")]
    NodeKeyTaken,
    /// A witness was said to have disks.
    #[error("a witness keeps no fragments, and so it has no disks")]
    WitnessWithDisks,
    /// A node that joins named a disk that another lists, or one disk twice.
    #[error("disk {disk} is listed already")]
    DiskListed {
        /// The disk.
        disk: DiskId,
    },
    /// A fragment was to lie on a disk that is not on the site map.
    #[error("disk {disk} belongs to no node of the cluster")]
    DiskUnknown {
        /// The disk.
        disk: DiskId,
    },
    /// A node was to list a disk no longer that parts may have slots on.
    #[error("disk {disk} was not forgotten, so its node still lists it: forget it first")]
    DiskNotForgotten {
        /// The disk.
        disk: DiskId,
    },
    /// A statement was signed by a node that is not at its site, or countersigned by one
    /// that is not of the cluster or is at that site.
    #[error("node {node} cannot sign or countersign for this site")]
    SignerUnfit {
        /// The node.
        node: NodeId,
    },
    /// No such invitation.
    #[error("there is no such invitation, or it was taken back")]
    NoSuchInvite,
    /// The invitation's id or key is taken.
    #[error("there is already an invitation with this id or key")]
    InviteExists,
    /// The invitation opens nothing any more.
    #[error("the invitation has expired: ask for another one")]
    InviteExpired {
        /// When it expired.
        at: Timestamp,
    },
    /// Another node joined by it, or the same with another key.
    #[error("the invitation was used by node {by}: ask for another one")]
    InviteUsed {
        /// Who used it.
        by: NodeId,
    },
    /// The invitation is for a node that does something else.
    #[error("the invitation is for a node of role {role:?}")]
    InviteForRole {
        /// What the invited node is to do.
        role: NodeRole,
    },
}

impl Refusal {
    /// Why a tenant in this state is not served.
    pub(crate) fn not_served(state: TenantState) -> Self {
        match state {
            TenantState::Erased => Self::TenantErased,
            TenantState::Active | TenantState::Suspended => Self::TenantSuspended,
        }
    }
}
