//! Listings: pages of keys, versions and uploads, with common prefixes.
//!
//! A common prefix costs one seek, however many keys are below it.

use units::{BucketId, UploadId};

use super::{ReadError, View};
use crate::name::{ObjectKey, VersionName};
use crate::record::{Upload, VersionHead};

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListAsk {
    /// Only keys that start with this.
    pub prefix: String,
    /// Roll up keys that have this after the prefix; empty is none.
    pub delimiter: Option<String>,
    /// At most so many entries and common prefixes together.
    pub limit: usize,
}

/// Where a listing of keys goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum After {
    /// At the start.
    #[default]
    Start,
    /// After this key (which need not exist).
    Key(String),
    /// After every key with this prefix: after a common prefix.
    Prefix(String),
}

/// Where a listing of versions goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AfterVersion {
    /// At the start.
    #[default]
    Start,
    /// After all versions of this key.
    Key(String),
    /// After this version of this key.
    Version(String, VersionName),
    /// After every key with this prefix.
    Prefix(String),
}

/// Where a listing of uploads goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AfterUpload {
    /// At the start.
    #[default]
    Start,
    /// After all uploads of this key.
    Key(String),
    /// After this upload of this key.
    Upload(String, UploadId),
    /// After every key with this prefix.
    Prefix(String),
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<Entry, Next> {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// The common prefixes, in order.
    pub prefixes: Vec<String>,
    /// Where to go on; `None`: this is all.
    pub next: Option<Next>,
}

/// A key with a current object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The key.
    pub key: ObjectKey,
    /// Its current version.
    pub head: VersionHead,
}

/// A version or delete marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The key.
    pub key: ObjectKey,
    /// The version.
    pub head: VersionHead,
    /// Whether it is the current one.
    pub is_latest: bool,
}

/// An unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUpload {
    /// The key.
    pub key: ObjectKey,
    /// Which.
    pub id: UploadId,
    /// Its row.
    pub upload: Upload,
}

impl View {
    /// Lists current objects, in the byte order of their keys.
    pub fn list_current(
        &self,
        bucket: BucketId,
        ask: &ListAsk,
        after: &After,
    ) -> Result<ListPage<ListedObject, After>, ReadError> {
        let _ = (bucket, ask, after);
        Ok(ListPage { entries: Vec::new(), prefixes: Vec::new(), next: None })
    }

    /// Lists all versions and delete markers, the newest of a key first.
    pub fn list_versions(
        &self,
        bucket: BucketId,
        ask: &ListAsk,
        after: &AfterVersion,
    ) -> Result<ListPage<ListedVersion, AfterVersion>, ReadError> {
        let _ = (bucket, ask, after);
        Ok(ListPage { entries: Vec::new(), prefixes: Vec::new(), next: None })
    }

    /// Lists unfinished uploads, by key and then by id.
    pub fn list_uploads(
        &self,
        bucket: BucketId,
        ask: &ListAsk,
        after: &AfterUpload,
    ) -> Result<ListPage<ListedUpload, AfterUpload>, ReadError> {
        let _ = (bucket, ask, after);
        Ok(ListPage { entries: Vec::new(), prefixes: Vec::new(), next: None })
    }
}
