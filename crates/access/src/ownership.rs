//! Whose objects are, and the classic grants: the catalog's records.

pub use catalog::{Acl, BucketName, Grant, Grantee, KeyScope, Ownership, Permission};
