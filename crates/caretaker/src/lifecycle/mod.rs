//! Lifecycle: what rules mean, and which commands carry them out.
//!
//! S3 User Guide, "Managing the lifecycle of objects". Several rules may match;
//! whichever ends a version first does.

mod days;
mod matching;
mod sweep;

pub use days::Days;
pub use matching::{NextExpiration, next_abort, next_expiration};
pub use sweep::{LifecycleStep, LifecycleSweep};
