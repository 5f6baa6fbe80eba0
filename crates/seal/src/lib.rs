//! Sealing: envelope keys and chunked authenticated encryption.
//!
//! A key never leaves this crate's types in clear: each level of the hierarchy
//! (root → tenant → bucket → part) has a type of its own, is wiped when dropped
//! and prints as its name only. What is stored is a [`WrappedKey`].
//!
//! ```text
//! passphrase key ─wraps→ root key ─wraps→ tenant key ─┬─wraps→ bucket key ─wraps→ part key
//!                                                     ├─wraps→ named key  ─wraps→ part key
//!                                                     └─seals→ access-key secrets
//!                                       customer key (held by the client) ─wraps→ part key
//! ```
//!
//! **Invariants**
//! - Every wrapping and every sealed byte is bound by associated data to what it
//!   is for: a value moved elsewhere does not open.
//! - One part key seals one part; its nonces are counters and never repeat.
//! - Nothing here draws randomness or reads anything: both come in by argument.

mod binding;
mod chunk;
mod error;
mod inline;
mod keys;
mod layout;
pub mod limits;
mod overwrap;
mod ring;
mod secret;
mod wrap;

pub use binding::{
    Binding, BucketNames, KeyUse, NamedKeyNames, RootNames, SecretNames, TenantNames,
};
pub use chunk::{ChunkPlace, ChunkSealer};
pub use error::{OpenError, SealError, WrappedKeyError};
pub use inline::{inline_open, inline_seal};
pub use keys::{
    BucketKey, CustomerKey, Generation, Key, NamedKey, PartKey, PassphraseKey, RootKey, TenantKey,
};
pub use layout::{SealedLayout, StripeRange, sealed_length};
pub use overwrap::{OVERWRAPPED_BYTES, overwrap, overwrapped_under, underwrap};
pub use ring::WrappedRing;
pub use secret::{secret_generation, secret_open, secret_seal};
pub use wrap::{WrappedKey, Wraps, unwrap, wrap};

/// The bugs planted in this crate.
pub const PLANTED: &[units::planted::PlantedBug] = &[
    units::planted::PlantedBug {
        name: "seal-drop-chunk",
        what: "the chunk number is missing from the associated data",
    },
    units::planted::PlantedBug {
        name: "seal-drop-last",
        what: "the end of a part is not marked in the associated data",
    },
    units::planted::PlantedBug {
        name: "seal-reuse-nonce",
        what: "all chunks of a part are sealed with one nonce",
    },
    units::planted::PlantedBug {
        name: "seal-skip-tag",
        what: "chunks are opened without looking at their tags",
    },
    units::planted::PlantedBug {
        name: "seal-unbound-wrap",
        what: "wrapped keys are not bound to the names they are for",
    },
];
