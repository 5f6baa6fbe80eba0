//! What is configured on a bucket, one kind per file.

pub(crate) mod acl;
pub(crate) mod cors;
pub(crate) mod encryption;
pub(crate) mod lifecycle;
pub(crate) mod object_lock;
pub(crate) mod ownership;
pub(crate) mod policy;
pub(crate) mod public_access_block;
pub(crate) mod tagging;
pub(crate) mod unserved;
pub(crate) mod versioning;
pub(crate) mod website;
