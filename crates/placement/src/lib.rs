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

mod disks;
pub mod facts;
mod geometry;
pub mod limits;
mod place;
mod repair;

pub use disks::DiskFacts;
pub use facts::{SiteFacts, SiteStatement};
pub use geometry::Geometry;
pub use place::{PlaceError, Placement, place};
pub use repair::{another, replacement};
