//! The verbs of the gateway, one family per file.

mod accounts;
mod buckets;
mod copy;
mod credential;
mod deletes;
mod details;
mod facts;
mod listing;
mod multipart;
pub(crate) mod put;
mod read;
mod upload_parts;

pub use facts::BucketFacts;
pub(crate) use facts::SettingsCache;
