//! Faults against the real binary: killed, lied to by system calls, out of room,
//! abused.
//!
//! Each campaign writes through S3 while it breaks things, remembers what was
//! acknowledged, and reads everything back afterwards.
//! An operation without an answer stays *unknown*: old and new contents are both
//! right afterwards, anything else is a loss.
//! Every run prints its seed, the one-line command that repeats it and the binary under
//! test; a fault
//! that could not be installed is a failed run, not a pass.

mod abuse;
mod cluster;
mod expected;
mod full_disk;
mod kills;
mod linear;
mod load;
mod mount;
mod repair;
mod rot;
mod scrub;
mod slow;
mod strace;
mod strangers;
mod syscalls;
mod workload;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// How this program is started, for the line that repeats a run.
const PROGRAM: &str = if cfg!(debug_assertions) {
    "cargo run -p faultlab --"
} else {
    "cargo run --release -p faultlab --"
};

/// Faults against the real binary.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    campaign: Campaign,
}

#[derive(Subcommand)]
enum Campaign {
    /// `kill -9` under load, again and again, on the same data.
    Kills(kills::Kills),
    /// System calls that fail, one at each place in turn (needs strace).
    Syscalls(syscalls::Syscalls),
    /// Bytes that decay in the files of a node at rest.
    Rot(rot::Rot),
    /// Decay on one of several disks: found and repaired, and how fast.
    Scrub(scrub::Scrub),
    /// One tenant that sends 50 times what another does, dawdles and lists without end.
    Abuse(abuse::Abuse),
    /// The other side of `abuse`, started by it.
    #[command(hide = true)]
    Attack(abuse::Attack),
    /// All connections taken by clients without a key, and what they make the node keep.
    Strangers(strangers::Strangers),
    /// A file system of 64 MiB, filled to the last byte (needs root for a loop device).
    FullDisk(full_disk::FullDisk),
    /// Sites in namespaces of their own, killed, hung, cut off and delayed while clients
    /// work at all of them (needs root).
    Cluster(cluster::Cluster),
    /// A site that is lost and replaced while clients work: how fast it is rebuilt, and
    /// what they notice (needs root).
    Repair(repair::Repair),
    /// One site that is far, narrow, lossy or has a slow disk: what clients of the others
    /// notice (needs root).
    Slow(slow::Slow),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().campaign {
        Campaign::Kills(campaign) => campaign.run().await,
        Campaign::Syscalls(campaign) => campaign.run().await,
        Campaign::Rot(campaign) => campaign.run().await,
        Campaign::Scrub(campaign) => campaign.run().await,
        Campaign::Abuse(campaign) => campaign.run().await,
        Campaign::Attack(attack) => attack.run().await,
        Campaign::Strangers(campaign) => campaign.run().await,
        Campaign::FullDisk(campaign) => campaign.run().await,
        Campaign::Cluster(campaign) => campaign.run().await,
        Campaign::Repair(campaign) => campaign.run().await,
        Campaign::Slow(campaign) => campaign.run().await,
    }
}
