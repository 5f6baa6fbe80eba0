//! Rotations of keys, and the end of one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which kind of key is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RotationKind {
    /// The root key.
    Root,
    /// A tenant's key.
    Tenant,
    /// A bucket's key.
    Bucket,
}

/// Where a rotation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RotationState {
    /// The new key is being made; requests under way are waited for.
    Begun,
    /// What is under the old key is wrapped anew.
    Rewrapping,
    /// Requests under way are waited for, then the old key is forgotten.
    Retiring,
    /// It is over.
    Done,
}

/// What to rotate.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RotationNew {
    /// Which kind of key.
    pub kind: RotationKind,
    /// The tenant's or bucket's name; none for the root key.
    #[schema(example = "mairie")]
    pub name: Option<String>,
}

/// A rotation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Rotation {
    /// Which kind of key.
    pub kind: RotationKind,
    /// The tenant's or bucket's name; none for the root key.
    pub name: Option<String>,
    /// Where it stands.
    pub state: RotationState,
    /// Keys and secrets wrapped anew so far.
    pub rewrapped: u64,
    /// Keys and secrets looked at so far, those of earlier passes too.
    pub looked_at: u64,
    /// Passes that have ended; one that finds nothing is the last.
    pub passes: u32,
    /// Requests under way now, some of which may be waited for.
    pub requests_under_way: u64,
    /// Why the last step failed, if it did; it is tried again.
    pub trouble: Option<String>,
    /// When it was asked for.
    pub started: String,
    /// When it ended.
    pub ended: Option<String>,
}

/// The word that a tenant is to be destroyed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ShredWord {
    /// The tenant's name once more.
    pub destroy_everything_of: String,
}

/// What protects the root key from now on.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct PassphraseSet {
    /// The passphrase; none takes it away.
    pub passphrase: Option<String>,
}
