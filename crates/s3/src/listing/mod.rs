//! The four listings of a bucket.

pub(crate) mod objects;
pub(crate) mod objects_v2;
pub(crate) mod uploads;
pub(crate) mod versions;
