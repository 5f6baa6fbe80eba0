//! Map: the one row that says which version of the site map this is.
//!
//! ```text
//! 1 | epoch
//! ```
//! Not there until a site says who it is (`MapFound`). Sites, nodes and policies have
//! rows of their own; with each change of them that matters to placement the epoch
//! grows, and so one number says whether a placement was decided on what is so now.

use serde::{Deserialize, Serialize};
use units::Epoch;

/// The map's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// The version of the map; the first is 1.
    pub epoch: Epoch,
}
