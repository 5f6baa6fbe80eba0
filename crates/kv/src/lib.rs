//! The catalog's ordered key-value engine.
//!
//! One trait, [`Engine`], behind two halves: [`FjallEngine`] over the operating
//! system's files, and [`SimEngine`], which keeps rows in memory and loses a
//! suffix of what was not persisted when its power is cut.
//!
//! The engine is *not* the durability of a command: the consensus log is. That
//! is why [`Engine::commit`] does not wait for a disk, and why all an engine
//! must promise is order.
//!
//! **Invariants**
//! - After a crash or a power cut the rows are those of *some* prefix of the
//!   committed batches, never of half a batch, and at least of every batch
//!   committed before the last successful [`Engine::persist`].
//! - A view never changes; it sees whole batches only. After [`Engine::reopen`] it
//!   answers with an error rather than with other rows.
//! - Rows whose key starts with [`RESERVED_PREFIX`] belong to whoever drives the
//!   engine (the last applied log position), never to the catalog.

mod engine;
mod error;
mod fjall_engine;
mod fjall_give_back;
mod fjall_journals;
mod fjall_rows;
mod fjall_slot;
pub mod limits;
mod settings;
mod sim_engine;

pub use engine::{Cause, Engine, RESERVED_PREFIX};
pub use error::KvError;
pub use fjall_engine::FjallEngine;
pub use settings::{Compression, Settings};
pub use sim_engine::SimEngine;

/// The planted bugs of this crate; see [`units::planted`].
pub const PLANTED: &[units::planted::PlantedBug] = &[units::planted::PlantedBug {
    name: "kv-cuts-unflushed-journal",
    what: "gives back the journal of rows that are not in tables yet",
}];
