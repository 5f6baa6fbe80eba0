//! The network between nodes, from outside.

mod both;
mod simulated;
mod suite;
