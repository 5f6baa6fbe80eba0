//! Bucket setting: one document of a bucket, checked before it was stored.
//!
//! ```text
//! 1 | revision | modified | bytes
//! ```
//! What the bytes are is for the face that checked them to say, except the
//! kinds that the catalog or the caretaker reads: `Lifecycle` holds
//! [`super::LifecycleRules`] and `Acl` holds [`super::Acl`], encoded as records.

use serde::{Deserialize, Serialize};
use units::Timestamp;

use crate::name::SealedBytes;

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SettingKind {
    /// Bucket policy (JSON).
    Policy,
    /// Cross-origin rules.
    Cors,
    /// Lifecycle rules: an encoded [`super::LifecycleRules`].
    Lifecycle,
    /// Static website.
    Website,
    /// Tags of the bucket.
    Tagging,
    /// Default encryption.
    Encryption,
    /// Public-access block.
    PublicAccessBlock,
    /// Access control list of the bucket: an encoded [`super::Acl`].
    Acl,
    /// Event notifications (kept for clients that read back what they wrote).
    Notification,
    /// Access logging.
    Logging,
    /// Who pays for requests.
    RequestPayment,
    /// Placement policy.
    Placement,
    /// Ownership controls, where they were stated (the rule itself is in the bucket's row).
    OwnershipControls,
    /// Whether clients may bring keys of their own (SSE-C): one byte, 1 or 0.
    CustomerKeys,
}

impl SettingKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Policy,
        Self::Cors,
        Self::Lifecycle,
        Self::Website,
        Self::Tagging,
        Self::Encryption,
        Self::PublicAccessBlock,
        Self::Acl,
        Self::Notification,
        Self::Logging,
        Self::RequestPayment,
        Self::Placement,
        Self::OwnershipControls,
        Self::CustomerKeys,
    ];

    /// The number of the kind in row keys and in [`SettingSet`].
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// Which settings of a bucket have a row, so that absent ones cost no look-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingSet(u32);

impl SettingSet {
    /// Whether this setting has a row.
    pub const fn contains(self, kind: SettingKind) -> bool {
        self.0 & (1 << kind.number()) != 0
    }

    /// The set with or without this kind.
    #[must_use]
    pub const fn with(self, kind: SettingKind, present: bool) -> Self {
        let bit = 1 << kind.number();
        if present { Self(self.0 | bit) } else { Self(self.0 & !bit) }
    }
}

/// A bucket setting's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSetting {
    /// The bucket's settings revision at which it was stored.
    pub revision: u64,
    /// When it was stored.
    pub modified: Timestamp,
    /// The document.
    pub bytes: SealedBytes,
}
