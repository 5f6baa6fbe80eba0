//! The vault: the only holder of unwrapped root, tenant and bucket keys.
//!
//! It keeps the root key in one file (wrapped under a passphrase, if the
//! operator gave one) and unwraps what the catalog stores, for as long as it is
//! used. Others hand it wrapped keys as they are stored and get back part keys
//! to seal with, or new wrapped keys to store.
//!
//! **Invariants**
//! - No tenant or bucket key leaves this crate unwrapped; none is written in clear.
//! - Rotation makes new wrapped keys; not one byte of data is sealed again.
//! - A rotation that was interrupted is taken up again: old generations stay
//!   until nothing is wrapped under them.
//! - What was shredded does not open again, whatever copy of a row is presented.

mod cache;
mod chain;
mod error;
mod identity;
mod key_file;
pub mod limits;
mod passphrase;
mod reader;
mod rotation;
mod share;
#[cfg(test)]
mod tests;
mod vault;

pub use chain::{BucketChain, Keeper, PartAt};
pub use error::{IdentityError, KeyError, RotationError, VaultError};
pub use identity::{NodeIdentity, node_verify};
pub use passphrase::Passphrase;
pub use rotation::TenantRewrap;
pub use vault::{HeldKeys, Vault};

/// The bugs planted in this crate.
pub const PLANTED: &[units::planted::PlantedBug] = &[
    units::planted::PlantedBug {
        name: "vault-forget-shred",
        what: "keys of erased tenants, buckets and versions still open",
    },
    units::planted::PlantedBug {
        name: "vault-retire-early",
        what: "the old root key is forgotten while tenant keys are still under it",
    },
];
