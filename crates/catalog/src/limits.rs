//! Limits of the catalog; each says why it is there.
//!
//! Those marked **in the log's meaning** cut what a command asks for, without a refusal:
//! a replay of an old log under another value does other things than were answered, and
//! leaves other rows. So they are not changed: another value is for another command. The
//! limits that refuse are read by the same replay, and may only be raised while no log
//! holds a command that they refused.

use core::time::Duration;

/// S3: a part other than the last is at least this long.
pub const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

/// S3: an object is at most 5 TiB.
pub const OBJECT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024 * 1024;

/// S3: one multi-delete names at most this many objects.
pub const DELETE_ITEMS_MAX: usize = 1_000;

/// S3: a listing page has at most this many entries; larger asks are cut to it.
pub const LIST_ENTRIES_MAX: usize = 1_000;

/// Rows one page looks at before it ends early: a bucket full of delete markers
/// must not make one request long.
pub const LIST_ROWS_MAX: usize = 100_000;

/// Rows below a common prefix that are stepped over before it is seeked past: a
/// step is cheaper than a seek when a prefix has only a few keys.
pub const LIST_STEPS_BEFORE_SEEK: usize = 4;

/// S3: an object has at most this many tags.
pub const OBJECT_TAGS_MAX: usize = 10;

/// S3: a lifecycle document has at most this many rules.
pub const LIFECYCLE_RULES_MAX: usize = 1_000;

/// Longest stored bucket setting; a lifecycle document of 1,000 rules fits.
pub const SETTING_BYTES_MAX: usize = 512 * 1024;

/// Buckets of one tenant; bounds what deleting or erasing a tenant must look at.
pub const BUCKETS_PER_TENANT_MAX: usize = 10_000;

/// Users of one tenant, and access keys of one tenant; deleting a tenant removes them in one command.
pub const USERS_PER_TENANT_MAX: usize = 10_000;

/// Access keys of one tenant; see [`USERS_PER_TENANT_MAX`].
pub const KEYS_PER_TENANT_MAX: usize = 10_000;

/// Events kept in the change feed; a reader that falls further behind must start over.
/// **In the log's meaning.**
pub const FEED_EVENTS_MAX: u64 = 200_000;

/// Longest name of a tenant, user or job.
pub const NAME_BYTES_MAX: usize = 128;

/// Longest e-mail address (RFC 5321, section 4.5.3.1.3, less the angle brackets).
pub const EMAIL_BYTES_MAX: usize = 254;

/// Named keys of one tenant; a rotation re-wraps all of them.
pub const NAMED_KEYS_PER_TENANT_MAX: usize = 1_000;

/// Longest job state; a job keeps a cursor and a few counters, not a list.
pub const JOB_BYTES_MAX: usize = 64 * 1024;

/// Events one `FeedTrim` may drop.
/// **In the log's meaning.**
pub const FEED_TRIM_MAX: u64 = 10_000;

/// Manifest rows one `ReleaseAdvance` may take apart; keeps a log entry short.
/// **In the log's meaning.**
pub const RELEASE_ROWS_MAX: u32 = 10_000;

/// Stripes of a part that may be cut anew: the names of its fragments have 21 bits for them.
/// A part of 5 GiB in stripes of 64 KiB has 81,920.
/// **In the log's meaning.**
pub const PART_RECUT_STRIPES_MAX: u32 = 1 << 21;

/// The codec of a part that was cut anew, whose fragments are named by their code.
/// **In the log's meaning.**
pub const PART_RECUT_CODEC: u8 = 2;

/// Versions one `BucketClear` may take out; as many as a multi-delete.
/// **In the log's meaning.**
pub const CLEAR_VERSIONS_MAX: u32 = 1_000;

/// Parts one `DiskForget` may look at; keeps a log entry short.
/// **In the log's meaning.**
pub const DISK_FORGET_ROWS_MAX: u32 = 10_000;

/// Forgotten disks that are remembered: their row is read for each part that is written.
/// A site that has lost so many loses one a week for five years.
pub const DISKS_FORGOTTEN_MAX: usize = 256;

/// Commands accepted in one log entry when decoding; the proposer packs far fewer.
pub const COMMANDS_PER_ENTRY_MAX: usize = 65_536;

const _: () = assert!(PART_BYTES_MIN < OBJECT_BYTES_MAX, "a part fits in an object");

/// Sites of one cluster. It is meant for about 20, and while sites are replaced there are
/// more; all of them are read at once.
pub const SITES_MAX: usize = 32;

/// Nodes of one cluster; all of them are read at once, as are the sites.
pub const NODES_MAX: usize = 128;

/// Disks of one node: the bays of a large machine, with some to spare.
pub const DISKS_PER_NODE_MAX: usize = 96;

/// Disks of one site, at all its nodes; placement weighs each whenever it draws one.
pub const DISKS_PER_SITE_MAX: usize = 1_024;

/// Addresses of one node: by name and by number, at home and from outside.
pub const NODE_ADDRESSES_MAX: usize = 8;

/// Longest address of a node: a host name of 253 bytes (RFC 1035, section 2.3.4), a colon
/// and a port.
pub const NODE_ADDRESS_BYTES_MAX: usize = 259;

/// Longest statement of a site; one with a dozen certifications takes 2 KiB.
pub const SITE_STATEMENT_BYTES_MAX: usize = 16 * 1024;

/// Parts one `SiteRemove` may look at; keeps a log entry short.
/// **In the log's meaning.**
pub const SITE_REMOVE_ROWS_MAX: u32 = 10_000;

/// Invitations that are open at a time; each is a key that a node may come in by.
pub const INVITES_OPEN_MAX: usize = 32;

/// Used and expired invitations that are remembered; the oldest go first.
/// **In the log's meaning.**
pub const INVITES_CLOSED_MAX: usize = 64;

/// How long a used or expired invitation is remembered: who comes late is told so within
/// a week.
/// **In the log's meaning.**
pub const INVITE_CLOSED_KEPT: Duration = Duration::from_hours(7 * 24);

/// How long an invitation may be open: a token that lies about longer is made anew.
pub const INVITE_LIFE_MAX: Duration = Duration::from_hours(30 * 24);

/// Longest text that says who made an invitation.
pub const INVITE_MADE_BY_BYTES_MAX: usize = NAME_BYTES_MAX;

/// Longest placement policy; thousands of rules fit.
pub const POLICY_BYTES_MAX: usize = 64 * 1024;

const _: () = assert!(SITES_MAX <= NODES_MAX, "every site has a node");

/// Failed answers of a node that are kept: each may be of a fragment of its own, and one
/// that counts thousands is known well enough. The oldest go first.
/// **In the log's meaning.**
pub const CUSTODY_FAILURES_MAX: usize = 16;

/// How long a failed answer is kept: over one yearly audit.
/// **In the log's meaning.**
pub const CUSTODY_FAILURE_KEPT: Duration = Duration::from_hours(400 * 24);

/// Nodes of which answers are kept, those that have left among them.
/// **In the log's meaning.**
pub const CUSTODY_NODES_MAX: usize = 2 * NODES_MAX;

/// Failed answers that one command may bring, of one node.
pub const CUSTODY_NOTED_MAX: usize = CUSTODY_FAILURES_MAX;

/// Most part keys that one command wraps anew: about 100 KiB of command.
pub const PART_KEYS_REWRAP_MAX: usize = 512;

/// Buckets that may share one part by copies: the policies of all of them bind it, and its
/// row names them. A copy into one more is refused; its bytes can still be written anew.
pub const PART_BUCKETS_MAX: usize = 64;

/// Parts at which one command notes their bucket; keeps a log entry short.
pub const PART_BUCKETS_NOTE_MAX: usize = 1_000;
