//! Who asks, and what they may do.

mod accounts;
mod caller;
mod gate;
mod password;
mod record;

pub use accounts::{AccountError, AccountStore, Accounts, LoginError};
pub(crate) use caller::authenticate;
pub use caller::{Archivist, Caller, Manager, Peer, Reader, Transport};
pub use record::RecordError;

use aws_lc_rs::digest::{SHA256, digest};
use units::Random;

/// The digest of a secret with 256 bits of its own: nothing slower is needed.
fn secret_digest(secret: &str) -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    for (to, from) in bytes.iter_mut().zip(digest(&SHA256, secret.as_bytes()).as_ref()) {
        *to = *from;
    }
    bytes
}

/// A fresh secret of 256 bits, told apart by its prefix.
fn secret_draw(random: &dyn Random, prefix: &str) -> String {
    let mut bytes = [0_u8; 32];
    random.fill(&mut bytes);
    format!("{prefix}{}", hex::encode(bytes))
}
