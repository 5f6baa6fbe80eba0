//! Carries out what the caretaker plans, within budgets.
//!
//! | duty | what it does |
//! |---|---|
//! | clean-up | removes the fragments of released parts, then has the catalog forget the parts |
//! | key shredding | destroys keys of erased tenants where a stop came in between |
//! | condemning | parts of failed writes, and fragments the catalog does not know; clears copies away that a repair left |
//! | clearing | takes apart what erased tenants left, bucket by bucket |
//! | lifecycle | proposes what the bucket rules say |
//! | scrub | reads every fragment against its checksums, at a bounded rate |
//! | survey | counts what lies on disks that are missing |
//! | repair | rebuilds bad and missing fragments, empties lost disks |
//! | whose parts are | notes the buckets of parts that were written before rows had them |
//! | second copies | copies what was written on one disk to another that came later |
//! | custody | asks each site for what it should have, keeps the signed answers |
//! | moves | brings parts to where their policies want them, empties sites, evens out; cuts anew what no move mends |
//! | the unreadable | lists what cannot be rebuilt, and whose it is |
//! | key rotation | wraps keys anew, page by page, then retires the old ones |
//! | compaction | gives back the room of removed fragments |
//!
//! **Invariants**
//! - Nothing is removed but on the catalog's word, and a copy is verified before
//!   what it replaces is let go.
//! - Every step is bounded, may be cut at any point and done again.
//! - All tasks hang on one tree and end with it, and none ends unseen before.

mod buckets;
mod census;
mod claims;
mod clean_up;
mod clearing;
mod compaction;
mod copies;
mod custody;
mod error;
mod forget;
mod found_cut;
mod hands;
mod homeless;
mod lifecycle;
pub mod limits;
mod losses;
mod moves;
mod orphans;
mod places;
mod planted;
mod rebuild;
mod recut;
mod repair;
mod replace;
mod rotation;
mod round;
mod scrub;
mod second_copies;
mod settings;
mod status;
mod steward;
mod tasks;
mod told;
mod unreadable;

pub use census::{Census, FragmentState};
pub use custody::{CustodyCounts, CustodyIdentity, custody_accuses, custody_is_signed};
pub use error::StewardError;
pub use forget::DiskForgetError;
pub use losses::{Holding, Losses};
pub use moves::{Moves, MovesPhase, SiteMoves, Slots};
pub use planted::PLANTED;
pub use repair::RepairOutcome;
pub use replace::Replacement;
pub use rotation::{Rotation, RotationOf, RotationPhase, RotationStartError};
pub use settings::Settings;
pub use status::{ScrubProgress, Status};
pub use steward::Steward;
pub use tasks::{DutyEnded, Tasks};
pub use unreadable::{Unreadable, UnreadablePart};
