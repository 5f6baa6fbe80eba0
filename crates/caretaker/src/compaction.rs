//! Compaction: which segments are worth rewriting.

use units::ByteCount;

/// What is known of a closed segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentFacts {
    /// Its number on its disk.
    pub segment: u64,
    /// Bytes of fragments that are still wanted.
    pub live: ByteCount,
    /// Bytes of fragments that are not.
    pub dead: ByteCount,
}

/// The segments of which at least a quarter is dead, the emptiest first, as long
/// as their live bytes together stay within `budget`. On a disk that is short
/// of space (`urgent`) any dead byte is reason enough.
pub fn choose_segments(
    segments: &[SegmentFacts],
    budget: ByteCount,
    urgent: bool,
) -> Vec<SegmentFacts> {
    let worth = |facts: &&SegmentFacts| {
        let total = facts.live.plus(facts.dead).get();
        facts.dead > ByteCount::ZERO && (urgent || facts.dead.get() >= total.div_ceil(4))
    };
    let mut chosen: Vec<SegmentFacts> = segments.iter().filter(worth).copied().collect();
    // Least to copy per byte won: compare live/dead as cross products.
    chosen.sort_by(|a, b| {
        let left = u128::from(a.live.get()) * u128::from(b.dead.get());
        let right = u128::from(b.live.get()) * u128::from(a.dead.get());
        left.cmp(&right).then(a.segment.cmp(&b.segment))
    });
    let mut copied = ByteCount::ZERO;
    chosen.retain(|facts| {
        let fits = copied.plus(facts.live) <= budget;
        if fits {
            copied = copied.plus(facts.live);
        }
        fits
    });
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_dead_is_worth_it() {
        let facts = |segment, live, dead| SegmentFacts {
            segment,
            live: ByteCount::new(live),
            dead: ByteCount::new(dead),
        };
        let all = [facts(1, 76, 24), facts(2, 75, 25), facts(3, 10, 90), facts(4, 0, 50)];
        let chosen = |budget, urgent| -> Vec<u64> {
            let chosen = choose_segments(&all, ByteCount::new(budget), urgent);
            chosen.iter().map(|facts| facts.segment).collect()
        };
        assert_eq!(chosen(1_000, false), [4, 3, 2]);
        assert_eq!(chosen(20, false), [4, 3]);
        assert_eq!(chosen(1_000, true), [4, 3, 2, 1]);
    }
}
