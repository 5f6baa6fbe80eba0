//! The simulated half: any number of nodes in one process, from a seed.
//!
//! Time is the runtime's, so that a paused clock runs a long partition in no time. What
//! is let in is decided by the same functions as in the real half. Bandwidth is not
//! simulated: a body's pieces take no time, but stop where the way is cut.

mod body;
mod flight;
mod network;
mod node;
mod transport;
mod way;

pub use network::{CallCount, SimNetwork};
pub use transport::{SimGuest, SimTransport};
