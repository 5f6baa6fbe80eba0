//! The catalog: a deterministic state machine over ordered rows.
//!
//! `apply(rows, command) -> outcome + events`; no clock, no randomness, no I/O:
//! time and random ids come inside the command, stamped by whoever proposes it,
//! and rows are reached through the [`Rows`] trait.
//!
//! **Invariants**
//! - Equal rows and equal commands give equal rows, outcomes and events, on
//!   every machine and in every version that reads the same format.
//! - Preconditions are checked inside `apply`, so they are atomic.
//! - The catalog cannot see `disk` or `wire` and never holds an unwrapped key.

mod rows;

pub use rows::{Batch, MemoryRows, Rows, RowsError};
