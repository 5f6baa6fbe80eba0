//! Listings: pages of keys, versions and uploads, with common prefixes.
//!
//! A common prefix costs one seek, however many keys are below it. A page looks
//! at a bounded number of rows; if it finds too little among them it ends early
//! with the place where to go on, as S3 allows. Whoever must not keep a thread for
//! long asks for few rows at a time and goes on from there.

mod current;
mod roll;
mod uploads;
mod versions;

use units::UploadId;

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
    /// At most so many rows looked at, shown or not; the page ends early after them.
    /// `None`: [`LIST_ROWS_MAX`](crate::limits::LIST_ROWS_MAX).
    pub rows_max: Option<usize>,
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

impl After {
    /// What a client's `marker`, `start-after` or (decoded) token means.
    ///
    /// A marker that is itself a common prefix stands for all keys below it, so
    /// that [`Self::marker`] of one page is the marker of the next.
    pub fn from_marker(marker: &str, ask: &ListAsk) -> Self {
        match roll::common_prefix(marker, ask) {
            Some(prefix) if prefix == marker => Self::Prefix(prefix.to_owned()),
            _ if marker.is_empty() => Self::Start,
            _ => Self::Key(marker.to_owned()),
        }
    }

    /// The marker that means this.
    pub fn marker(&self) -> &str {
        match self {
            Self::Start => "",
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }
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

impl AfterVersion {
    /// What a client's `key-marker` and `version-id-marker` mean.
    pub fn from_markers(key: &str, version: Option<VersionName>, ask: &ListAsk) -> Self {
        match (After::from_marker(key, ask), version) {
            (After::Start, _) => Self::Start,
            (After::Prefix(prefix), _) => Self::Prefix(prefix),
            (After::Key(key), None) => Self::Key(key),
            (After::Key(key), Some(version)) => Self::Version(key, version),
        }
    }

    /// The markers that mean this.
    pub fn markers(&self) -> (&str, Option<VersionName>) {
        match self {
            Self::Start => ("", None),
            Self::Key(text) | Self::Prefix(text) => (text, None),
            Self::Version(text, version) => (text, Some(*version)),
        }
    }
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

impl AfterUpload {
    /// What a client's `key-marker` and `upload-id-marker` mean.
    pub fn from_markers(key: &str, upload: Option<UploadId>, ask: &ListAsk) -> Self {
        match (After::from_marker(key, ask), upload) {
            (After::Start, _) => Self::Start,
            (After::Prefix(prefix), _) => Self::Prefix(prefix),
            (After::Key(key), None) => Self::Key(key),
            (After::Key(key), Some(upload)) => Self::Upload(key, upload),
        }
    }

    /// The markers that mean this.
    pub fn markers(&self) -> (&str, Option<UploadId>) {
        match self {
            Self::Start => ("", None),
            Self::Key(text) | Self::Prefix(text) => (text, None),
            Self::Upload(text, upload) => (text, Some(*upload)),
        }
    }
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
    /// It ended because enough rows were looked at: there may be nothing more.
    pub ended_early: bool,
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
