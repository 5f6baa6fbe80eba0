//! Commands: everything that can change the catalog.
//!
//! A command carries what its outcome depends on besides the rows: ids drawn by
//! the proposer, wrapped keys, and (in [`Stamped`]) the time. One log entry is
//! ```text
//! version (1 byte) | postcard of Vec<Stamped>
//! ```

mod bucket;
mod custody;
mod disk;
mod map;
mod object;
mod part;
mod rewrap;
mod tenant;
mod upload;

pub use bucket::{
    BucketClear, BucketCreate, BucketDelete, BucketKeyRewrap, BucketLockSet, BucketOwnershipSet,
    BucketQuotaSet, BucketRef, BucketSettingSet, BucketVersioningSet,
};
pub use custody::{CustodyNote, CustodyNoted};
pub use disk::DiskForget;
pub use map::{
    InviteCreate, InviteRevoke, MapFound, NodeJoin, NodeNew, NodeSet, Placed, PlacedCommand,
    PolicySet, PolicyTarget, SiteDrain, SiteJoin, SiteNew, SiteRemove, SiteStatementSet,
};
pub use object::{
    Cause, ContentPut, DeleteCondition, DeleteGuard, DeleteItem, ETagMatch, NewVersion,
    ObjectAclSet, ObjectDelete, ObjectLegalHoldSet, ObjectPut, ObjectRetentionSet, ObjectTagsSet,
    ObjectsDelete, PutCondition, PutOrigin,
};
pub use part::{
    PartBucketsNote, PartChange, PartCopyAdd, PartCut, PartLayout, PartRecut, PartSlotMove,
    PartStep,
};
pub use rewrap::{PartKeyPlace, PartKeyRewrap, PartKeysRewrap, SecretReseal};
pub use tenant::{
    KeyCreate, KeyRevoke, NamedKeyCreate, NamedKeyRewrap, TenantCreate, TenantCreateWithEmail,
    TenantDelete, TenantErase, TenantKeyRewrap, TenantQuotaSet, TenantResume, TenantShredded,
    TenantSuspend, UserCreate, UserDelete,
};
pub use upload::{UploadAbort, UploadComplete, UploadCreate, UploadPartPut};

use serde::{Deserialize, Serialize};
use units::{PartId, Sequence, Timestamp};

use crate::name::{JobName, SealedBytes};
use crate::record::Damaged;

/// A change that is asked of the catalog. New kinds come at the end: a log entry
/// says a kind by its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Makes a tenant.
    TenantCreate(TenantCreate),
    /// Stops serving a tenant.
    TenantSuspend(TenantSuspend),
    /// Serves a suspended tenant again.
    TenantResume(TenantResume),
    /// Removes a tenant that has no bucket, with its users and keys.
    TenantDelete(TenantDelete),
    /// Forgets a tenant's key: nothing it stored can be read again.
    TenantErase(TenantErase),
    /// Sets what a tenant may hold.
    TenantQuotaSet(TenantQuotaSet),
    /// Replaces a tenant's wrapped key by the same key wrapped anew.
    TenantKeyRewrap(TenantKeyRewrap),
    /// Makes a user.
    UserCreate(UserCreate),
    /// Removes a user and revokes its keys.
    UserDelete(UserDelete),
    /// Makes an access key.
    KeyCreate(KeyCreate),
    /// Revokes an access key.
    KeyRevoke(KeyRevoke),
    /// Makes a bucket.
    BucketCreate(BucketCreate),
    /// Removes an empty bucket.
    BucketDelete(BucketDelete),
    /// Switches versioning on or suspends it.
    BucketVersioningSet(BucketVersioningSet),
    /// Switches object lock on, or sets its default retention.
    BucketLockSet(BucketLockSet),
    /// Sets who owns what others write.
    BucketOwnershipSet(BucketOwnershipSet),
    /// Stores or removes a setting.
    BucketSettingSet(BucketSettingSet),
    /// Sets what a bucket may hold.
    BucketQuotaSet(BucketQuotaSet),
    /// Replaces a bucket's wrapped key by the same key wrapped anew.
    BucketKeyRewrap(BucketKeyRewrap),
    /// Writes a version: put, copy, or change in place.
    ObjectPut(Box<ObjectPut>),
    /// Deletes one object or version.
    ObjectDelete(ObjectDelete),
    /// Deletes many, each with its own outcome.
    ObjectsDelete(ObjectsDelete),
    /// Sets a version's tags.
    ObjectTagsSet(ObjectTagsSet),
    /// Sets a version's retention.
    ObjectRetentionSet(ObjectRetentionSet),
    /// Sets a version's legal hold.
    ObjectLegalHoldSet(ObjectLegalHoldSet),
    /// Sets a version's grants.
    ObjectAclSet(ObjectAclSet),
    /// Begins a multipart upload.
    UploadCreate(Box<UploadCreate>),
    /// Adds or replaces a part of an upload.
    UploadPartPut(UploadPartPut),
    /// Makes an upload's parts an object.
    UploadComplete(Box<UploadComplete>),
    /// Gives an upload up.
    UploadAbort(UploadAbort),
    /// Takes queued manifests and buckets apart, down to parts.
    ReleaseAdvance {
        /// Most rows to look at.
        rows: u32,
    },
    /// Declares parts that the catalog does not know as never to be known: a
    /// later command that brings one is refused. Then they are in the release
    /// queue like any other.
    PartCondemn {
        /// The parts.
        parts: Vec<PartId>,
    },
    /// Removes the rows of released parts whose fragments are gone.
    PartForget {
        /// The parts.
        parts: Vec<PartId>,
    },
    /// Moves one fragment slot of a part to another disk.
    PartSlotMove(PartSlotMove),
    /// Drops the events up to and including this one.
    FeedTrim {
        /// The last one to drop.
        through: Sequence,
    },
    /// Stores where a job stands, or removes it.
    JobSet {
        /// Which job.
        name: JobName,
        /// Its state; `None` removes it.
        state: Option<SealedBytes>,
    },
    /// Changes nothing; proves that the log moves.
    Nothing,
    /// Makes a tenant that has an e-mail address.
    TenantCreateWithEmail(TenantCreateWithEmail),
    /// Makes a named key.
    NamedKeyCreate(NamedKeyCreate),
    /// Replaces a named key's wrapped key by the same key wrapped anew.
    NamedKeyRewrap(NamedKeyRewrap),
    /// Replaces wrapped part keys of a bucket by the same keys wrapped anew.
    PartKeysRewrap(PartKeysRewrap),
    /// Replaces an access key's sealed secret by the same secret sealed anew.
    SecretReseal(SecretReseal),
    /// Says that a tenant's key is destroyed already.
    TenantShredded(TenantShredded),
    /// Takes a bucket of an erased tenant apart.
    BucketClear(BucketClear),
    /// Takes one step towards forgetting a disk that never comes back.
    DiskForget(DiskForget),
    /// Gives a part one copy more.
    PartCopyAdd(PartCopyAdd),
    /// Says who the first site is.
    MapFound(Box<MapFound>),
    /// Lets one node join.
    InviteCreate(InviteCreate),
    /// Takes an invitation back.
    InviteRevoke(InviteRevoke),
    /// Puts a node on the map, and its site if that is new.
    NodeJoin(Box<NodeJoin>),
    /// Says where a node is reached, and which disks it has.
    NodeSet(NodeSet),
    /// Stores what a site says about itself.
    SiteStatementSet(Box<SiteStatementSet>),
    /// Has a site emptied, or not any more.
    SiteDrain(SiteDrain),
    /// Takes a site off the map.
    SiteRemove(SiteRemove),
    /// Sets a placement policy.
    PolicySet(PolicySet),
    /// A command whose placement was decided on one version of the map.
    Placed(Box<Placed>),
    /// Notes whose older parts are.
    PartBucketsNote(PartBucketsNote),
    /// Changes where a part lies that lies exactly so.
    PartStep(PartStep),
    /// Keeps what nodes have answered when they were asked for what they keep.
    CustodyNote(CustodyNote),
    /// Says that a part has another code.
    PartRecut(Box<PartRecut>),
}

/// A command and when it was proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// When, by the proposer's clock.
    pub at: Timestamp,
    /// What.
    pub command: Command,
}

const VERSION: u8 = 1;

impl Stamped {
    /// The bytes of a log entry.
    pub fn encode_entry(commands: &[Self]) -> Vec<u8> {
        postcard::to_extend(commands, vec![VERSION]).unwrap_or_default()
    }

    /// Reads the bytes of a log entry.
    pub fn decode_entry(bytes: &[u8]) -> Result<Vec<Self>, Damaged> {
        let damaged = Damaged { kind: "log entry" };
        match bytes.split_first() {
            Some((&VERSION, rest)) => match postcard::take_from_bytes(rest) {
                Ok((commands, [])) => Ok(commands),
                _ => Err(damaged),
            },
            _ => Err(damaged),
        }
    }
}
