//! The sites of a cluster as placement sees them, what a rule asks of a spread, and the
//! planner.

mod candidates;
mod check;
mod drift;
mod example;
mod fill;
mod guarantee;
mod map;
mod moves;
mod plan;
mod promise;
mod rebuild;
mod recut;
mod search;
mod spread_rule;

pub use candidates::Candidates;
pub use check::Breach;
pub use drift::{Drift, Drifted};
pub use example::{Example, satisfiable};
pub use fill::Fill;
pub use guarantee::{Guarantee, guarantee};
pub use map::{SiteDisk, SiteEntry, SiteMap, SiteMapError, SiteState};
pub use moves::{Move, Stuck};
pub use plan::{SitePlacement, Slot, plan};
pub use spread_rule::{Distinct, Prefer, SiteReference, SpreadRule};
