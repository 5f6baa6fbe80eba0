//! Sizes that several rooms must agree on.

/// Plaintext bytes sealed and checksummed at once; a 64 KiB range read opens one or two.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Most plaintext bytes in a stripe, the unit of erasure coding.
pub const STRIPE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Objects up to this size are kept, sealed, inline in the catalog.
pub const INLINE_BYTES_MAX: usize = 8 * 1024;

/// Most data and parity fragments in a stripe.
pub const FRAGMENTS_MAX: usize = 32;

/// S3: a multipart upload has at most this many parts.
pub const PARTS_MAX: usize = 10_000;

/// S3: an object key is at most this many bytes of UTF-8.
pub const OBJECT_KEY_BYTES_MAX: usize = 1_024;

const _: () = assert!(STRIPE_BYTES_MAX.is_multiple_of(CHUNK_BYTES), "a stripe is whole chunks");
const _: () = assert!(INLINE_BYTES_MAX < CHUNK_BYTES, "an inline object is one chunk");
