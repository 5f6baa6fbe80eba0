//! What a seed decides.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Draws that a seed repeats.
#[derive(Clone, Debug)]
pub(crate) struct Draw(StdRng);

impl Draw {
    /// The draws of a seed, for one purpose.
    pub(crate) fn seeded(seed: u64, purpose: u64) -> Self {
        Self(StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ purpose))
    }

    /// A number below this.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound.max(1))
    }

    /// A number of these, both included.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most)
    }

    /// Once in so many times.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.random()
    }

    /// One of these; none of none.
    pub(crate) fn of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.below(all.len())).copied()
    }
}
