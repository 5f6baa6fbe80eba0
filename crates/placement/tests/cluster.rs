//! The placement of a cluster from outside: plans, policies, files, words.

mod trial;

#[path = "cluster/balance.rs"]
mod balance;
#[path = "cluster/campaign.rs"]
mod campaign;
#[path = "cluster/explanations.rs"]
mod explanations;
#[path = "cluster/geometry.rs"]
mod geometry;
#[path = "cluster/moves.rs"]
mod moves;
#[path = "cluster/plans.rs"]
mod plans;
#[path = "cluster/policies.rs"]
mod policies;
#[path = "cluster/recut.rs"]
mod recut;
#[path = "cluster/reference.rs"]
mod reference;
#[path = "cluster/site_file.rs"]
mod site_file;
