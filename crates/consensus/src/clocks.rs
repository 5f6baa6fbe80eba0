//! What time it is, by the clocks of all who vote.
//!
//! One clock may be hours off, and whoever leads stamps for all. So each node knows of the
//! others what their wall clocks said when its own stop-watch said so much, and takes a
//! reading that a minority cannot push ahead:
//!
//! ```text
//!  5 vote, 5 known   21:58   22:00  [22:00]  03:00   04:00     two ahead: not later than
//!  5 vote, 3 known                  [22:00]  03:00   04:00     a clock that is right
//!  2 vote, 2 known          [22:00]  04:00                     the earlier
//! ```
//! Of the readings in order it is the one with half of the voters, rounded down, behind it.
//! A reading goes on by the stop-watch: that one's own wall clock is set moves only one's
//! own reading, and a voter that is away is known for a while longer.
//!
//! **Invariants**
//! - While fewer than half of the voters are ahead (of an even number: no more than half),
//!   the cluster's time is not later than that of a clock that is right, beyond half of
//!   [`limits::CLOCK_ASK_WITHIN`]; by how much they are ahead does not matter.
//! - There is no cluster's time before more than half of the voters are known.
//! - Nobody loses the lead, and nobody is refused, for what its clock says.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use units::{Clock, NodeId, Timestamp, planted};

use crate::limits;
use crate::member::Member;
use crate::types::Raft;

/// The clock of this machine and those of the voters are too far apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOff {
    /// What the clock of this machine says.
    pub own: Timestamp,
    /// What the others say by theirs, about.
    pub others: Timestamp,
}

impl ClockOff {
    /// By how much.
    pub fn apart(&self) -> Duration {
        apart(self.own, self.others)
    }

    /// Whether it is this machine's that is ahead.
    pub fn is_ahead(&self) -> bool {
        self.own > self.others
    }
}

/// What a node said of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Its wall clock said this.
    Says(Timestamp),
    /// It is of a build that cannot be asked, and agrees with whoever asks.
    Agrees,
}

/// The clocks of all, as this node knows them. As a [`Clock`]: the cluster's time as far as
/// it is known; until it is for the first time, one's own.
pub(crate) struct Clocks {
    me: NodeId,
    own: Arc<dyn Clock>,
    /// Knows who votes; none for a site that is alone for good.
    raft: Option<Raft>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    words: BTreeMap<NodeId, (Word, Duration)>,
    /// The cluster's time when it was last known, and what the stop-watch said then.
    last: Option<(Timestamp, Duration)>,
}

impl Clocks {
    /// Of a site that is alone for good.
    pub(crate) fn alone(own: Arc<dyn Clock>) -> Self {
        let me = NodeId::from_u128(0);
        Self { me, own, raft: None, known: Mutex::default() }
    }

    /// Of one of several, or that may become one.
    pub(crate) fn among(me: NodeId, own: Arc<dyn Clock>, raft: Raft) -> Self {
        Self { me, own, raft: Some(raft), known: Mutex::default() }
    }

    /// What the wall clock of this machine says: what others are told.
    pub(crate) fn own(&self) -> Timestamp {
        self.own.now()
    }

    /// The cluster's time, if enough of the voters are known.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        let Some(raft) = &self.raft else { return Some(self.own.now()) };
        if planted::is_on("consensus-own-clock") {
            return Some(self.own.now());
        }
        let voters = voters(raft);
        let (now, elapsed) = (self.own.now(), self.own.elapsed());
        let mut known = self.known.lock();
        let time = chosen(voters.len(), known.readings(&voters, self.me, now, elapsed));
        known.last = time.map(|time| (time, elapsed)).or(known.last);
        time
    }

    /// The same; while too few are known, it goes on by the stop-watch from when they last
    /// were. None before they were for the first time.
    pub(crate) fn time_so_far(&self) -> Option<Timestamp> {
        self.time().or_else(|| {
            let (time, at) = self.known.lock().last?;
            Some(time.after(self.own.elapsed().saturating_sub(at)))
        })
    }

    /// Whether the clock of this machine differs from those of most other voters: the
    /// fewer there are, the less this says which of them is right.
    pub(crate) fn off(&self) -> Option<ClockOff> {
        let mut voters = voters(self.raft.as_ref()?);
        voters.remove(&self.me);
        let (own, elapsed) = (self.own.now(), self.own.elapsed());
        let said = |node: &NodeId| self.known.lock().said(*node, elapsed);
        off(own, voters.iter().filter_map(said).collect())
    }

    /// A node said this when the stop-watch said that.
    pub(crate) fn note(&self, node: NodeId, word: Word, at: Duration) {
        let mut known = self.known.lock();
        let is_newer = known.words.get(&node).is_none_or(|(_, before)| *before <= at);
        if is_newer {
            known.words.insert(node, (word, at));
        }
    }

    /// Whether it is known what a node's clock says.
    pub(crate) fn knows(&self, node: NodeId) -> bool {
        let elapsed = self.own.elapsed();
        self.known.lock().word(node, elapsed).is_some()
    }

    /// Forgets all but these.
    pub(crate) fn keep(&self, nodes: &BTreeSet<NodeId>) {
        self.known.lock().words.retain(|node, _| nodes.contains(node));
    }
}

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        self.time_so_far().unwrap_or_else(|| self.own.now())
    }

    fn elapsed(&self) -> Duration {
        self.own.elapsed()
    }
}

impl Known {
    /// What a node said, and how long ago.
    fn word(&self, node: NodeId, elapsed: Duration) -> Option<(Word, Duration)> {
        let (word, at) = self.words.get(&node)?;
        let ago = elapsed.saturating_sub(*at);
        (ago <= limits::CLOCK_KNOWN_FOR).then_some((*word, ago))
    }

    /// What a node's clock says by now, if it said anything.
    fn said(&self, node: NodeId, elapsed: Duration) -> Option<Timestamp> {
        match self.word(node, elapsed)? {
            (Word::Says(time), ago) => Some(time.after(ago)),
            (Word::Agrees, _) => None,
        }
    }

    /// What the clocks of the voters say by now, as far as they are known.
    fn readings(
        &self,
        voters: &BTreeSet<NodeId>,
        me: NodeId,
        now: Timestamp,
        elapsed: Duration,
    ) -> Vec<Timestamp> {
        let reading = |node: &NodeId| match self.word(*node, elapsed) {
            _ if *node == me => Some(now),
            Some((Word::Agrees, _)) => Some(now),
            _ => self.said(*node, elapsed),
        };
        voters.iter().filter_map(reading).collect()
    }
}

/// Who votes, by the newest membership: also before those who voted so far have all gone.
fn voters(raft: &Raft) -> BTreeSet<NodeId> {
    let metrics = raft.metrics();
    let metrics = metrics.borrow();
    let newest = metrics.membership_config.membership().get_joint_config().last();
    newest.into_iter().flatten().copied().map(Member::node).collect()
}

/// The time of a cluster of so many voters, of which these readings are known.
fn chosen(voters: usize, mut readings: Vec<Timestamp>) -> Option<Timestamp> {
    readings.sort_unstable();
    let at = readings.len().checked_sub(1 + voters / 2)?;
    readings.get(at).copied()
}

/// What is told of a clock beside these.
fn off(own: Timestamp, others: Vec<Timestamp>) -> Option<ClockOff> {
    let all = others.len();
    let is_far = |other: &Timestamp| apart(own, *other) > limits::CLOCK_APART_MAX;
    let mut far: Vec<_> = others.into_iter().filter(is_far).collect();
    far.sort_unstable();
    let others = far.get(far.len() / 2).copied()?;
    (far.len() * 2 > all).then_some(ClockOff { own, others })
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
mod tests {
    use units::SimClock;

    use super::*;

    const RIGHT: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    fn shifted(hours: i64) -> Timestamp {
        Timestamp::from_seconds(RIGHT.seconds() + hours * 3_600)
    }

    /// Every way to make so many clocks be off by one of these, in every order.
    fn all(count: usize) -> Vec<Vec<i64>> {
        let mut all = vec![Vec::new()];
        for _ in 0..count {
            let longer = |one: &Vec<i64>| {
                [0, 1, 30, -1, -30].map(|hours| one.iter().copied().chain([hours]).collect())
            };
            all = all.iter().flat_map(longer).collect();
        }
        all
    }

    #[test]
    fn no_minority_pushes_the_time_ahead() {
        for voters in 1..=5 {
            for known in 1..=voters {
                for hours in all(known) {
                    let time = chosen(voters, hours.iter().copied().map(shifted).collect());
                    if known * 2 <= voters {
                        assert_eq!(time, None, "{hours:?} of {voters}");
                        continue;
                    }
                    let time = time.expect("a majority is known");
                    let ahead = hours.iter().filter(|hours| **hours > 0).count();
                    let behind = hours.iter().filter(|hours| **hours < 0).count();
                    let wrong_most = if voters == 1 { 0 } else { voters / 2 };
                    if ahead <= wrong_most {
                        assert!(time <= RIGHT, "{hours:?} of {voters}");
                    }
                    if behind + wrong_most < known {
                        assert!(time >= RIGHT, "{hours:?} of {voters}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_earlier_of_two_counts_and_one_counts_alone() {
        assert_eq!(chosen(2, vec![shifted(30), RIGHT]), Some(RIGHT));
        assert_eq!(chosen(2, vec![RIGHT]), None);
        assert_eq!(chosen(1, vec![shifted(30)]), Some(shifted(30)));
        assert_eq!(chosen(0, Vec::new()), None);
    }

    fn node(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    #[test]
    fn what_was_said_goes_on_by_the_stop_watch_and_is_forgotten() {
        let voters: BTreeSet<_> = [1, 2, 3].map(node).into();
        let mut known = Known::default();
        let asked = Duration::from_secs(50);
        known.words.insert(node(2), (Word::Says(RIGHT), asked));
        known.words.insert(node(3), (Word::Says(RIGHT), asked));
        // One's own clock is set meanwhile, a day ahead and 30 years back.
        for own in [shifted(24), shifted(-24 * 365 * 30)] {
            for later in [Duration::ZERO, Duration::from_secs(9), limits::CLOCK_KNOWN_FOR] {
                let readings = known.readings(&voters, node(1), own, asked + later);
                assert_eq!(chosen(3, readings), Some(RIGHT.after(later)), "{own:?} {later:?}");
            }
        }
        let long = asked + limits::CLOCK_KNOWN_FOR + Duration::from_millis(1);
        assert_eq!(chosen(3, known.readings(&voters, node(1), RIGHT, long)), None);
        known.words.insert(node(3), (Word::Agrees, long));
        let own = shifted(5);
        assert_eq!(chosen(3, known.readings(&voters, node(1), own, long)), Some(own));
        // The clock of one that does not vote counts for nothing, its own least of all.
        known.words.insert(node(9), (Word::Says(shifted(-9)), asked));
        known.words.insert(node(3), (Word::Says(RIGHT), asked));
        assert_eq!(known.readings(&voters, node(9), own, asked), [RIGHT; 2]);
    }

    #[test]
    fn an_answer_that_comes_late_makes_nothing_older() {
        let clocks = Clocks::alone(Arc::new(SimClock::starting_at(RIGHT)));
        clocks.note(node(2), Word::Says(shifted(2)), HOUR);
        clocks.note(node(2), Word::Says(shifted(1)), Duration::ZERO);
        assert_eq!(clocks.known.lock().said(node(2), HOUR), Some(shifted(2)));
        assert!(clocks.knows(node(2)));
        clocks.keep(&BTreeSet::new());
        assert!(!clocks.knows(node(2)));
    }

    #[test]
    fn whoever_differs_from_most_others_is_told() {
        let check = |own: i64, others: &[i64], expected: Option<i64>| {
            let found = off(shifted(own), others.iter().copied().map(shifted).collect());
            assert_eq!(found.map(|off| off.others), expected.map(shifted), "{own} {others:?}");
        };
        check(0, &[], None);
        check(0, &[0, 0], None);
        check(30, &[0], Some(0));
        check(0, &[30], Some(30));
        check(30, &[0, 0], Some(0));
        check(0, &[30, 0], None);
        check(30, &[30, 0, 0, 0], Some(0));
        check(0, &[30, 30, 0, 0], None);
        check(-5, &[0, 0], Some(0));
        let close = off(RIGHT, vec![RIGHT.after(limits::CLOCK_APART_MAX)]);
        assert_eq!(close, None);
        let ahead = ClockOff { own: shifted(30), others: RIGHT };
        assert!(ahead.is_ahead() && ahead.apart() == HOUR * 30);
    }
}
