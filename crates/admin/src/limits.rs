//! What the API accepts at most.

use core::time::Duration;

/// A request's body: names, quotas and a list of buckets fit many times over.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Entries in one page of a list.
pub const PAGE_ENTRIES_MAX: usize = 1_000;

/// Entries in a page when the caller names no number.
pub const PAGE_ENTRIES_DEFAULT: usize = 100;

/// A name of a tenant, user, token or administrator, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// A password, in bytes: hashing must not be a way to spend the node's time.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// API tokens that may exist; each is one line of a small file.
pub const TOKENS_MAX: usize = 1_000;

/// Administrators that may exist.
pub const ADMINISTRATORS_MAX: usize = 100;

/// Sessions open at once; the oldest ends when one more begins.
pub const SESSIONS_MAX: usize = 256;

/// How long a session lasts: a working day.
pub const SESSION_LIFE: Duration = Duration::from_hours(12);

/// Wrong passwords in a row for one name from one address that are checked at once;
/// then one each [`LOGIN_REFILL`].
pub const LOGIN_BURST: u32 = 5;

/// How long until one more password is checked after a burst of wrong ones.
pub const LOGIN_REFILL: Duration = Duration::from_secs(10);

/// Wrong passwords for one name from all strange addresses together; then one each
/// [`LOGIN_NAME_REFILL`]. High enough that one address alone never gets there.
pub const LOGIN_NAME_BURST: u32 = 50;

/// How long until one more is checked for a name that many addresses try: 43,200 a day.
pub const LOGIN_NAME_REFILL: Duration = Duration::from_secs(2);

/// Addresses that an administrator has logged in from, of which each is counted by
/// itself; the oldest is forgotten.
pub const LOGIN_HOMES_MAX: usize = 8;

/// Pairs of a name and an address whose tries are remembered; some 100 bytes each.
pub const LOGIN_PAIRS_MAX: usize = 4_096;

const _: () = assert!(
    LOGIN_BURST < LOGIN_NAME_BURST && LOGIN_NAME_REFILL.as_secs() < LOGIN_REFILL.as_secs(),
    "one address is stopped long before it stops the others"
);

/// Logins waiting to be checked; each check takes tens of milliseconds and
/// 19 MiB, and they are checked one at a time.
pub const LOGINS_WAITING_MAX: usize = 16;

/// Memory of one password check, in KiB (argon2id; OWASP's second choice, which
/// keeps the node small).
pub const PASSWORD_MEMORY_KIB: u32 = 19 * 1_024;

/// Passes of one password check.
pub const PASSWORD_PASSES: u32 = 2;

/// Buckets an access key may be limited to; more call for a policy.
pub const BUCKETS_IN_SCOPE_MAX: usize = 100;

/// Characters of a name somebody typed that the log keeps when it is refused.
pub const NAME_LOGGED_MAX: usize = 64;

/// Languages of one request that are looked at: people name a few.
pub const LANGUAGES_ASKED_MAX: usize = 32;
