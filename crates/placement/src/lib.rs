//! Where the fragments of a part go.
//!
//! At one site the failure domains are its disks: the [`Geometry`] follows from
//! how many disks are healthy, and each stripe has one fragment per disk. Disks
//! with more free room are drawn more often, so that unequal disks fill evenly.
//!
//! **Invariants**
//! - A placement never promises less than the site can keep: the number of disk
//!   losses it survives is that of the geometry for all healthy disks, also
//!   when some of them are full; otherwise the write is refused, saying why.
//! - Every placement has been checked by [`Placement::check`] before it is returned.
//! - Nothing here knows a key.

mod cluster;
mod disks;
pub mod document;
pub mod explain;
pub mod facts;
mod geometry;
pub mod limits;
mod place;
mod planted;
pub mod policy;
pub mod refusal;
mod repair;
mod site_file;

pub use cluster::{
    Breach, Candidates, Distinct, Drift, Drifted, Example, Guarantee, Move, Prefer, SiteDisk,
    SiteEntry, SiteMap, SiteMapError, SitePlacement, SiteReference, SiteState, Slot, SpreadRule,
    Stuck, guarantee, plan, satisfiable,
};
pub use disks::DiskFacts;
pub use explain::Language;
pub use facts::{SiteFacts, SiteStatement};
pub use geometry::Geometry;
pub use place::{PlaceError, Placement, place};
pub use planted::PLANTED;
pub use policy::{Action, Policy, PolicyError, Subject, Verdict};
pub use refusal::Refusal;
pub use repair::{another, replacement};
pub use site_file::{SiteFile, SiteFileError};
