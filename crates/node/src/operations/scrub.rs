//! A scrub as an operator sees it: started at will, followed to its end.
//!
//! The steward scrubs all the time, slowly. An operator's scrub is a whole round from
//! now on, hurried; it counts as running until that round has ended and what it found
//! has been repaired or given up.

use admin::model::{Scrub, ScrubState, date_text};
use parking_lot::Mutex;
use steward::{Status, Steward};
use units::Timestamp;

/// What was so when an operator asked.
struct Asked {
    at: Timestamp,
    rounds: u64,
}

/// The steward's scrub, followed.
pub(super) struct Scrubber {
    steward: Steward,
    asked: Mutex<Option<Asked>>,
}

impl Scrubber {
    pub(super) fn new(steward: Steward) -> Self {
        Self { steward, asked: Mutex::new(None) }
    }

    /// The steward itself.
    pub(super) fn hands(&self) -> &Steward {
        &self.steward
    }

    /// What the steward is doing.
    pub(super) fn steward(&self) -> Status {
        self.steward.status().borrow().clone()
    }

    /// Begins a round now, or hurries the one under way.
    pub(super) fn start(&self, now: Timestamp) {
        *self.asked.lock() = Some(Asked { at: now, rounds: self.steward().scrub.rounds });
        self.steward.scrub_now();
    }

    pub(super) fn state(&self) -> Scrub {
        let status = self.steward();
        let (scrub, asked) = (&status.scrub, self.asked.lock());
        let waited_for = asked.as_ref().is_some_and(|asked| {
            let repairing = scrub.waiting > 0 && scrub.rounds == asked.rounds.saturating_add(1);
            scrub.rounds <= asked.rounds || repairing
        });
        let ended = scrub.finished_micros.map(|micros| date_text(Timestamp::from_micros(micros)));
        let state = match (scrub.running || waited_for, scrub.rounds) {
            (true, _) => ScrubState::Running,
            (false, 0) => ScrubState::Idle,
            (false, _) => ScrubState::Done,
        };
        Scrub {
            state,
            started: asked.as_ref().map(|asked| date_text(asked.at)),
            ended: (state == ScrubState::Done).then(|| ended.clone()).flatten(),
            bytes_total: scrub.bytes_total,
            bytes_checked: scrub.bytes_done,
            fragments_checked: scrub.fragments,
            fragments_bad: scrub.bad,
            fragments_repaired: scrub.repaired,
            fragments_lost: scrub.lost,
            fragments_homeless: scrub.homeless,
            fragments_waiting: scrub.waiting,
            fragments_deferred: scrub.deferred,
            last_complete: ended,
        }
    }
}
