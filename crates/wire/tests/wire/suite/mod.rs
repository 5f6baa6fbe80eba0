//! What both halves must do alike. Each function is one trial; `both.rs` runs every one
//! on the real and on the simulated network.

pub mod lab;
pub mod outsider;
pub mod relay;
pub mod tcp_lab;
mod trials_bodies;
mod trials_calls;
mod trials_roster;

pub use trials_bodies::*;
pub use trials_calls::*;
pub use trials_roster::*;
