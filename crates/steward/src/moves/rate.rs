//! How fast something moves, over the last minute in which it did.

use core::time::Duration;
use std::collections::VecDeque;

use crate::limits::{RATE_SAMPLES_MAX, RATE_WINDOW};

/// Bytes that moved, and when.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    samples: VecDeque<(Duration, u64)>,
    begun: Option<Duration>,
}

impl Rate {
    /// Moving begins, or goes on after a pause.
    pub(crate) fn begin(&mut self, now: Duration) {
        self.samples.clear();
        self.begun = Some(now);
    }

    /// So many bytes have moved.
    pub(crate) fn moved(&mut self, now: Duration, bytes: u64) {
        let begun = *self.begun.get_or_insert(now);
        self.samples.push_back((now, bytes));
        let from = now.saturating_sub(RATE_WINDOW);
        while self.samples.len() > RATE_SAMPLES_MAX
            || self.samples.front().is_some_and(|(at, _)| *at < from)
        {
            let Some((at, _)) = self.samples.pop_front() else { break };
            self.begun = Some(begun.max(at));
        }
    }

    /// Bytes in a second; not known in the first.
    pub(crate) fn bytes_per_second(&self, now: Duration) -> Option<u64> {
        let elapsed = u64::try_from(now.saturating_sub(self.begun?).as_millis()).ok()?;
        let all: u64 = self.samples.iter().map(|(_, bytes)| *bytes).sum();
        (elapsed >= 1_000 && all > 0).then(|| all.saturating_mul(1_000) / elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_counts() {
        let second = Duration::from_secs;
        let mut rate = Rate::default();
        assert_eq!(rate.bytes_per_second(second(9)), None);
        rate.begin(second(100));
        rate.moved(second(100), 5_000);
        assert_eq!(rate.bytes_per_second(second(100)), None, "too early to say");
        assert_eq!(rate.bytes_per_second(second(105)), Some(1_000));
        for at in 101..=300 {
            rate.moved(second(at), 70);
        }
        let now = rate.bytes_per_second(second(300)).expect("known");
        assert!((69..=72).contains(&now), "{now}");
        rate.begin(second(400));
        assert_eq!(rate.bytes_per_second(second(401)), None, "nothing has moved yet");
    }
}
