//! The time that commands are stamped with.
//!
//! It is the cluster's, see `clocks`; where one node is alone, that of its own clock.
//! Stamps never go back, and what is judged by them (retention above all) is final:
//! a single reading that is years ahead would stay for good. So the time is read once as
//! soon as it is known, and from then on it is believed only as far as the time
//! that passed since explains it, and a bit more; beyond that commands are refused
//! until the clocks are set right or an operator says that they are.
//!
//! ```text
//!            base                  base + time passed         most
//!  ───────────┼─────────────────────────────┼───────────────────┼──────────▶
//!             │◀──────── explained ────────▶│◀──── believed ───▶│  refused
//! ```
//! The base stays where it is while the process lives, so that many small jumps have
//! no more room than one large jump.
//!
//! **Invariants**
//! - A stamp is never before the one before it.
//! - A refused reading leaves no trace.
//! - Only an operator moves the base, and only to a time that the operator has seen.
//! - While the cluster's time is not known nothing is stamped.

use core::time::Duration;
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;
use units::{Clock, Timestamp};

use crate::clocks::Clocks;
use crate::limits::{CLOCK_AHEAD_AT_START_MAX, CLOCK_AHEAD_MAX, CLOCK_CONFIRM_WITHIN};

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

/// Why there is no stamp now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoStamp {
    /// The time is not believed.
    Ahead(ClockAhead),
    /// The clocks of too few voters are known yet.
    Unknown,
}

/// A word about the clock that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClockConfirmError {
    /// The clock is believed as it is.
    #[error("nothing waits: the clock is believed as it is")]
    Believed,
    /// The clock says something else by now than what was confirmed.
    #[error("the clock says something else by now than what was confirmed")]
    Differs {
        /// What it says.
        now: Timestamp,
    },
}

/// Gives stamps.
pub(crate) struct Stamps {
    clocks: Arc<Clocks>,
    state: Mutex<State>,
}

struct State {
    /// The latest stamp given, or applied before this process began.
    last: Timestamp,
    /// When this process began, by the stop-watch.
    began: Duration,
    /// The reading that others are held against, and when that was; none until the
    /// clock was believed once.
    base: Option<(Timestamp, Duration)>,
}

impl Stamps {
    /// Goes on after the latest stamp applied. Reads the clocks, as far as they are known.
    pub(crate) fn after(last: Timestamp, clocks: Arc<Clocks>) -> Self {
        let state = State { last, began: clocks.elapsed(), base: None };
        let stamps = Self { clocks, state: Mutex::new(state) };
        stamps.settle();
        stamps
    }

    /// Has the time held against what it is now, if that is known and was not before.
    pub(crate) fn settle(&self) {
        let Some((now, elapsed)) = self.read() else { return };
        let mut state = self.state.lock();
        // A node that has never stamped anything is often one whose clock is still to be
        // set: it is held against its first stamp.
        if state.base.is_none()
            && state.last > Timestamp::EPOCH
            && state.check(now, elapsed).is_ok()
        {
            state.base = Some((state.last.max(now), elapsed));
        }
    }

    /// Whether there could be a stamp, or a reason to refuse one.
    pub(crate) fn knows_time(&self) -> bool {
        self.clocks.time().is_some()
    }

    /// The next stamp, after the latest one applied, which another node may have given.
    pub(crate) fn next(&self, applied: Timestamp) -> Result<Timestamp, NoStamp> {
        let (now, elapsed) = self.read().ok_or(NoStamp::Unknown)?;
        let mut state = self.state.lock();
        state.last = state.last.max(applied);
        state.check(now, elapsed).map_err(NoStamp::Ahead)?;
        state.last = state.last.max(now);
        let last = state.last;
        state.base.get_or_insert((last, elapsed));
        Ok(last)
    }

    /// Whether the next stamp would be refused, and why.
    pub(crate) fn trouble(&self) -> Option<ClockAhead> {
        let (now, elapsed) = self.read()?;
        self.state.lock().check(now, elapsed).err()
    }

    /// Believes the time, which was `shown` when an operator looked at it.
    pub(crate) fn confirm(&self, shown: Timestamp) -> Result<ClockAhead, ClockConfirmError> {
        let (now, elapsed) = self.read().ok_or(ClockConfirmError::Believed)?;
        let mut state = self.state.lock();
        let Err(ahead) = state.check(now, elapsed) else {
            return Err(ClockConfirmError::Believed);
        };
        if now.since(shown).max(shown.since(now)) > CLOCK_CONFIRM_WITHIN {
            return Err(ClockConfirmError::Differs { now });
        }
        state.last = state.last.max(now);
        state.base = Some((state.last, elapsed));
        Ok(ahead)
    }

    /// The time, and what the stop-watch says.
    fn read(&self) -> Option<(Timestamp, Duration)> {
        Some((self.clocks.time()?, self.clocks.elapsed()))
    }
}

impl State {
    fn check(&self, now: Timestamp, elapsed: Duration) -> Result<(), ClockAhead> {
        let (then, at, most) = match self.base {
            // A clock that was behind the last stamp may come forward to it.
            Some((then, at)) => (then, at, CLOCK_AHEAD_MAX),
            // Nothing was ever stamped here: there is nothing to hold it against.
            None if self.last <= Timestamp::EPOCH => return Ok(()),
            None => (self.last, self.began, CLOCK_AHEAD_AT_START_MAX),
        };
        let expected = then.after(elapsed.saturating_sub(at));
        let ahead = now.since(expected);
        if ahead <= most {
            return Ok(());
        }
        Err(ClockAhead { hours: ahead.as_secs() / 3_600, now, expected })
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

    fn alone<C: Clock + 'static>(clock: &Arc<C>) -> Arc<Clocks> {
        Arc::new(Clocks::alone(Arc::clone(clock) as Arc<dyn Clock>))
    }

    #[test]
    fn a_jump_is_refused_until_it_is_taken_back_or_confirmed() {
        let clock = Arc::new(Faces(Mutex::new((START, Duration::ZERO))));
        let stamps = Stamps::after(START, alone(&clock));
        assert_eq!(stamps.next(Timestamp::EPOCH), Ok(START));
        // Nobody wrote for a year, and a year has passed.
        clock.passes(HOUR * 24 * 365);
        let later = stamps.next(Timestamp::EPOCH).expect("time that passed is believed");
        clock.jumps(HOUR * 20);
        assert_eq!(
            stamps.next(Timestamp::EPOCH),
            Ok(later.after(HOUR * 20)),
            "a time zone set wrong"
        );
        clock.jumps(HOUR * 24 * 4_000);
        let Err(NoStamp::Ahead(refused)) = stamps.next(Timestamp::EPOCH) else {
            panic!("eleven years in no time");
        };
        assert_eq!((refused.hours, refused.expected), (24 * 4_000 + 20, later));
        assert_eq!(stamps.trouble(), Some(refused));
        clock.0.lock().0 = later;
        assert_eq!(stamps.next(Timestamp::EPOCH), Ok(later.after(HOUR * 20)), "it left no trace");
        clock.jumps(HOUR * 24 * 4_000);
        assert!(stamps.next(Timestamp::EPOCH).is_err());
        assert_eq!(stamps.confirm(clock.now()).map(|ahead| ahead.hours), Ok(24 * 4_000));
        assert_eq!((stamps.trouble(), stamps.next(Timestamp::EPOCH)), (None, Ok(clock.now())));
    }

    #[test]
    fn many_small_jumps_have_no_more_room_than_one() {
        let clock = Arc::new(Faces(Mutex::new((START, Duration::ZERO))));
        let stamps = Stamps::after(START, alone(&clock));
        let mut believed = 0;
        for _ in 0..1_000 {
            clock.passes(HOUR);
            clock.jumps(HOUR);
            believed += u64::from(stamps.next(Timestamp::EPOCH).is_ok());
        }
        assert_eq!(believed, CLOCK_AHEAD_MAX.as_secs() / HOUR.as_secs());
    }

    #[test]
    fn the_first_stamp_is_held_against_the_reading_at_the_start() {
        let clock = Arc::new(Faces(Mutex::new((START, Duration::ZERO))));
        let stamps = Stamps::after(START, alone(&clock));
        // Nothing was written yet in this process.
        clock.jumps(HOUR * 24 * 32);
        assert!(
            stamps.next(Timestamp::EPOCH).is_err(),
            "a month within a process, though not half a year"
        );
    }

    #[test]
    fn a_word_is_taken_only_about_what_was_shown_while_it_is_asked_for() {
        let clock = Arc::new(Faces(Mutex::new((START, Duration::ZERO))));
        let stamps = Stamps::after(START, alone(&clock));
        assert_eq!(stamps.confirm(START), Err(ClockConfirmError::Believed));
        clock.jumps(HOUR * 24 * 400);
        let shown = clock.now();
        clock.passes(CLOCK_CONFIRM_WITHIN + Duration::from_secs(1));
        let now = clock.now();
        for seen in [shown, START, now.after(HOUR), Timestamp::EPOCH] {
            assert_eq!(stamps.confirm(seen), Err(ClockConfirmError::Differs { now }));
        }
        assert!(stamps.trouble().is_some(), "what was refused changed nothing");
        // Whole seconds, as it was written for people.
        assert!(stamps.confirm(now.whole_seconds()).is_ok());
        assert_eq!(stamps.confirm(now), Err(ClockConfirmError::Believed));
        clock.jumps(HOUR * 24 * 32);
        assert!(stamps.next(Timestamp::EPOCH).is_err(), "one word is about one jump");
    }

    #[test]
    fn a_jump_back_gives_back_what_a_jump_ahead_took() {
        let clock = Arc::new(Faces(Mutex::new((START, Duration::ZERO))));
        let stamps = Stamps::after(START, alone(&clock));
        for _ in 0..100 {
            clock.jumps(HOUR * 24 * 30);
            assert!(stamps.next(Timestamp::EPOCH).is_ok());
            clock.0.lock().0 = START;
            assert!(stamps.next(Timestamp::EPOCH).is_ok());
        }
    }

    #[test]
    fn a_clock_set_back_may_come_forward_again() {
        let clock = Arc::new(Faces(Mutex::new((START, Duration::ZERO))));
        let stamps = Stamps::after(Timestamp::EPOCH, alone(&clock));
        assert_eq!(stamps.next(Timestamp::EPOCH), Ok(START), "nothing to hold it against");
        clock.0.lock().0 = Timestamp::from_seconds(1_000_000_000);
        assert_eq!(stamps.next(Timestamp::EPOCH), Ok(START));
        clock.0.lock().0 = START;
        assert_eq!(stamps.next(Timestamp::EPOCH), Ok(START));
    }

    #[test]
    fn a_start_long_after_the_last_stamp_is_confirmed_first() {
        for (days, believed) in [(1, true), (179, true), (181, false)] {
            let clock = Arc::new(SimClock::starting_at(START.after(HOUR * 24 * days)));
            let stamps = Stamps::after(START, alone(&clock));
            assert_eq!(stamps.next(Timestamp::EPOCH).is_ok(), believed, "{days} days");
            assert_eq!(stamps.confirm(clock.now()).is_ok(), !believed);
            assert!(stamps.next(Timestamp::EPOCH).is_ok());
        }
    }
}
