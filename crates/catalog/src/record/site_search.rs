//! Site search: how far the parts were searched for slots at a site that is to leave.
//!
//! ```text
//! 1 | site 16 | epoch | up to part?
//! ```
//! One row, there only while a search is under way; see `apply::leave`.
//!
//! **Invariant**: no part up to the one that the search has come to has a slot on a disk
//! that the site had in that epoch.

use serde::{Deserialize, Serialize};
use units::{Epoch, PartId, SiteId};

/// The search under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteSearch {
    /// Which site.
    pub site: SiteId,
    /// In which epoch it was begun: in another the site may have other disks.
    pub epoch: Epoch,
    /// The last part that was looked at; `None` before the first.
    pub through: Option<PartId>,
}
