//! The caretaker: plans lifecycle, the clearing of what erased tenants left, clean-up, scrub
//! and repair, and draws what sites are asked for.
//!
//! Pure: `(view of the catalog, now, facts) -> commands and tasks`, in bounded
//! batches with cursors. `steward` carries the plans out and keeps the cursors.
//!
//! **Invariants**
//! - A plan never deletes anything by itself: it proposes commands whose guards
//!   are checked again in the catalog's `apply`, object lock included, and whether a tenant is erased.
//! - Every call does a bounded amount of work.
//! - No clock and no randomness of its own.

mod clean_up;
mod custody;
mod erased;
mod lifecycle;
pub mod limits;
mod orphans;
mod pauses;
mod repair;
mod scrub;

pub use clean_up::{CleanUp, Removal, plan_clean_up};
pub use custody::{CustodyDraw, CustodyDrawn, custody_range};
pub use erased::{ErasedStep, ErasedSweep};
pub use lifecycle::{
    Days, LifecycleStep, LifecycleSweep, NextExpiration, next_abort, next_expiration,
};
pub use orphans::{FoundPart, condemn_orphans};
pub use repair::{BadFragment, RepairQueue, RepairScan, RepairScanned, RepairTask};
pub use scrub::{ScrubFacts, next_scrub, scrub_wait};
