//! The catalog's consensus: a Raft log of commands, applied to the engine's rows.
//!
//! ```text
//! propose ─► queue ─► proposer packs ─► openraft ─► log: one write, one sync
//!                                           │
//! answers ◄──────────────── outcomes ◄── state machine ─► engine (no sync)
//!                                                             │ checkpoint:
//!                                                  persist, then purge the log
//! ```
//!
//! A site alone is a cluster of one voter: the same path, with nobody to ask.
//!
//! **Invariants**
//! - A command is answered after its log entry is synced and applied, never before.
//! - The log is purged only up to what the engine has persisted; what a power cut
//!   takes from the engine is replayed from the log.
//! - An engine that is ahead of its log, or behind the log's beginning, refuses
//!   to open: something was lost that only a backup can bring back.
//! - Stamps never go back, whatever the clocks do, and no minority of the voters' clocks
//!   pushes them ahead.
//! - A failed log stops the answers, not the reads.

mod acquainting;
mod admission;
mod answering;
mod applied;
mod backup;
mod checkpoint;
mod clock_asking;
mod clocks;
mod consensus;
mod error;
mod forward;
mod handing;
mod health;
mod keeper;
mod leading;
mod lease;
pub mod limits;
pub mod log;
mod member;
mod message;
mod network;
mod proposer;
mod reading;
mod round;
mod runtime;
mod seating;
mod seats;
mod snapshot;
mod stamps;
mod standing;
mod state_machine;
#[cfg(test)]
mod storage_suite;
mod telling_time;
mod told;
mod touch;
mod types;
mod words;

pub use acquainting::Introduction;
pub use backup::{BackupError, BackupReport, RestoreError, RestoreParts, backup_verify, restore};
pub use checkpoint::CheckpointRule;
pub use clocks::ClockOff;
pub use consensus::{Consensus, Parts, Status};
pub use error::{CatalogFull, Fate, OpenError, ProposeError, Unavailable};
pub use handing::LeadRule;
pub use health::Condition;
pub use member::{Member, Seat};
pub use runtime::seed_elections;
pub use snapshot::CatalogSnapshot;
pub use stamps::{ClockAhead, ClockConfirmError};
pub use touch::CutOff;

/// The planted bugs of this crate; see [`units::planted`].
pub const PLANTED: &[units::planted::PlantedBug] = &[
    units::planted::PlantedBug {
        name: "consensus-skip-log-sync",
        what: "acknowledges log records that were written and not synced",
    },
    units::planted::PlantedBug {
        name: "consensus-answer-before-append",
        what: "applies and answers commands before their entry is in the log",
    },
    units::planted::PlantedBug {
        name: "consensus-forget-applied",
        what: "writes the rows of an entry without the note that it was applied",
    },
    units::planted::PlantedBug {
        name: "consensus-purge-before-persist",
        what: "purges the log of entries that the engine has not persisted",
    },
    units::planted::PlantedBug {
        name: "consensus-forget-after-full",
        what: "answers without writing again the batch that met a full disk",
    },
    units::planted::PlantedBug {
        name: "consensus-takes-more-than-fits",
        what: "a voter short of room says that it took entries which it left",
    },
    units::planted::PlantedBug {
        name: "consensus-cut-off-damage",
        what: "takes damage inside the log for a torn tail and cuts it off",
    },
    units::planted::PlantedBug {
        name: "consensus-behind-failed-write",
        what: "writes records behind those of a write that failed, which were not cut off",
    },
    units::planted::PlantedBug {
        name: "consensus-forward-again",
        what: "sends commands again that the leader may have taken already",
    },
    units::planted::PlantedBug {
        name: "consensus-forward-early",
        what: "answers a forwarded command before this node shows what was done",
    },
    units::planted::PlantedBug {
        name: "consensus-forgets-it-led",
        what: "is read as a leader that began again before its log is applied",
    },
    units::planted::PlantedBug {
        name: "consensus-lease-for-good",
        what: "a leader is read on a lease that has run out",
    },
    units::planted::PlantedBug {
        name: "consensus-lease-unanswered",
        what: "a leader counts on the promise of nodes that did not answer",
    },
    units::planted::PlantedBug {
        name: "consensus-read-unconfirmed",
        what: "a leader without a lease is read without asking a majority",
    },
    units::planted::PlantedBug {
        name: "consensus-read-unasked",
        what: "a node that does not lead is read without asking the leader",
    },
    units::planted::PlantedBug {
        name: "consensus-read-untold",
        what: "a leader is read before it has applied what another applied on its word",
    },
    units::planted::PlantedBug {
        name: "consensus-old-directory",
        what: "carries out a command that was decided by rules that have changed since",
    },
    units::planted::PlantedBug {
        name: "consensus-own-clock",
        what: "stamps by the clock of whoever leads, whatever those of the others say",
    },
    units::planted::PlantedBug {
        name: "consensus-seats-share-a-site",
        what: "two nodes of one site vote",
    },
    units::planted::PlantedBug {
        name: "consensus-hand-over-unheld",
        what: "goes on proposing while the lead is handed over",
    },
];
