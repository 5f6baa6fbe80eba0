//! The real half: TCP, TLS 1.3 with raw public keys (RFC 7250), HTTP/2 (RFC 9113).
//!
//! ```text
//! POST /<service>           a call          200  a reply
//!   length of the head (u32 LE) ‖ head ‖ body    the same
//!                                           403  a refusal: its reason is the head
//! ```
//!
//! A node keeps one connection for short calls, two for long bodies and one for long
//! bodies that nobody waits for (decision 0025, [`window`]) to each other
//! node ([`link`]), opened when first needed. Streams flow into the other direction only
//! within a call: each side opens its own connections.
//!
//! **Invariants**
//! - Not one byte is read as HTTP before the handshake has proven a key of the roster.
//! - No session is resumed: each connection asks the roster anew.
//! - A body ends whole only by the end mark of its stream.

mod accept;
mod ask;
mod credentials;
mod dial;
mod guest;
mod head;
mod health;
mod inbound;
mod incoming;
mod keep;
mod lane;
mod line;
mod link;
mod outgoing;
mod serve;
mod transport;
mod verify;
mod window;

pub use guest::Guest;
pub use transport::{StartError, TcpParts, TcpTransport};
