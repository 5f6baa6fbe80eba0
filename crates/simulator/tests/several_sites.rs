//! Several sites in one catalog: what is written, repaired and moved keeps the policies, at
//! every step.

#[path = "several_sites/acknowledged.rs"]
mod acknowledged;
#[path = "several_sites/campaign.rs"]
mod campaign;
#[path = "several_sites/cluster.rs"]
mod cluster;
#[path = "several_sites/custody.rs"]
mod custody;
#[path = "several_sites/late.rs"]
mod late;
#[path = "several_sites/moves.rs"]
mod moves;
#[path = "several_sites/placed.rs"]
mod placed;
#[path = "several_sites/recut.rs"]
mod recut;
