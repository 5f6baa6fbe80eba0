//! Limits of placement; each says why it is there.

/// Longest name or short text of a statement: one line of a table.
pub const TEXT_BYTES_MAX: usize = 128;

/// Certificates of a site: each is looked at whenever a policy is asked.
pub const CERTIFICATIONS_MAX: usize = 32;

/// Sites of a cluster. About 20 is what one consensus group is made for; the planner's
/// sets of sites are the bits of one number.
pub const SITES_MAX: usize = 32;

/// Disks of one site: each is weighed when a slot is drawn.
pub const DISKS_PER_SITE_MAX: usize = 1_024;
