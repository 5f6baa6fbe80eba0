//! Garage: one node with one copy, or several with three; LMDB, fsync of data and
//! metadata switched on.

use std::path::Path;

use anyhow::Result;
use blackbox::{Network, Target};

use super::Server;
use crate::BUCKET;

/// Garage on fresh data.
pub struct Garage {
    nodes: Vec<blackbox::Garage>,
    targets: Vec<Target>,
}

impl Garage {
    /// Starts so many nodes, gives them a layout, a key and the bucket.
    pub fn start(
        binary: &Path,
        folder: &Path,
        nodes: usize,
        network: Option<&Network>,
    ) -> Result<Self> {
        let nodes = blackbox::Garage::start_cluster(binary, folder, BUCKET, nodes, network)?;
        let targets = nodes.iter().map(|node| node.target().clone()).collect();
        Ok(Self { nodes, targets })
    }
}

impl Server for Garage {
    fn name(&self) -> &'static str {
        "Garage"
    }

    fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn process_ids(&self) -> Vec<u32> {
        self.nodes.iter().map(blackbox::Garage::process_id).collect()
    }
}
