//! The vocabulary of the house: ids, counts, time, and the two traits through
//! which anything may learn the time or draw a random number.
//!
//! Every other crate speaks in these types, so that a byte count is never
//! mistaken for an epoch and a bucket never for a tenant.
//!
//! **Invariant**: nothing here performs I/O, reads a clock or draws randomness
//! of its own. The real halves of [`Clock`] and [`Random`] live in `host`.

mod clock;
mod count;
pub mod hash;
mod id;
mod key;
pub mod limits;
pub mod planted;
mod random;

pub use clock::{Clock, SimClock, Timestamp};
pub use count::{
    ByteCount, Epoch, FragmentNumber, LogIndex, ObjectCount, PartNumber, Sequence, StripeNumber,
};
pub use id::{
    BucketId, ClusterId, DiskId, InviteId, NodeId, ParseIdError, PartId, ReferenceId, SiteId,
    TenantId, UploadId, UserId,
};
pub use key::{NodePublicKey, ParseKeyError, Signature};
pub use random::{Random, SimRandom};
