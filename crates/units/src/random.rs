//! Randomness as a capability.

use std::sync::Mutex;

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// Where random bytes come from; keys are drawn from it, so the real half must
/// be the operating system's generator.
pub trait Random: Send + Sync {
    /// Fills the buffer with random bytes; cannot fail.
    fn fill(&self, buffer: &mut [u8]);
}

/// A generator that repeats itself from its seed: the simulated half of [`Random`].
#[derive(Debug)]
pub struct SimRandom(Mutex<ChaCha12Rng>);

impl SimRandom {
    /// The generator of this seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(ChaCha12Rng::seed_from_u64(seed)))
    }
}

impl Random for SimRandom {
    fn fill(&self, buffer: &mut [u8]) {
        let mut rng = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        rng.fill_bytes(buffer);
    }
}
