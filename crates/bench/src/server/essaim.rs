//! This software: one node, one disk; fsync is always on, there is no switch.

use std::fs;
use std::path::Path;

use anyhow::Result;
use blackbox::{Node, Start, Target};

use super::Server;

/// A node on fresh data.
pub struct Essaim {
    node: Node,
    target: Target,
}

impl Essaim {
    /// Starts the binary, or the one beside this program, and waits until it answers.
    pub fn start(binary: Option<&Path>, folder: &Path) -> Result<Self> {
        let folder = folder.join("essaim");
        fs::create_dir_all(&folder)?;
        let node = Node::start_with(Start {
            folder: Some(folder),
            binary: binary.map(Path::to_path_buf),
            ..Start::default()
        })?;
        let target = node.target();
        Ok(Self { node, target })
    }
}

impl Server for Essaim {
    fn name(&self) -> &'static str {
        "Essaim"
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn process_id(&self) -> u32 {
        self.node.process_id()
    }
}
