//! Between nodes: calls and streams over mutual TLS, with pinned node keys.
//!
//! Who may call whom is the *roster*: each node's Ed25519 public key and where it is
//! reached, as the catalog has it. There is no certificate authority and no shared
//! secret. What the engines hold is a [`Transport`]; what answers is a [`Handler`] per
//! [`Service`].
//!
//! **Invariants**
//! - No byte of somebody who is not in the roster is parsed beyond the handshake.
//! - Whoever leaves the roster is cut off at once, also in the midst of a call.
//! - A call ends by its deadline; what a caller does not know of its outcome is said.
//! - Nothing here knows what a call is about.

mod admit;
mod answer;
mod body;
mod call;
pub mod limits;
mod roster;
mod sim;
mod tcp;
mod transport;

pub use body::{Body, BodyError};
pub use call::{Call, CallError, Caller, GuestError, Refused, Reply, Service};
pub use roster::{Peer, Roster};
pub use sim::{CallCount, SimGuest, SimNetwork, SimTransport};
pub use tcp::{Guest, StartError, TcpParts, TcpTransport};
pub use transport::{Contact, Handler, Transport};

/// The planted bugs of this crate; see [`units::planted`].
pub const PLANTED: &[units::planted::PlantedBug] = &[
    units::planted::PlantedBug {
        name: "wire-keeps-removed",
        what: "whoever leaves the roster keeps its connections",
    },
    units::planted::PlantedBug {
        name: "wire-trusts-any-key",
        what: "any key is taken for that of a node of the roster",
    },
    units::planted::PlantedBug {
        name: "wire-whole-when-broken",
        what: "a body that broke off ends as if it were whole",
    },
];
