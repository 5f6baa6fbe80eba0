//! A whole site in one process, over simulated disks: seeds, faults, invariants,
//! and a reference model to hold it against.
//!
//! Only faults that the promises of `docs/reliability.md` cover are injected, so
//! that any loss is a bug. First safety under faults, then everything heals and
//! liveness is required.

mod directory;
mod founding;
mod hardship;
mod locks;
mod model;
mod power;
mod recorder;
mod report;
mod site;
mod sweep;
mod trial;
mod uploads;
mod verbs;
mod versions;
mod world;

pub use directory::directory_trial;
pub use model::{Expected, Model};
pub use report::{Kind, TrialReport};
pub use site::{Running, Site, SiteOptions, simulator};
pub use sweep::{Point, SweepReport, crash_replay, crash_sweep};
pub use trial::{Trial, run_trial};
