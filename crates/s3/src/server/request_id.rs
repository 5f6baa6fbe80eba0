//! Request ids: unique on this node, cheap to draw, opaque.
//!
//! A counter, mixed so that ids do not tell how many requests there were; the
//! start is drawn at random so that ids differ from one start to the next.

use std::sync::atomic::{AtomicU64, Ordering};

use units::Random;

/// Draws the ids of one process.
#[derive(Debug)]
pub(crate) struct RequestIds {
    next: AtomicU64,
}

impl RequestIds {
    /// Ids that start somewhere.
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut bytes = [0_u8; 8];
        random.fill(&mut bytes);
        Self { next: AtomicU64::new(u64::from_be_bytes(bytes)) }
    }

    /// Sixteen upper-case hexadecimal digits, as AWS shows them.
    pub(crate) fn draw(&self) -> String {
        format!("{:016X}", mix(self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

/// A bijection of 64 bits (the finaliser of SplitMix64), so that ids never repeat.
fn mix(mut bits: u64) -> u64 {
    bits ^= bits >> 30;
    bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 27;
    bits = bits.wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_have_sixteen_digits() {
        let ids = RequestIds::new(&units::SimRandom::seeded(1));
        let drawn: std::collections::BTreeSet<String> = (0..1_000).map(|_| ids.draw()).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(drawn.iter().all(|id| id.len() == 16));
    }
}
