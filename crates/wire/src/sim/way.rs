//! The way from one node to another, in one direction.

use core::time::Duration;

use tokio::time::Instant;

/// How messages of one direction fare.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// How long a message takes at least.
    pub delay: Duration,
    /// How much longer it may take.
    pub jitter: Duration,
    /// How many of a thousand are lost.
    pub lost_per_mille: u16,
    /// Whether they get through at all.
    pub line: Line,
}

/// Whether messages get through.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Line {
    #[default]
    Open,
    Cut {
        since: Instant,
    },
    /// Cut and open in turns, cut first.
    Flapping {
        every: Duration,
        since: Instant,
    },
}

impl Way {
    /// Since when nothing gets through.
    pub(super) fn cut_since(&self, now: Instant) -> Option<Instant> {
        match self.line {
            Line::Open => None,
            Line::Cut { since } => Some(since),
            Line::Flapping { every, since } => {
                let turn = turn(every, since, now);
                turn.is_multiple_of(2).then(|| since + every * turn)
            }
        }
    }

    /// When that will be otherwise by itself.
    pub(super) fn turns_at(&self, now: Instant) -> Option<Instant> {
        let Line::Flapping { every, since } = self.line else { return None };
        Some(since + every * (turn(every, since, now) + 1))
    }
}

fn turn(every: Duration, since: Instant, now: Instant) -> u32 {
    let passed = now.saturating_duration_since(since).as_nanos();
    u32::try_from(passed / every.as_nanos().max(1)).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flapping_way_is_cut_first_and_then_open() {
        let (since, every) = (Instant::now(), Duration::from_millis(10));
        let way = Way { line: Line::Flapping { every, since }, ..Way::default() };
        let at = |ms| since + Duration::from_millis(ms);
        assert_eq!(way.cut_since(at(0)), Some(at(0)));
        assert_eq!(way.cut_since(at(9)), Some(at(0)));
        assert_eq!(way.cut_since(at(10)), None);
        assert_eq!(way.cut_since(at(25)), Some(at(20)));
        assert_eq!(way.turns_at(at(25)), Some(at(30)));
    }
}
