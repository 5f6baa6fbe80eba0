//! A whole site in one process, over simulated disks: seeds, faults, invariants,
//! and a reference model to hold it against.
//!
//! Only faults that the promises of `docs/reliability.md` cover are injected, so
//! that any loss is a bug. First safety under faults, then everything heals and
//! liveness is required.

mod hardship;
mod model;
mod site;
mod trial;
mod versions;

pub use model::{Expected, Model};
pub use site::{Running, Site, SiteOptions, simulator};
pub use trial::{Trial, TrialReport, run_trial};
