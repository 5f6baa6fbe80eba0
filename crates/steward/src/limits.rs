//! The limits of the steward, each with its reason.

use core::time::Duration;

use units::ByteCount;

/// Parts condemned with one command.
pub const CONDEMN_BATCH_MAX: usize = 256;

/// Names taken from a disk's listing at once by the orphan sweep.
pub const SWEEP_PAGE: usize = 4_096;

/// Unknown parts remembered between two sweeps; more are met again.
pub const SUSPECTS_MAX: usize = 100_000;

/// Released parts remembered while readers that began before may need them.
pub const RELEASED_MAX: usize = 100_000;

/// Bytes verified by one scrub step; bounds what a shutdown waits for.
pub const SCRUB_STEP_BYTES: ByteCount = ByteCount::new(8 * 1024 * 1024);

/// Fragments remembered whose checksums hold and which a reader could not open; those
/// beyond are met by readers again.
pub const DISTRUSTED_MAX: usize = 10_000;

/// Parts looked at by one step of the presence walk.
pub const PRESENCE_PAGE: usize = 256;

/// How long a task rests when it has nothing to do.
pub const REST: Duration = Duration::from_millis(500);

/// How long a task rests after a failed step.
pub const REST_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How often disks on which nothing is written any more are told that their last
/// commit is durable; decay of that commit is known for what it is from then on.
pub const SETTLE_EVERY: Duration = Duration::from_secs(5);

/// How often compaction looks for segments worth it.
pub const COMPACTION_EVERY: Duration = Duration::from_secs(30);

/// How often a repair that found no disk is tried again: with the next presence walk.
pub const REPAIRS_PER_STEP: usize = 16;

/// Rows looked at by one step of a key rotation.
pub const ROTATION_PAGE: usize = 256;

/// Rotations looked for in the catalog; each is one row.
pub const ROTATIONS_SHOWN_MAX: usize = 1_000;
