//! Garage: one node, one copy, LMDB, fsync of data and metadata switched on.

use std::path::Path;

use anyhow::Result;
use blackbox::Target;

use super::Server;
use crate::BUCKET;

/// A Garage on fresh data.
pub struct Garage(blackbox::Garage);

impl Garage {
    /// Starts the binary, gives it a layout, a key and the bucket.
    pub fn start(binary: &Path, folder: &Path) -> Result<Self> {
        Ok(Self(blackbox::Garage::start(binary, folder, BUCKET)?))
    }
}

impl Server for Garage {
    fn name(&self) -> &'static str {
        "Garage"
    }

    fn target(&self) -> &Target {
        self.0.target()
    }

    fn process_id(&self) -> u32 {
        self.0.process_id()
    }
}
