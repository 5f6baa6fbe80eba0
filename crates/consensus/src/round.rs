//! Who will come next, as far as the last entry says.
//!
//! Where an entry takes long, as over a long way, clients that propose again and again fall
//! into groups: one waits while the other's entry is on its way, and each waits for all
//! others. A group that was just answered is back after about a thousandth of a second, so
//! to wait for it for a small part of what an entry takes makes one group of all of them.
//!
//! ```text
//!  entry of A, B, C       answered  A B  C
//!  ───────────────────────────────┼─┴─┴──┴▶ packed: A, B, C in one again
//!                                 ◀ wait ▶
//! ```
//! **Invariants**
//! - A node waits for its own clients only: those of another are on the way for as long as
//!   the way is, and that node has waited for them.
//! - Nobody waits who is alone, nor where an entry is soon done.

use tokio::time::Instant;

use crate::limits;

/// The last entry, or the last commands sent ahead.
#[derive(Default)]
pub(crate) struct Round {
    packed: usize,
    /// Those of this node's clients.
    own: usize,
    begun: Option<Instant>,
    /// How many of them may come, and until when they are waited for.
    expected: Option<(usize, Instant)>,
}

impl Round {
    /// So many commands are on their way, so many of them of this node's clients.
    pub(crate) fn begun(packed: usize, own: usize) -> Self {
        Self { packed, own, begun: Some(Instant::now()), expected: None }
    }

    /// They were answered while so many others of this node's clients waited.
    pub(crate) fn ended(&mut self, waiting: usize) {
        let Some(begun) = self.begun.take() else { return };
        let now = Instant::now();
        let wait =
            (now.saturating_duration_since(begun) / limits::GATHER_PART).min(limits::GATHER_WITHIN);
        if wait >= limits::GATHER_LEAST {
            self.expected = Some((self.own + waiting, now + wait));
        }
    }

    /// How many commands there were.
    pub(crate) fn packed(&self) -> usize {
        self.packed
    }

    /// How many of this node's clients are waited for, and until when.
    pub(crate) fn waits_for(&self) -> Option<(usize, Instant)> {
        self.expected.filter(|(_, until)| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn ended_after(took: Duration) -> Round {
        let mut round = Round::begun(5, 3);
        tokio::time::advance(took).await;
        round.ended(2);
        round
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_were_answered_and_those_who_waited_are_expected() {
        let round = ended_after(Duration::from_millis(12)).await;
        let until = Instant::now() + Duration::from_micros(1_500);
        assert_eq!(round.waits_for(), Some((5, until)), "an eighth of what it took");
        tokio::time::advance(Duration::from_micros(1_500)).await;
        assert_eq!(round.waits_for(), None);
        let round = ended_after(Duration::from_secs(3)).await;
        assert_eq!(round.waits_for(), Some((5, Instant::now() + limits::GATHER_WITHIN)));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_where_an_entry_is_soon_done() {
        assert_eq!(ended_after(Duration::from_millis(7)).await.waits_for(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_told_once() {
        let mut round = ended_after(Duration::from_millis(12)).await;
        tokio::time::advance(Duration::from_millis(100)).await;
        round.ended(9);
        assert_eq!(round.waits_for(), None);
    }
}
