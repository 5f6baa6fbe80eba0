//! Where the fragments of a part go.
//!
//! In a cluster the failure domains are sites, or all sites of a commune, a département
//! or an operator. A [`Policy`] says which sites may hold what (Cedar) and how fragments
//! must spread ([`SpreadRule`]); a [`SiteMap`] shows the sites. Both together give the
//! [`Candidates`], which plan new parts, say what of older ones drifts, and lead those
//! step by step to where they belong. Whatever cannot be done is a [`Refusal`] with its
//! reasons, in words of French and English.
//!
//! At one site the failure domains are its disks: the [`Geometry`] follows from
//! how many disks are healthy, and each stripe has one fragment per disk.
//!
//! Sites and disks with more free room are drawn more often, so that unequal ones fill
//! evenly.
//!
//! **Invariants**
//! - A placement never promises less than the sites can keep and never less than the
//!   rule asks for; otherwise the write is refused, saying why. At one site the number of
//!   disk losses it survives is that of the geometry for all healthy disks, also when
//!   some of them are full.
//! - Every placement has been proved by [`Placement::check`] or [`SitePlacement::check`]
//!   before it is returned.
//! - An error in a policy denies.
//! - What was found at one epoch of the map is not used with another.
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
    Breach, Candidates, Distinct, Drift, Drifted, Example, Fill, Guarantee, Move, Prefer, SiteDisk,
    SiteEntry, SiteMap, SiteMapError, SitePlacement, SiteReference, SiteState, Slot, SpreadRule,
    Stuck, guarantee, plan, satisfiable,
};
pub use disks::DiskFacts;
pub use explain::{Language, LanguageUnknown};
pub use facts::{SiteFacts, SiteStatement};
pub use geometry::Geometry;
pub use place::{PlaceError, Placement, place};
pub use planted::PLANTED;
pub use policy::{Action, Policy, PolicyError, Subject, Verdict};
pub use refusal::Refusal;
pub use repair::{another, replacement};
pub use site_file::{SiteFile, SiteFileError};
