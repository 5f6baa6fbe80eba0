//! The S3 protocol: nothing but translation to `objects` and `access`.
//!
//! A request passes through, in this order:
//! 1. `server`: connections, limits, request ids, the checks that need no
//!    storage (signature form, duplicate query keys, unknown sub-resources);
//! 2. `s3s`: signature verification against `auth`'s credentials;
//! 3. `gate`: the one place that asks `access` to decide, and puts the
//!    `Authorised` it answers into the request;
//! 4. a verb, one per file, under `bucket`, `settings`, `listing`,
//!    `object`, `multipart` and `post`.
//!
//! **Invariant**: no verb touches storage without the `Authorised` that the gate
//! put there; `gate::authorised` is the only way to it.

mod auth;
mod bucket;
mod date;
mod error;
mod face;
mod gate;
pub mod limits;
mod listing;
mod multipart;
mod object;
mod post;
mod request;
pub mod server;
mod settings;
mod website;
mod xml;

#[cfg(test)]
mod trials;

pub use face::Face;

/// The bugs planted in this crate.
pub const PLANTED: &[units::planted::PlantedBug] = &[
    units::planted::PlantedBug {
        name: "s3-trust-any-scope",
        what: "a signature made for another region passes",
    },
    units::planted::PlantedBug {
        name: "s3-trust-unsigned-headers",
        what: "x-amz headers count although they are not signed",
    },
    units::planted::PlantedBug {
        name: "s3-copy-source-unchecked",
        what: "a copy is allowed without the right to read its source",
    },
];
