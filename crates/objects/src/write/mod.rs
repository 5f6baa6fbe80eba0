//! The way in: body → stripes → digests, seal → fragments → disks.
//!
//! ```text
//! socket → fill a stripe buffer ┐ (the request's own task)
//!                               ├→ hash, seal in place, encode (a thread that may block)
//!                               └→ append to the disks, durable (each disk's writer)
//! ```
//! The three run at once on different stripes of one upload: MD5, which is serial
//! and slow, stalls neither the socket nor the disks, and is the bound of a single
//! upload. Memory is bounded by [`budget`]. Claims of the client (length, MD5,
//! checksum) are held against the body before the catalog hears of it, and enough of
//! every stripe is durable before ([`durable`]); fragments that are late then go on behind
//! the answer ([`stragglers`]); on any failure the part is given to the
//! [`abandoned`] queue, and the catalog's word decides about its fragments.

pub(crate) mod abandoned;
pub(crate) mod budget;
pub(crate) mod digests;
pub(crate) mod durable;
pub(crate) mod part;
pub(crate) mod pipeline;
pub(crate) mod placing;
pub(crate) mod source;
pub(crate) mod stragglers;
pub(crate) mod stripe_buffer;
