//! A whole cluster in one process, from a seed: machines with their own catalogs, voters
//! and learners, stewards and fragments, over simulated disks, lines and time.
//!
//! ```text
//! clients ──> any site ──> objects ─> consensus ─┐      ledger: what may be read
//! operator ─> sites, policies                    ├─ wire, simulated
//! bad luck ─> power, lines, rot        fragments ─┘      judge: what may lie where
//! ```
//! First safety while everything goes wrong, then everything heals and liveness is
//! required. What must hold has a file each in `invariants`.
//!
//! A trial runs on a runtime of one thread with a paused clock, and what would block is done
//! on the spot, so that a seed repeats itself, nearly: `tokio::select!` without `biased`
//! and the hash maps of the standard library draw from the operating system. A seed that
//! broke breaks again most times.

mod client;
mod clock;
mod draw;
mod fate;
mod following;
#[expect(clippy::module_inception, reason = "the cluster itself, among what surrounds it")]
mod grappe;
mod invariants;
mod judge;
mod judged_engine;
mod ledger;
mod machine;
mod report;
mod rules;
mod town;
mod trial;

pub use report::{Event, GrappeReport};
pub use trial::{GrappeTrial, run_grappe};
