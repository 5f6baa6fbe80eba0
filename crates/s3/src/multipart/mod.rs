//! Multipart uploads, one verb per file.

pub(crate) mod abort;
pub(crate) mod complete;
pub(crate) mod create;
pub(crate) mod list_parts;
pub(crate) mod upload_part;
pub(crate) mod upload_part_copy;
