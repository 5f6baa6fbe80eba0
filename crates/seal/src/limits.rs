//! Sizes of sealed things, and how many of them there may be.

use units::limits::{CHUNK_BYTES, STRIPE_BYTES_MAX};

/// Bytes of every symmetric key: AES-256.
pub const KEY_BYTES: usize = 32;

/// Bytes of an AES-GCM nonce.
pub const NONCE_BYTES: usize = 12;

/// Bytes of an AES-GCM tag, and so of what sealing adds to each chunk.
pub const TAG_BYTES: usize = 16;

/// Bytes of a whole sealed chunk.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// Most chunks in a stripe.
pub const STRIPE_CHUNKS_MAX: usize = STRIPE_BYTES_MAX / CHUNK_BYTES;

/// Bytes of a sealed stripe of the largest size.
pub const SEALED_STRIPE_BYTES_MAX: usize = STRIPE_CHUNKS_MAX * SEALED_CHUNK_BYTES;

/// Most generations of one key kept beside each other: a rotation is refused
/// until the oldest is no longer in use, so that rows stay small.
pub const RING_KEYS_MAX: usize = 8;

/// Longest secret of an access key, in bytes; AWS secrets have 40.
pub const SECRET_BYTES_MAX: usize = 256;

/// Longest name of a named key (an SSE-KMS key id or ARN), in bytes; as AWS allows.
pub const KEY_NAME_BYTES_MAX: usize = 2_048;

const _: () = assert!(STRIPE_CHUNKS_MAX <= u32::MAX as usize, "a chunk number fits its nonce");
