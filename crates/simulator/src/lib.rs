//! A whole site in one process, over simulated disks, and a whole cluster of sites over
//! simulated lines: seeds, faults, invariants, and reference models to hold them against.
//!
//! Only faults that the promises of `docs/reliability.md` cover are injected, so
//! that any loss is a bug. First safety under faults, then everything heals and
//! liveness is required.

mod directory;
mod founding;
mod grappe;
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
pub use grappe::{Event, GrappeReport, GrappeTrial, run_grappe};
pub use model::{Expected, Model};
pub use report::{Kind, TrialReport};
pub use site::{Running, Site, SiteOptions, simulator};
pub use sweep::{Point, SweepReport, crash_replay, crash_sweep};
pub use trial::{Trial, run_trial};
