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

/// Longest `site.toml`: 32 certificates with the longest names, and comments.
pub const SITE_FILE_BYTES_MAX: usize = 64 * 1024;

/// Longest policy document: it is kept in a row of the catalog, and validating a Cedar
/// text takes time and memory that grow with it.
pub const POLICY_BYTES_MAX: usize = 32 * 1024;

/// Cedar policies in one document: all are evaluated for each site.
pub const CEDAR_POLICIES_MAX: usize = 64;

/// Failure domains that a rule may let vanish: a cluster has about 20 sites, and beyond
/// a third of them there is no majority left.
pub const SURVIVE_MAX: u8 = 8;

/// Farthest two sites can be asked to be from each other: half the Earth's circumference
/// is 20,015 km.
pub const DISTANCE_KILOMETRES_MAX: u16 = 20_000;

/// Steps of one search for sites. Each step looks at another set of sites that go
/// together, so 20 sites, which have 2^20 sets, never come to it.
pub const SEARCH_STEPS_MAX: u32 = 1 << 20;

const _: () = assert!(SITES_MAX <= 32, "a set of sites is the bits of a u32");

/// Hundredths by which a site must be fuller than another before parts move for balance:
/// each move costs the network as much as it gains room.
pub const REBALANCE_PERCENT: u64 = 10;
