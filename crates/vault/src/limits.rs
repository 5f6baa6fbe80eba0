//! What bounds the vault.

/// Most unwrapped keys kept in memory at once; one more evicts the oldest.
pub const CACHED_KEYS_MAX: usize = 4_096;

/// Most shredded tenants and buckets remembered until a rotation forgets them for good.
pub const SHREDDED_MAX: usize = 65_536;

/// Longest passphrase, in bytes.
pub const PASSPHRASE_BYTES_MAX: usize = 1_024;

/// Largest root key file read, in bytes.
pub const KEY_FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// argon2id memory in KiB: 64 MiB, the second recommended option of RFC 9106 §4.
pub const ARGON2_MEMORY_KIB: u32 = 64 * 1024;

/// argon2id passes: RFC 9106 §4.
pub const ARGON2_PASSES: u32 = 3;

/// argon2id lanes: one, since a small machine has few cores.
pub const ARGON2_LANES: u32 = 1;

/// Most argon2id memory a key file may ask for, in KiB, so that a damaged file cannot exhaust memory.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 1024 * 1024;

/// Most argon2id passes a key file may ask for.
pub const ARGON2_PASSES_MAX: u32 = 64;
