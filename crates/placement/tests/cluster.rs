//! The placement of a cluster from outside: plans, policies, files, words.

mod trial;

#[path = "cluster/geometry.rs"]
mod geometry;
