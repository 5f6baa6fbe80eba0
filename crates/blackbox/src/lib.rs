//! The real binary, driven from outside: a harness for tests and tools.
//!
//! **Invariant**: nothing here sees a crate of the product; whatever is known
//! about the node is known through its command line, its files and its sockets.

mod announce;
mod chunks;
mod client;
mod connection;
mod garage;
mod memory;
mod network;
mod node;
mod plain;
mod program;
pub mod samples;
mod signer;
pub mod sites;

pub use announce::announce;
pub use chunks::{Cut, SignedChunks};
pub use client::{Answer, Ask, Client, Target, Unknown};
pub use garage::Garage;
pub use memory::{MemoryFound, memory_search};
pub use network::{Carried, Link, Network, Place};
pub use node::{Node, START_MAX, Start, binary};
pub use plain::plain_get;
pub use program::Program;
pub use signer::Signer;
