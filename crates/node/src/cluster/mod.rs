//! This node among the nodes of its cluster: how it is reached, how it joins, how it
//! lets others in, and whom it knows.
//!
//! ```text
//!  essaim invite ─► token ─► essaim up --join ─► handshake by the token's key
//!      │                                              │ who the new node is
//!   the public half is in the catalog       letting_in: the map gets the node,
//!                                            the node gets the roster and the root key
//! ```
//! **Invariants**
//! - The catalog's site map alone says who belongs to the cluster; `watching` makes the
//!   roster and the map of disks follow it.
//! - A token is good for one node. Its private half is on no disk of the cluster.

mod joining;
mod letting_in;
mod reached;
pub(crate) mod statement;
mod token;
mod watching;

pub(crate) use joining::{Candidate, join};
pub(crate) use letting_in::LettingIn;
pub(crate) use reached::Reached;
pub(crate) use token::Token;
pub(crate) use watching::{Watching, disks_counted};
