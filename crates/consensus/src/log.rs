//! The consensus log: append-only segment files, checksummed and group-committed.
//!
//! ```text
//! log/
//!   segment-0000000000000007      oldest kept
//!   segment-0000000000000008      newest: the only one written to
//!   segment-0000000000000009.new  in the making; worth nothing, removed at start
//! ```
//!
//! Everything the log must remember, entries, votes, the committed position,
//! truncations and purges, is a record in one sequence ([`record`]); a segment
//! ([`segment`]) is a header and a run of records. The state is what replaying
//! the records in order gives, so there is one file to sync per append and no
//! second file that could disagree.
//!
//! **Invariants**
//! - An append is acknowledged after its bytes are synced, never before.
//! - A torn tail, which only an unacknowledged append can leave, is cut off at
//!   start. Damage anywhere else refuses the start: committed entries are never
//!   dropped silently. The two are told apart by the synced length that every
//!   record carries.
//! - Bytes that a client chose, wherever they stand in the log, are not taken for a
//!   record: the checksums of each segment have a salt of its own ([`Salt`]).
//! - Segments are removed oldest first, after the purge that covers them is durable.
//! - A failed sync ends the log for this process; a failed write is cut off and
//!   may be tried again.

mod error;
pub(crate) mod index;
pub mod record;
mod salt;
pub mod segment;
mod segment_log;
pub(crate) mod store;
pub(crate) mod writer;

pub use error::LogError;
pub use salt::Salt;
pub use segment_log::{LogOptions, SegmentLog};
