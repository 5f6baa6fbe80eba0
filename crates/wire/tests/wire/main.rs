//! The network between nodes, from outside.

mod both;
mod real;
mod simulated;
mod suite;
