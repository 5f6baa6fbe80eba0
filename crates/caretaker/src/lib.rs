//! The caretaker: plans lifecycle, clean-up, scrub, repair and compaction.
//!
//! Pure: `(view of the catalog, now, facts) -> commands and effects`, in bounded
//! batches with cursors. `steward` carries the plans out and remembers the
//! cursors.
//!
//! **Invariants**
//! - A plan never deletes anything by itself: it proposes commands whose guards
//!   are checked again in the catalog's `apply`, object lock included.
//! - Every call does a bounded amount of work.
