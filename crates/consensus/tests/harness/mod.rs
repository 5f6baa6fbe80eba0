//! What several tests of the consensus share: scripts, oracles, the simulated node.
#![expect(dead_code, reason = "every test binary uses its own part of it")]

pub mod clocks;
pub mod log_faults;
pub mod log_script;
pub mod registers;
pub mod scenarios;
pub mod sim_cluster;
pub mod sim_node;
pub mod tampering;

/// How many seeds to run: the default, or what `ESSAIM_SEEDS` says.
pub fn seeds(default: u64) -> u64 {
    std::env::var("ESSAIM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A small generator for choices in scripts.
pub struct Choices(units::SimRandom);

impl Choices {
    pub fn seeded(seed: u64) -> Self {
        Self(units::SimRandom::seeded(seed))
    }

    pub fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        units::Random::fill(&self.0, &mut bytes);
        usize::from_le_bytes(bytes) % bound.max(1)
    }

    pub fn bytes(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        units::Random::fill(&self.0, &mut bytes);
        bytes
    }
}
