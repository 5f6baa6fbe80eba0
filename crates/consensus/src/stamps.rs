//! The time that commands are stamped with.
//!
//! Stamps never go back, and what is judged by them (retention above all) is final:
//! a single reading of a clock that is years ahead would stay for good. So a reading
//! is believed only as far as the time explains it that passed since the last one,
//! and a bit more; beyond that commands are refused until the clock is set right or
//! an operator says that it is.
//!
//! **Invariants**
//! - A stamp is never before the one before it.
//! - A refused reading leaves no trace.

use core::time::Duration;
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;
use units::{Clock, Timestamp};

use crate::limits::{CLOCK_AHEAD_AT_START_MAX, CLOCK_AHEAD_MAX};

/// A reading of the clock that is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the clock is about {hours} hours ahead of what the time that passed explains: \
     nothing is written until it is set right or confirmed"
)]
pub struct ClockAhead {
    /// By how much, in whole hours.
    pub hours: u64,
    /// What it says.
    pub now: Timestamp,
    /// What it should say, about.
    pub expected: Timestamp,
}

/// Gives stamps.
pub(crate) struct Stamps {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    /// The latest stamp given, or applied before this process began.
    last: Timestamp,
    /// The last reading believed in this process, and when that was.
    read: Option<(Timestamp, Duration)>,
}

impl Stamps {
    /// Goes on after the latest stamp applied.
    pub(crate) fn after(last: Timestamp, clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::new(State { last, read: None }) }
    }

    /// The next stamp.
    pub(crate) fn next(&self) -> Result<Timestamp, ClockAhead> {
        let mut state = self.state.lock();
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        state.check(now, elapsed)?;
        state.believe(now, elapsed);
        Ok(state.last)
    }

    /// Whether the next stamp would be refused, and why.
    pub(crate) fn trouble(&self) -> Option<ClockAhead> {
        self.state.lock().check(self.clock.now(), self.clock.elapsed()).err()
    }

    /// Believes the clock as it is.
    pub(crate) fn confirm(&self) {
        self.state.lock().believe(self.clock.now(), self.clock.elapsed());
    }
}

impl State {
    fn check(&self, now: Timestamp, elapsed: Duration) -> Result<(), ClockAhead> {
        let (expected, most) = match self.read {
            Some((then, at)) => (then.after(elapsed.saturating_sub(at)), CLOCK_AHEAD_MAX),
            // Nothing was ever stamped here: there is nothing to hold it against.
            None if self.last <= Timestamp::EPOCH => return Ok(()),
            None => (self.last, CLOCK_AHEAD_AT_START_MAX),
        };
        let ahead = now.since(expected);
        if ahead <= most {
            return Ok(());
        }
        Err(ClockAhead { hours: ahead.as_secs() / 3_600, now, expected })
    }

    fn believe(&mut self, now: Timestamp, elapsed: Duration) {
        self.last = self.last.max(now);
        // A clock that was set back may come forward again to where it was.
        self.read = Some((self.last, elapsed));
    }
}

#[cfg(test)]
mod tests {
    use units::SimClock;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    /// A clock whose two faces are set one by one.
    #[derive(Default)]
    struct Faces(Mutex<(Timestamp, Duration)>);

    impl Faces {
        fn passes(&self, time: Duration) {
            let mut faces = self.0.lock();
            *faces = (faces.0.after(time), faces.1 + time);
        }

        fn jumps(&self, time: Duration) {
            let mut faces = self.0.lock();
            faces.0 = faces.0.after(time);
        }
    }

    impl Clock for Faces {
        fn now(&self) -> Timestamp {
            self.0.lock().0
        }

        fn elapsed(&self) -> Duration {
            self.0.lock().1
        }
    }

    #[test]
    fn a_jump_is_refused_until_it_is_taken_back_or_confirmed() {
        let clock = Arc::new(Faces(Mutex::new((START, Duration::ZERO))));
        let stamps = Stamps::after(START, clock.clone());
        assert_eq!(stamps.next(), Ok(START));
        // Nobody wrote for a year, and a year has passed.
        clock.passes(HOUR * 24 * 365);
        let later = stamps.next().expect("time that passed is believed");
        clock.jumps(HOUR * 20);
        assert_eq!(stamps.next(), Ok(later.after(HOUR * 20)), "a time zone set wrong");
        clock.jumps(HOUR * 24 * 4_000);
        let refused = stamps.next().expect_err("eleven years in no time");
        assert_eq!(refused.hours, 24 * 4_000);
        assert_eq!(stamps.trouble(), Some(refused));
        clock.0.lock().0 = later;
        assert_eq!(stamps.next(), Ok(later.after(HOUR * 20)), "it left no trace");
        clock.jumps(HOUR * 24 * 4_000);
        assert!(stamps.next().is_err());
        stamps.confirm();
        assert_eq!((stamps.trouble(), stamps.next()), (None, Ok(clock.now())));
    }

    #[test]
    fn a_clock_set_back_may_come_forward_again() {
        let clock = Arc::new(Faces(Mutex::new((START, Duration::ZERO))));
        let stamps = Stamps::after(Timestamp::EPOCH, clock.clone());
        assert_eq!(stamps.next(), Ok(START), "nothing to hold it against");
        clock.0.lock().0 = Timestamp::from_seconds(1_000_000_000);
        assert_eq!(stamps.next(), Ok(START));
        clock.0.lock().0 = START;
        assert_eq!(stamps.next(), Ok(START));
    }

    #[test]
    fn a_start_long_after_the_last_stamp_is_confirmed_first() {
        for (days, believed) in [(1, true), (179, true), (181, false)] {
            let clock = Arc::new(SimClock::starting_at(START.after(HOUR * 24 * days)));
            let stamps = Stamps::after(START, clock);
            assert_eq!(stamps.next().is_ok(), believed, "{days} days");
            stamps.confirm();
            assert!(stamps.next().is_ok());
        }
    }
}
