//! The catalog: a deterministic state machine over ordered rows.
//!
//! [`apply()`] takes the commands of one log entry to a batch of row writes and
//! one outcome per command; [`View`] answers every question about the rows.
//! No clock, no randomness, no I/O: time and random ids come inside the command,
//! stamped by whoever proposes it, and rows are reached through the [`Rows`] trait.
//!
//! The S3 rules that need atomicity live here (versions, conditions, object
//! lock, quotas, reference counts); what can be decided beside the data, such
//! as signatures or the meaning of an XML document, does not.
//!
//! **Invariants**
//! - Equal rows and equal commands give equal rows, outcomes and events, on
//!   every machine and in every version that reads the same format, and however
//!   the commands are cut into log entries.
//! - Preconditions are checked inside `apply`, so they are atomic.
//! - A refused command leaves no trace.
//! - No row, however damaged, makes this crate panic.
//! - The catalog cannot see `disk` or `wire` and never holds an unwrapped key.

pub mod apply;
pub mod command;
pub mod limits;
pub mod name;
mod outcome;
mod overlay;
pub mod record;
mod refusal;
mod rows;
pub mod table;
mod view;

use units::planted::PlantedBug;

/// The planted bugs of this crate; see [`units::planted`].
pub const PLANTED: &[PlantedBug] = &[
    PlantedBug {
        name: "catalog-accepts-stale-epoch",
        what: "a placement decided on an older site map is carried out",
    },
    PlantedBug {
        name: "catalog-invite-used-twice",
        what: "a second node joins by an invitation that another has used",
    },
    PlantedBug {
        name: "catalog-copy-holds-nothing",
        what: "a copy does not count its reference to the part it shares",
    },
    PlantedBug {
        name: "catalog-clears-any-tenant",
        what: "a bucket is cleared away although its tenant is not erased",
    },
    PlantedBug {
        name: "catalog-clears-too-early",
        what: "a bucket goes with the clearing although keys passed over hold versions",
    },
    PlantedBug {
        name: "catalog-forgets-retention",
        what: "a version under retention may be deleted",
    },
    PlantedBug {
        name: "catalog-keeps-two-null-versions",
        what: "a write under suspended versioning leaves the older null version",
    },
    PlantedBug {
        name: "catalog-loses-sight-of-null",
        what: "a version that becomes current forgets where the null version is",
    },
    PlantedBug {
        name: "catalog-refusal-leaves-traces",
        what: "what a command wrote before it was refused stays",
    },
    PlantedBug {
        name: "catalog-counts-overwritten-bytes",
        what: "the usage keeps what an overwrite replaced",
    },
    PlantedBug {
        name: "catalog-skips-if-none-match",
        what: "a conditional write overwrites all the same",
    },
    PlantedBug {
        name: "catalog-search-goes-on",
        what: "a disk is forgotten although a part came to lie on it behind the search",
    },
    PlantedBug {
        name: "catalog-lists-older-version-first",
        what: "a listing shows an older version before the current one",
    },
];

pub use apply::{Applied, apply};
pub use command::{Command, Stamped};
pub use name::{
    AccessKeyId, BucketName, ETag, EmailAddress, JobName, NameError, NamedKeyName, NodeAddress,
    ObjectKey, SealedBytes, SiteName, StatementBytes, TenantName, UserName, VersionAsk, VersionId,
    VersionName,
};
pub use outcome::{DeleteDone, Outcome, PutDone, Success, UploadPartDone};
pub use record::{
    AccessKey, Acl, Bucket, BucketSetting, Canned, Checksum, ChecksumAlgorithm, ChecksumKind,
    Content, Custody, CustodyAnswer, CustodyProof, CustodyStatement, CustodyVerdict, Damaged,
    DefaultRetention, DefaultRetentionPeriod, Encryption, Event, EventKind, ForgottenDisk, Grant,
    Grantee, Invite, InviteUse, Job, KeyScope, LifecycleExpiration, LifecycleFilter,
    LifecycleNoncurrent, LifecycleRule, LifecycleRules, Manifest, ManifestRun, NamedKey, Node,
    NodeRole, NodeSignature, ObjectHeaders, ObjectLock, ObjectVersion, Ownership, PartReference,
    PartRow, Permission, Policy, PolicyScope, Quota, ReleaseEntry, ReleaseKind, Retention,
    RetentionMode, SettingKind, SettingSet, SignedStatement, Site, SiteState, Tag, Tenant,
    TenantState, Upload, Usage, User, VersionDetail, VersionHead, VersionKind, Versioning,
};
pub use refusal::{Condition, LockReason, QuotaSubject, Refusal};
pub use rows::{Batch, MemoryRows, Row, Rows, RowsError};
pub use view::{
    After, AfterUpload, AfterVersion, CompletePlan, FeedPage, Found, ListAsk, ListPage,
    ListedObject, ListedUpload, ListedVersion, PartAsk, ReadError, SiteMap, View,
};
