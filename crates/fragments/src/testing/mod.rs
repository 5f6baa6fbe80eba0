//! Trials of the store over the simulated disk: seeded workloads against a model,
//! power cuts at every operation, faults at every operation, decay of every bit; and of
//! several nodes between which calls go wrong.
//!
//! Here rather than in a test, so that the simulator can run the same trials for
//! hours. Every failure is a sentence that ends with the command that repeats it.

mod chance;
mod cluster;
mod hostile;
mod model;
mod relay;
mod rot;
mod sweep;
mod workload;

pub use cluster::{cluster_run, reports_run};
pub use hostile::{Hostile, Lie};
pub use relay::{Mishap, Relay, RelayNetwork};
pub use rot::{RotReport, rot_sweep};
pub use sweep::{CrashReport, FaultReport, crash_replay, crash_sweep, fault_sweep};
pub use workload::model_run;
