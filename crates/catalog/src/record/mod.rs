//! Rows as types: one file per record kind.
//!
//! Every row is
//! ```text
//! version (1 byte) | postcard of the record
//! ```
//! The types here are the read model as well: what [`crate::View`] answers is
//! what the row says. A change of a record's fields is a new version byte, a new
//! type and a migration on read, with a golden file for the old one.

mod access_key;
mod acl;
mod bucket;
mod checksum;
mod counters;
mod custody;
mod disks;
mod encryption;
mod event;
mod inline;
mod invite;
mod job;
mod lifecycle;
mod manifest;
mod map;
mod named_key;
mod node;
mod object;
mod part;
mod policy;
mod release;
mod retention;
mod setting;
mod site;
mod site_search;
mod tenant;
mod upload;
mod usage;
mod user;

pub use access_key::{AccessKey, KeyScope};
pub use acl::{Acl, Canned, Grant, Grantee, Permission};
pub use bucket::{Bucket, Ownership, Versioning};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
pub use counters::Counters;
pub use custody::{Custody, CustodyAnswer, CustodyProof, CustodyStatement, CustodyVerdict};
pub use disks::{DiskSearch, Disks, ForgottenDisk};
pub use encryption::Encryption;
pub use event::{Event, EventKind};
pub use inline::InlineBody;
pub use invite::{Invite, InviteUse};
pub use job::Job;
pub use lifecycle::{
    LifecycleExpiration, LifecycleFilter, LifecycleNoncurrent, LifecycleRule, LifecycleRules,
};
pub use manifest::{Manifest, ManifestRun};
pub use map::Map;
pub use named_key::NamedKey;
pub use node::{Node, NodeRole};
pub use object::{
    Content, ObjectHeaders, ObjectVersion, Tag, VersionDetail, VersionHead, VersionKind,
};
pub use part::{PartReference, PartRow};
pub use policy::{Policy, PolicyScope};
pub use release::{ReleaseEntry, ReleaseKind};
pub use retention::{
    DefaultRetention, DefaultRetentionPeriod, ObjectLock, Retention, RetentionMode,
};
pub use setting::{BucketSetting, SettingKind, SettingSet};
pub use site::{NodeSignature, SignedStatement, Site, SiteState};
pub use site_search::SiteSearch;
pub use tenant::{Quota, Tenant, TenantState};
pub use upload::Upload;
pub use usage::Usage;
pub use user::User;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// A row whose bytes are not what its table holds.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a row of kind {kind} is damaged or of an unknown version")]
pub struct Damaged {
    /// The kind of record that was expected.
    pub kind: &'static str,
}

/// What every record kind has.
pub trait Record: Serialize + DeserializeOwned {
    /// The kind, as it appears in errors.
    const KIND: &'static str;
    /// The version byte that is written.
    const VERSION: u8;

    /// The bytes of the row.
    fn encode(&self) -> Vec<u8> {
        // Serialising plain data into a growing vector has no failing path; an
        // empty row would be reported as damaged when read.
        postcard::to_extend(self, vec![Self::VERSION]).unwrap_or_default()
    }

    /// Reads the bytes of a row.
    fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        match bytes.split_first() {
            Some((version, rest)) if *version == Self::VERSION => whole(rest, Self::KIND),
            _ => Err(Damaged { kind: Self::KIND }),
        }
    }
}

/// Reads what follows a version byte, all of it.
fn whole<R: DeserializeOwned>(bytes: &[u8], kind: &'static str) -> Result<R, Damaged> {
    match postcard::take_from_bytes(bytes) {
        Ok((record, [])) => Ok(record),
        _ => Err(Damaged { kind }),
    }
}

macro_rules! records {
    ($($name:ident = $kind:literal, $version:literal;)*) => {$(
        impl Record for $name {
            const KIND: &'static str = $kind;
            const VERSION: u8 = $version;
        }
    )*};
}

records! {
    NamedKey = "named key", 1;
    User = "user", 1;
    AccessKey = "access key", 1;
    Bucket = "bucket", 1;
    BucketSetting = "bucket setting", 1;
    Usage = "usage", 1;
    Disks = "disks", 1;
    PartReference = "part reference", 1;
    Manifest = "manifest", 1;
    InlineBody = "inline body", 1;
    Upload = "upload", 1;
    ReleaseEntry = "release", 1;
    Event = "event", 1;
    Job = "job", 1;
    Counters = "counters", 1;
    LifecycleRules = "lifecycle rules", 1;
    Acl = "access control list", 1;
    Map = "site map", 1;
    Site = "site", 1;
    Node = "node", 1;
    Invite = "invitation", 1;
    Policy = "placement policy", 1;
    SiteSearch = "site search", 1;
    Custody = "custody", 1;
}
