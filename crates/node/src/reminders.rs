//! Reminds, in the log, of what waits for an operator's word.
//!
//! One line when a matter begins to wait and one every [`REMIND_EVERY`], however many
//! requests are refused meanwhile; one when it is over.

use std::collections::BTreeMap;

use admin::model::{Matter, Unconfirmed};
use tokio::time::Instant;

use crate::limits::REMIND_EVERY;

/// What was told, and when.
#[derive(Default)]
pub(crate) struct Reminders {
    told: BTreeMap<Matter, Instant>,
}

impl Reminders {
    /// Tells what is due.
    pub(crate) fn tell(&mut self, waiting: &[Unconfirmed], now: Instant) {
        for matter in self.over(waiting) {
            tracing::info!(matter = matter.word(), "no longer to be confirmed");
        }
        for due in self.due(waiting, now) {
            let (matter, command) = (due.matter.word(), due.command.as_str());
            tracing::warn!(matter, command, "to be confirmed: {}", due.reason);
        }
    }

    /// What is to be told now.
    fn due<'a>(&mut self, waiting: &'a [Unconfirmed], now: Instant) -> Vec<&'a Unconfirmed> {
        let mut due = Vec::new();
        for waits in waiting {
            let told = self.told.get(&waits.matter);
            if told.is_none_or(|at| now.duration_since(*at) >= REMIND_EVERY) {
                self.told.insert(waits.matter, now);
                due.push(waits);
            }
        }
        due
    }

    /// What was told and does not wait any more.
    fn over(&mut self, waiting: &[Unconfirmed]) -> Vec<Matter> {
        let waits = |matter: &Matter| waiting.iter().any(|one| one.matter == *matter);
        let over: Vec<Matter> = self.told.keys().copied().filter(|one| !waits(one)).collect();
        self.told.retain(|matter, _| waits(matter));
        over
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn waits(matter: Matter) -> Unconfirmed {
        let (reason, command) = (String::new(), String::new());
        Unconfirmed { matter, reason, command, time: None }
    }

    #[test]
    fn once_when_it_begins_and_rarely_after() {
        let (mut reminders, start) = (Reminders::default(), Instant::now());
        let (clock, both) =
            (vec![waits(Matter::Clock)], vec![waits(Matter::Clock), waits(Matter::Restore)]);
        let mut told = |waiting: &[Unconfirmed], seconds| {
            let now = start + Duration::from_secs(seconds);
            let over = reminders.over(waiting).len();
            (over, reminders.due(waiting, now).iter().map(|due| due.matter).collect::<Vec<_>>())
        };
        assert_eq!(told(&clock, 0), (0, vec![Matter::Clock]));
        assert_eq!(told(&clock, 5), (0, vec![]));
        assert_eq!(told(&both, 10), (0, vec![Matter::Restore]), "each for itself");
        let later = REMIND_EVERY.as_secs();
        assert_eq!(told(&both, later), (0, vec![Matter::Clock]));
        assert_eq!(told(&clock, later + 5), (1, vec![]), "the other is over");
        assert_eq!(told(&[], later + 10), (1, vec![]));
        assert_eq!(told(&clock, later + 15), (0, vec![Matter::Clock]), "it begins anew");
    }
}
