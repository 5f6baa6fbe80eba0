//! Lifecycle rules, typed, in the form in which they were given.
//!
//! ```text
//! 1 | rules
//! ```
//! Stored as the bytes of the `Lifecycle` setting. What the rules mean is
//! decided by the caretaker; here is only what they say. S3 API Reference,
//! "LifecycleRule".

use serde::{Deserialize, Serialize};
use units::{ByteCount, Timestamp};

use super::Tag;

/// Which objects a rule is about. All conditions that are present must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleFilter {
    /// Key prefix.
    pub prefix: Option<String>,
    /// Tags that must all be there.
    pub tags: Vec<Tag>,
    /// Strictly larger than.
    pub size_greater_than: Option<ByteCount>,
    /// Strictly smaller than.
    pub size_less_than: Option<ByteCount>,
    /// The form it was written in, to give back the same document: the prefix
    /// stood in the rule itself, not in a `Filter`.
    pub legacy_prefix: bool,
    /// The form it was written in: the conditions stood in an `And`.
    pub and: bool,
}

/// When the current version ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LifecycleExpiration {
    /// So many days after it was written.
    Days(u32),
    /// From this midnight (UTC) on.
    Date(Timestamp),
    /// A delete marker with no version behind it is removed.
    ExpiredObjectDeleteMarker,
}

/// When versions end that are not current any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleNoncurrent {
    /// So many days after a newer one took their place.
    pub days: u32,
    /// But keep this many of the newest ones.
    pub newer_versions: Option<u32>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleRule {
    /// Unique in the document, up to 255 characters.
    pub id: String,
    /// Whether it is carried out.
    pub enabled: bool,
    /// Which objects.
    pub filter: LifecycleFilter,
    /// When current versions end.
    pub expiration: Option<LifecycleExpiration>,
    /// When other versions end.
    pub noncurrent: Option<LifecycleNoncurrent>,
    /// Unfinished uploads end so many days after they were begun.
    pub abort_uploads_days: Option<u32>,
}

/// A lifecycle document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleRules {
    /// The rules, in the order they were given.
    pub rules: Vec<LifecycleRule>,
}
