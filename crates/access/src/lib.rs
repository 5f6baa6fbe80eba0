//! Access: decides, never serves.
//!
//! A request becomes an [`Ask`]: an action on a bucket or object, with the facts
//! that rules may look at. [`decide`] weighs key scope, tenant state, bucket
//! policy, public-access block, ownership and access control lists, and answers
//! with an [`Authorised`] that nothing else can make, or with the reason why not.
//!
//! **Invariants**
//! - An [`Authorised`] exists only because a decision said yes; the one exception
//!   is [`Authorised::steward`], for the node's own work.
//! - An explicit deny wins over every allow; what nothing allows is denied.
//! - Nothing here panics on any text a client can send, and every list, text and
//!   depth has a limit.
//! - Pure: no clock, no I/O; the time comes in with the ask.

mod acl;
mod action;
mod ask;
mod authorised;
mod bans;
mod caller;
mod cors;
mod decide;
#[cfg(test)]
mod decide_tests;
mod denied;
mod fair;
#[cfg(test)]
mod fixtures;
pub mod limits;
mod ownership;
mod peer;
mod policy;
mod public_access;
mod rate;
mod wildcard;

pub use acl::is_public as acl_is_public;
pub use action::{Action, Level, ParseActionError};
pub use ask::{Ask, BucketFacts, ObjectFacts, RequestFacts, SignatureAuth};
pub use authorised::Authorised;
pub use bans::SignatureBans;
pub use caller::{Caller, Identity};
pub use cors::{
    CORS_METHODS, CorsError, CorsGrant, CorsRule, cors_check, cors_preflight, cors_simple,
};
pub use decide::{decide, decide_besides, is_public};
pub use denied::{Denied, DenyReason};
pub use fair::{FairQueue, Lane, Weight};
pub use ownership::{Acl, BucketName, Grant, Grantee, KeyScope, Ownership, Permission};
pub use peer::peer_group;
pub use policy::{Effect, Policy, PolicyError, Verdict};
pub use public_access::PublicAccessBlock;
pub use rate::{Rate, RateKey, RateLimiter, Rates, TooFast};

/// The bugs planted in this crate.
pub const PLANTED: &[units::planted::PlantedBug] = &[
    units::planted::PlantedBug {
        name: "access-allow-beats-deny",
        what: "an allow in a policy wins over a deny before it",
    },
    units::planted::PlantedBug {
        name: "access-any-condition",
        what: "a statement counts if one of its conditions holds",
    },
    units::planted::PlantedBug {
        name: "access-covers-any-key",
        what: "a decision on one object serves for every object of its bucket",
    },
    units::planted::PlantedBug {
        name: "access-first-come-first-served",
        what: "who waits for a turn is served in the order of coming, whoever it is",
    },
    units::planted::PlantedBug {
        name: "access-forget-expiry",
        what: "the end date of an access key is not looked at",
    },
];
