//! The verbs on objects, one per file.

pub(crate) mod acl;
pub(crate) mod attributes;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod delete_many;
pub(crate) mod get;
pub(crate) mod head;
pub(crate) mod legal_hold;
pub(crate) mod put;
pub(crate) mod retention;
pub(crate) mod tagging;
