//! A disk whose files lie in a bucket of another S3 system.
//!
//! [`BucketDisk`] is a [`disk::Disk`]: the fragment store works on it as on any other, with
//! the same segments, footers, compaction and checks. What differs is below:
//!
//! ```text
//!   write ──> memory ──sync──> one object for each run of bytes      (file)
//!   small objects ──in the background──> one folded object           (fold)
//!   read  ──> the pieces of the range, each by a request for a range (spans)
//!   start ──> one listing: names say what each object is             (name, replay)
//! ```
//! A group commit of the fragment store is one request, however many fragments it has.
//!
//! **Invariants**
//! - `sync_data` is `Ok` only when the other side has acknowledged every byte.
//! - What a file is follows from its objects in the order of their sequences; a request
//!   that was given up and arrives late changes nothing that was acknowledged after it.
//! - A removed file does not come back: its end is an object before its bytes are deleted,
//!   and that object goes last.
//! - A bucket that does not answer hangs, as a disk does; nothing in it is taken for lost.
//! - Two nodes never work in one bucket: who comes second is refused.

mod claim;
mod disk_in_bucket;
mod error;
mod file;
mod fold;
pub mod limits;
mod name;
mod remote;
mod replay;
mod settings;
mod spans;
mod sweeper;
pub mod testing;
mod window;

pub use disk_in_bucket::BucketDisk;
pub use error::BucketError;
pub use object_store::ObjectStore;
pub use settings::{BucketCredentials, BucketPlace};

use units::planted::PlantedBug;

/// The planted bugs of this crate; see [`units::planted`].
pub const PLANTED: &[PlantedBug] = &[
    PlantedBug {
        name: "bucket-answers-early",
        what: "a sync is answered although a request failed",
    },
    PlantedBug {
        name: "bucket-forgets-cuts",
        what: "what a failed write left comes back after a restart",
    },
    PlantedBug {
        name: "bucket-removes-plainly",
        what: "a file is removed without an object that says so",
    },
    PlantedBug {
        name: "bucket-folds-blindly",
        what: "folding counts as newer than what was written over it",
    },
];
