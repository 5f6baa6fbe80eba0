//! The verbs of the gateway, one family per file.

mod accounts;
mod buckets;
mod copy;
mod deletes;
mod details;
mod facts;
mod listing;
mod multipart;
mod put;
mod read;

pub use facts::BucketFacts;
