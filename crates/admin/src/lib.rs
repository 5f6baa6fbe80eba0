//! The operator's and the tenants' API: HTTP, JSON, and the OpenAPI document
//! that describes it. The command line and the console speak through it.
//!
//! What can be asked is the trait [`Operations`]; whoever composes the node
//! answers it. So this room knows tenants, buckets and disks as an operator sees
//! them ([`model`]) and nothing of how they are kept, and its tests need no node.
//!
//! Who asks is settled before any handler runs: a handler takes a granted scope
//! ([`auth`]) as its argument and cannot be called without one. Over the local
//! socket the file system has already decided (only the data's owner can open
//! it); over TCP a bearer token or an administrator's login is needed.
//!
//! **Invariants**
//! - Tokens and passwords are kept as digests only, and compared in constant time.
//! - Every change leaves one line in the log, with who, what and the outcome
//!   (target `audit`), and no secret.
//! - Bodies, lists and logins are bounded by [`limits`].

pub mod auth;
mod fault;
pub mod limits;
pub mod model;
mod operations;
mod routes;

pub use fault::{ErrorBody, Fault, FaultKind};
pub use operations::Operations;
pub use routes::{Admin, CUT_OFF_SINCE, login_refused_log, openapi_document, router};
