//! The fragment store: append-only segments of self-describing records on local
//! disks, group-committed, checksummed, rebuilt from themselves alone.
//!
//! A disk holds an identity file and numbered segments:
//! ```text
//!   disk.id                 who this disk is            (identity)
//!   segments/00000001.seg   head, records, footer       (segment, record, footer)
//!   segments/00000002.seg   head, records …             the open one
//! ```
//! [`FragmentStore`] is what the rest of the house holds: asynchronous, several
//! disks, one writer thread each. Underneath, [`DiskStore`] does one disk with
//! blocking calls, so that tests can drive it over a simulated disk and cut the
//! power at every operation.
//!
//! [`ClusterStore`] is one handle for the disks of all nodes: this node's by its
//! [`FragmentStore`], the others' by calls that their [`FragmentService`] answers.
//! ```text
//!   ClusterStore ── own disk ──> FragmentStore
//!        └───────── other ─────> wire ──> FragmentService ──> FragmentStore there
//! ```
//!
//! **Invariants**
//! - `Ok` means durable; a removed fragment never comes back.
//! - No byte is handed out that does not match its checksum.
//! - Nothing read from a disk can panic.
//! - What crosses the network is verified where it arrives, both ways.
//! - The store knows no key and no object.

mod bytes_read;
mod checksum;
mod cluster;
mod compact;
mod contents;
mod custody;
mod disk_store;
mod error;
mod footer;
mod identity;
mod index;
mod inspect;
pub mod limits;
mod mark;
mod name;
mod position;
mod protocol;
mod read;
mod record;
mod recover;
mod report;
mod scan;
mod segment;
mod service;
mod shared;
mod store;
mod tail;
pub mod testing;
mod work;
mod writer;

pub use cluster::{ClusterStore, Patience, Reach, Waits};
pub use custody::{Challenge, CustodyProof, CustodySigner, Holding, Nonce, SignedHolding};
pub use disk_store::DiskStore;
pub use error::{OpenError, ReadError, WriteError};
pub use identity::Identity;
pub use name::{Fragment, FragmentHeader, FragmentName, Listed};
pub use report::{
    CompactReport, DiskReport, DiskSpace, DiskState, NodeReport, Poison, ScrubCursor, ScrubReport,
};
pub use service::FragmentService;
pub use shared::Options;
pub use store::FragmentStore;
pub use work::Work;

use units::planted::PlantedBug;

/// The planted bugs of this crate; see [`units::planted`].
pub const PLANTED: &[PlantedBug] = &[
    PlantedBug { name: "fragments-skips-sync", what: "answers without fdatasync" },
    PlantedBug { name: "fragments-ignores-sync-error", what: "answers although fdatasync failed" },
    PlantedBug {
        name: "fragments-skips-directory-sync",
        what: "answers before a new segment's name is durable",
    },
    PlantedBug {
        name: "fragments-opens-without-sync",
        what: "builds on what a killed process wrote without making it durable",
    },
    PlantedBug {
        name: "fragments-skips-block-checksum",
        what: "hands out blocks that do not match their checksums",
    },
    PlantedBug {
        name: "fragments-trusts-torn-footer",
        what: "takes a footer whose entries do not match their checksum",
    },
    PlantedBug {
        name: "fragments-compacts-carelessly",
        what: "removes a compacted segment before its copies are durable",
    },
    PlantedBug {
        name: "fragments-drops-removals",
        what: "compaction drops removals that still kill something",
    },
    PlantedBug {
        name: "fragments-ages-removals",
        what: "a removal that compaction moved kills what was stored after it",
    },
    PlantedBug { name: "fragments-forgets-removal", what: "a removal changes the index only" },
    PlantedBug {
        name: "fragments-ignores-marks",
        what: "forgets what the marks know of records whose header decayed",
    },
    PlantedBug {
        name: "fragments-trusts-wire-bytes",
        what: "takes payloads from other nodes without looking at their checksums",
    },
    PlantedBug {
        name: "fragments-answers-before-remote",
        what: "answers an append before the disk's node did",
    },
    PlantedBug {
        name: "fragments-trusts-old-reports",
        what: "takes what a node said last for how its disks do, however long ago that was",
    },
    PlantedBug {
        name: "fragments-answers-strangers",
        what: "answers whoever asks, also a machine that only holds an invitation",
    },
];
