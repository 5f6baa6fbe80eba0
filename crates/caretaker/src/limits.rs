//! Limits of the caretaker; each says why it is there.

use core::time::Duration;

/// Versions or uploads one lifecycle step looks at: one listing page.
pub const LIFECYCLE_ROWS_MAX: usize = 1_000;

/// Buckets one lifecycle step passes that have no rules, before it returns.
pub const LIFECYCLE_BUCKETS_MAX: usize = 1_000;

/// Tenants one step looks at for those that are erased, before it returns.
pub const ERASED_TENANTS_MAX: usize = 1_000;

/// Released parts one clean-up plan names; as many as one command may forget.
pub const CLEAN_UP_PARTS_MAX: usize = 1_000;

/// Manifest rows that one clean-up asks the catalog to take apart.
pub const CLEAN_UP_ROWS_MAX: u32 = 2_000;

/// Parts one repair scan looks at.
pub const REPAIR_PARTS_MAX: usize = 1_000;

/// Repairs that wait; when there are more, the least urgent are dropped and
/// found again by the next scan.
pub const REPAIR_TASKS_MAX: usize = 100_000;

/// How long a part waits whose repair was in vain for the first time: as long as until
/// lost disks are next looked for, so that a short want costs no more than one turn.
pub const REPAIR_PAUSE_MIN: Duration = Duration::from_mins(1);

/// How long it waits at most: fragments that come back in another way than with their
/// disk are made use of within an hour.
pub const REPAIR_PAUSE_MAX: Duration = Duration::from_hours(1);

/// Most bytes of a fragment that one question of custody is about: its node reads blocks of
/// 64 KiB anyway, and k + 1 times as many go over the lines between sites.
pub const CUSTODY_RANGE_BYTES: usize = 4 * 1024;
