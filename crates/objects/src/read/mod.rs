//! The way out: catalog → fragments → open → client.
//!
//! A reader walks the range it was asked for in windows of a few chunks, each
//! inside one stripe. Only the fragments that hold the window are read, their
//! checksums verified below, the chunks opened in place and handed on without a
//! copy. Parts of a multipart object are looked up one by one as the walk gets
//! to them. When a fragment is missing or bad, the stripe is rebuilt from the
//! others and the fragment is reported to the steward; the client sees nothing.
//!
//! Fragments at other nodes are read ahead of the client by a few windows, since each
//! answer takes its way; a disk that is slow is not waited for (see `hedging`), and of
//! copies the nearest is read.
//!
//! Memory: a window per reader, from a pool; when that is empty, windows of one
//! chunk, of which there are at most as many as connections.

pub(crate) mod damage;
mod gather;
pub(crate) mod hedging;
mod narrow;
pub(crate) mod opening;
pub(crate) mod part;
pub(crate) mod pins;
pub(crate) mod reader;
