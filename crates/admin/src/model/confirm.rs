//! What waits for an operator's word.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an operator is asked to confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// That the clock, which jumped ahead, is right.
    Clock,
    /// That what a restored catalog does not know is not wanted any more.
    Restore,
}

/// An operator's word.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct Confirmation {
    /// About what.
    pub matter: Matter,
}

/// Something that waits for it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Unconfirmed {
    /// About what.
    pub matter: Matter,
    /// What is not done meanwhile, and why.
    pub reason: String,
    /// The command to type.
    pub command: String,
}
