//! Whether this node is in touch with the cluster, and since when it is not.
//!
//! In touch is who learns from the leader what there is to be shown, and shows it: as a
//! read does that waits for the newest. A node that nobody reads asks by itself. One that
//! has learnt nothing for [`limits::CUT_OFF_AFTER`] is cut off: it can say until when it
//! knew everything, and no more.
//!
//! **Invariants**
//! - What was acknowledged anywhere before [`CutOff::since`] is shown here.
//! - Who is alone in a cluster is never cut off.
//! - Silence is counted by a watch that stands still while the machine sleeps: after a
//!   sleep a node is given time to hear from the others.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use units::{Clock, Timestamp};

use crate::forward::Forwarder;
use crate::limits;
use crate::reading::{self, Reads};

/// This node cannot learn what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// When it last knew everything. Of one that was cut off when it started: when the last
    /// command was ordered that it knows.
    pub since: Timestamp,
}

/// When this node was last in touch.
pub(crate) struct Touch {
    clock: Arc<dyn Clock>,
    /// By the watch and by the clock.
    last: watch::Sender<(Instant, Timestamp)>,
    cut: watch::Sender<Option<CutOff>>,
}

/// An instant by the watch and by the clock.
pub(crate) type Moment = (Instant, Timestamp);

impl Touch {
    /// At the start: the last command that is known was ordered at `stamped`.
    pub(crate) fn new(clock: Arc<dyn Clock>, stamped: Timestamp) -> Self {
        let last = watch::Sender::new((Instant::now(), stamped));
        Self { clock, last, cut: watch::Sender::new(None) }
    }

    pub(crate) fn now(&self) -> Moment {
        (Instant::now(), self.clock.now())
    }

    /// Everything that was acknowledged before this moment is shown.
    pub(crate) fn note(&self, moment: Moment) {
        let note = |last: &mut Moment| {
            let is_later = moment.0 > last.0;
            if is_later {
                *last = moment;
            }
            is_later
        };
        self.last.send_if_modified(note);
        self.judge(Instant::now());
    }

    /// Decides anew whether this node is cut off.
    fn judge(&self, now: Instant) {
        let (heard, since) = *self.last.borrow();
        let silent = now.saturating_duration_since(heard);
        let cut = (silent >= limits::CUT_OFF_AFTER).then_some(CutOff { since });
        let is_new = |known: &mut Option<CutOff>| core::mem::replace(known, cut) != cut;
        if self.cut.send_if_modified(is_new) {
            if cut.is_some() {
                tracing::warn!(
                    "cut off from the other sites: reads show what was known then, nothing is \
                     written"
                );
            } else {
                tracing::info!("in touch with the other sites again");
            }
        }
    }

    /// Whether this node is cut off now.
    pub(crate) fn cut_off(&self) -> Option<CutOff> {
        *self.cut.borrow()
    }

    /// Waits until it is.
    pub(crate) async fn until_cut_off(&self) -> CutOff {
        let mut cut = self.cut.subscribe();
        loop {
            if let Some(cut) = *cut.borrow_and_update() {
                return cut;
            }
            if cut.changed().await.is_err() {
                core::future::pending::<()>().await;
            }
        }
    }
}

/// The task that keeps in touch when nobody reads.
#[derive(Clone)]
pub(crate) struct Keeping {
    pub(crate) touch: Arc<Touch>,
    pub(crate) reads: Reads,
    pub(crate) forwarder: Forwarder,
}

impl Keeping {
    /// Until it is aborted.
    pub(crate) async fn run(self) {
        let mut looks = tokio::time::interval(limits::TOUCH_LOOK_INTERVAL);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let now = self.touch.now();
            if self.reads.is_current() {
                self.touch.note(now);
                continue;
            }
            let silent = self.touch.last.borrow().0.elapsed();
            if silent < limits::TOUCH_EVERY {
                continue;
            }
            // Asked before it is judged: what stood still may have been this process.
            let within = limits::READ_POINT_WITHIN;
            if reading::is_confirmed(&self.reads, &self.forwarder, within).await {
                self.touch.note(now);
            } else {
                self.touch.judge(Instant::now());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use units::SimClock;

    use super::*;

    fn touch() -> (Arc<SimClock>, Touch) {
        let clock = Arc::new(SimClock::starting_at(Timestamp::from_seconds(100)));
        (Arc::clone(&clock), Touch::new(clock, Timestamp::from_seconds(7)))
    }

    #[tokio::test]
    async fn silence_cuts_off_and_says_since_when() {
        let (clock, touch) = touch();
        let heard = touch.now();
        touch.note(heard);
        clock.advance(Duration::from_hours(8));
        let end = heard.0 + limits::CUT_OFF_AFTER;
        touch.judge(end - Duration::from_millis(1));
        assert_eq!(touch.cut_off(), None, "the machine slept");
        touch.judge(end);
        let since = Timestamp::from_seconds(100);
        assert_eq!(touch.cut_off(), Some(CutOff { since }));
        assert_eq!(touch.until_cut_off().await, CutOff { since });
        touch.note(touch.now());
        assert_eq!(touch.cut_off(), None);
    }

    #[test]
    fn who_starts_cut_off_says_what_it_knows_last() {
        let (_clock, touch) = touch();
        touch.judge(touch.now().0 + limits::CUT_OFF_AFTER);
        assert_eq!(touch.cut_off(), Some(CutOff { since: Timestamp::from_seconds(7) }));
    }

    #[test]
    fn a_late_answer_to_an_old_question_makes_nothing_older() {
        let (clock, touch) = touch();
        let asked = touch.now();
        clock.advance(Duration::from_secs(3));
        let later = touch.now();
        touch.note(later);
        touch.note(asked);
        touch.judge(later.0 + limits::CUT_OFF_AFTER);
        assert_eq!(touch.cut_off(), Some(CutOff { since: Timestamp::from_seconds(103) }));
    }
}
