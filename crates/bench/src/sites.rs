//! How many sites are measured, and with which code.

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

/// A cluster of sites, or one node.
#[derive(Args)]
pub struct Sites {
    /// Sites, each a process of its own on this machine: objects are spread over all of
    /// them. One is a node by itself.
    #[arg(long, default_value_t = 1)]
    pub sites: usize,
    /// The code, as `2+1`: so many data fragments, so many more; without it 2+1 over
    /// three sites, 2+2 over four, 3+2 over five.
    #[arg(long)]
    code: Option<String>,
}

impl Sites {
    /// The code over all sites; none if there is but one.
    pub fn code(&self) -> Result<Option<&str>> {
        Ok(match (self.sites, &self.code) {
            (1, None) => None,
            (1, Some(_)) => bail!("a code needs --sites"),
            (_, Some(code)) => Some(code),
            (3, None) => Some("2+1"),
            (4, None) => Some("2+2"),
            (5, None) => Some("3+2"),
            (sites, None) => bail!("which --code on {sites} sites?"),
        })
    }

    /// Bytes that the code keeps of a byte stored.
    pub fn bytes_per_byte(&self) -> Result<f64> {
        let Some(code) = self.code()? else { return Ok(1.0) };
        let (data, more) = code.split_once('+').context("a code is written as 2+1")?;
        let (data, more): (u32, u32) = (data.parse()?, more.parse()?);
        ensure!(data > 0, "a code has data fragments");
        Ok(f64::from(data + more) / f64::from(data))
    }
}
