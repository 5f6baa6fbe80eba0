//! What waits for an operator's word.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an operator is asked to confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// That the clock, which jumped ahead, is right.
    Clock,
    /// That what a restored catalog does not know is not wanted any more.
    Restore,
}

impl Matter {
    /// Every matter there is.
    pub const ALL: [Self; 2] = [Self::Clock, Self::Restore];

    /// The word for it: on the command line, in the JSON, in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Restore => "restore",
        }
    }
}

/// An operator's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confirmation {
    /// About what.
    pub matter: Matter,
    /// About the clock: what it said when the operator looked at it, or what time it is
    /// by another clock. It is refused if the clock says something else by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
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
    /// About the clock: what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}
