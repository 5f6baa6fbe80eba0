//! Whether what clients saw of one key can have happened in some order, each operation at
//! one instant between its call and its answer: linearizability (Herlihy and Wing, 1990).
//!
//! The search is that of Wing and Gong with Lowe's memory of what was tried ("Testing for
//! linearizability", 2017): take an operation whose call is not behind the answer of
//! another that was not taken, carry it out on the register, go on; where an answer comes
//! whose operation cannot be taken, go back. A set of operations taken and a state of the
//! register that were met before are not tried again. A read that sees the state is taken
//! at once and for good: what comes after it is as possible as without it.
//!
//! A write without an answer may take effect at any time after its call, or never. Both
//! are one here: it may be the very last, where nobody sees it.

use std::collections::HashSet;
use std::time::Duration;

/// Steps after which the search gives up: far beyond what histories of these campaigns
/// need, and a few seconds.
const STEPS_MAX: u64 = 20_000_000;

/// What a register holds: a value that was written once, or nothing.
pub type State = Option<u64>;

/// What an operation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// It set the state: a put, or a delete.
    Set(State),
    /// It saw the state: a read, or a listing.
    Saw(State),
}

/// One operation on a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What it did, or would.
    pub did: Did,
    /// When it was sent.
    pub called: Duration,
    /// When its answer came; none if it never did, and whether it did anything is unknown.
    pub returned: Option<Duration>,
}

/// Why a history is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No order explains it. The longest that was found explains so many operations, and
    /// not this one, by its index.
    Impossible {
        /// Operations that some order explains.
        explained: usize,
        /// Index of one whose answer cannot be explained.
        operation: usize,
    },
    /// The search was too long to say.
    Undecided,
}

/// Whether some order explains all operations on a register that is empty at first.
pub fn check(operations: &[Operation]) -> Result<(), Refusal> {
    let seen: HashSet<State> = operations
        .iter()
        .filter_map(|operation| match operation.did {
            Did::Saw(state) => Some(state),
            Did::Set(_) => None,
        })
        .collect();
    // What nobody answered and nobody saw explains nothing.
    let counts = |operation: &&Operation| match (operation.returned, operation.did) {
        (Some(_), _) => true,
        (None, Did::Set(state)) => seen.contains(&state),
        (None, Did::Saw(_)) => false,
    };
    let taken: Vec<usize> =
        (0..).zip(operations).filter(|(_, one)| counts(one)).map(|(index, _)| index).collect();
    let mut search = Search::new(operations, &taken);
    search.run().map_err(|refusal| match refusal {
        Refusal::Impossible { explained, operation } => Refusal::Impossible {
            explained,
            operation: taken.get(operation).copied().unwrap_or_default(),
        },
        Refusal::Undecided => Refusal::Undecided,
    })
}

/// A call or an answer, in the order of time; a list that entries are taken out of and put
/// back into.
#[derive(Clone, Copy, Debug)]
struct Entry {
    operation: usize,
    is_call: bool,
    before: usize,
    after: usize,
}

struct Search {
    did: Vec<Did>,
    /// Entry 0 is the head; its own operation is none.
    entries: Vec<Entry>,
    /// The entry of each operation's answer.
    answers: Vec<usize>,
    /// Which operations are taken, one bit each.
    taken: Vec<u64>,
}

/// The end of the list.
const END: usize = usize::MAX;

impl Search {
    fn new(operations: &[Operation], chosen: &[usize]) -> Self {
        let mut moments = Vec::with_capacity(chosen.len() * 2);
        let mut did = Vec::with_capacity(chosen.len());
        for (index, operation) in chosen.iter().filter_map(|at| operations.get(*at)).enumerate() {
            let returned = operation.returned.unwrap_or(Duration::MAX);
            // At the same instant calls come first: then they overlap.
            moments.push((operation.called, 0, index));
            moments.push((returned.max(operation.called), 1, index));
            did.push(operation.did);
        }
        moments.sort_unstable();
        let head = Entry { operation: END, is_call: false, before: END, after: END };
        let mut entries = vec![head];
        let mut answers = vec![0; did.len()];
        for (_, kind, operation) in moments {
            let at = entries.len();
            if let Some(last) = entries.last_mut() {
                last.after = at;
            }
            entries.push(Entry { operation, is_call: kind == 0, before: at - 1, after: END });
            if kind == 1
                && let Some(answer) = answers.get_mut(operation)
            {
                *answer = at;
            }
        }
        let taken = vec![0; did.len().div_ceil(64)];
        Self { did, entries, answers, taken }
    }

    fn run(&mut self) -> Result<(), Refusal> {
        let mut state: State = None;
        let mut tried: HashSet<(Vec<u64>, State)> = HashSet::new();
        let mut way: Vec<(usize, State)> = Vec::new();
        let (mut explained, mut operation) = (0, 0);
        let (mut at, mut reads_first) = (self.entries[0].after, true);
        let mut steps = 0;
        while self.entries[0].after != END {
            steps += 1;
            if steps > STEPS_MAX {
                return Err(Refusal::Undecided);
            }
            let (call, entry) = (at, self.entries[at]);
            if entry.is_call {
                let taken = match self.did[entry.operation] {
                    Did::Saw(seen) => (reads_first && seen == state).then_some(state),
                    Did::Set(_) if reads_first => None,
                    Did::Set(set) => Some(set).filter(|set| {
                        self.flip(entry.operation);
                        let is_new = tried.insert((self.taken.clone(), *set));
                        self.flip(entry.operation);
                        is_new
                    }),
                };
                at = entry.after;
                if let Some(after) = taken {
                    self.flip(entry.operation);
                    way.push((call, state));
                    state = after;
                    self.take_out(call);
                    (at, reads_first) = (self.entries[0].after, true);
                }
                continue;
            }
            if reads_first {
                // No more reads see this state: now writes.
                (at, reads_first) = (self.entries[0].after, false);
                continue;
            }
            if way.len() >= explained {
                (explained, operation) = (way.len(), entry.operation);
            }
            loop {
                let Some((call, before)) = way.pop() else {
                    return Err(Refusal::Impossible { explained, operation });
                };
                state = before;
                let operation = self.entries[call].operation;
                self.flip(operation);
                self.put_back(call);
                if matches!(self.did[operation], Did::Set(_)) {
                    at = self.entries[call].after;
                    break;
                }
            }
        }
        Ok(())
    }

    fn flip(&mut self, operation: usize) {
        self.taken[operation / 64] ^= 1 << (operation % 64);
    }

    /// The call and its answer leave the list.
    fn take_out(&mut self, call: usize) {
        self.unlink(call);
        self.unlink(self.answers[self.entries[call].operation]);
    }

    /// In the reverse order of [`Search::take_out`].
    fn put_back(&mut self, call: usize) {
        self.link(self.answers[self.entries[call].operation]);
        self.link(call);
    }

    fn unlink(&mut self, at: usize) {
        let Entry { before, after, .. } = self.entries[at];
        self.entries[before].after = after;
        if after != END {
            self.entries[after].before = before;
        }
    }

    fn link(&mut self, at: usize) {
        let Entry { before, after, .. } = self.entries[at];
        self.entries[before].after = at;
        if after != END {
            self.entries[after].before = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::SliceRandom as _;
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    fn set(value: u64, called: u64, returned: u64) -> Operation {
        let did = Did::Set(Some(value));
        Operation { did, called: ms(called), returned: Some(ms(returned)) }
    }

    fn unknown(value: u64, called: u64) -> Operation {
        Operation { did: Did::Set(Some(value)), called: ms(called), returned: None }
    }

    fn delete(called: u64, returned: u64) -> Operation {
        Operation { did: Did::Set(None), called: ms(called), returned: Some(ms(returned)) }
    }

    fn saw(value: u64, called: u64, returned: u64) -> Operation {
        let did = Did::Saw(Some(value));
        Operation { did, called: ms(called), returned: Some(ms(returned)) }
    }

    fn absent(called: u64, returned: u64) -> Operation {
        Operation { did: Did::Saw(None), called: ms(called), returned: Some(ms(returned)) }
    }

    #[track_caller]
    fn accepted(operations: &[Operation]) {
        assert_eq!(check(operations), Ok(()));
    }

    #[track_caller]
    fn refused(operations: &[Operation], operation: usize) {
        let found = check(operations);
        let Err(Refusal::Impossible { operation: found, .. }) = found else {
            panic!("{found:?}");
        };
        assert_eq!(found, operation);
    }

    #[test]
    fn one_after_the_other() {
        accepted(&[]);
        accepted(&[absent(0, 1), set(1, 2, 3), saw(1, 4, 5), delete(6, 7), absent(8, 9)]);
        accepted(&[set(1, 0, 1), set(2, 2, 3), saw(2, 4, 5), saw(2, 6, 7)]);
    }

    #[test]
    fn a_stale_read_is_refused() {
        refused(&[set(1, 0, 1), set(2, 2, 3), saw(1, 4, 5)], 2);
        refused(&[set(1, 0, 1), delete(2, 3), saw(1, 4, 5)], 2);
        refused(&[set(1, 0, 1), absent(2, 3)], 1);
    }

    #[test]
    fn a_lost_write_and_one_that_nobody_made_are_refused() {
        refused(&[set(1, 0, 1), saw(1, 2, 3), absent(4, 5)], 2);
        refused(&[saw(9, 0, 1)], 0);
        refused(&[set(1, 2, 3), saw(1, 0, 1)], 1);
    }

    #[test]
    fn what_overlaps_may_be_in_either_order_but_for_all_the_same() {
        accepted(&[set(1, 0, 10), set(2, 0, 10), saw(1, 11, 12)]);
        accepted(&[set(1, 0, 10), set(2, 0, 10), saw(2, 11, 12)]);
        accepted(&[set(1, 0, 10), set(2, 0, 10), saw(1, 1, 2), saw(2, 3, 4)]);
        // Two readers that see two orders.
        refused(&[set(1, 0, 10), set(2, 0, 10), saw(1, 11, 12), saw(2, 13, 14)], 3);
        // New, then old again, while the write is under way.
        refused(&[set(1, 0, 1), set(2, 2, 20), saw(2, 3, 4), saw(1, 5, 6)], 3);
        accepted(&[set(1, 0, 1), set(2, 2, 20), saw(1, 3, 4), saw(2, 5, 6)]);
    }

    #[test]
    fn what_touches_overlaps() {
        accepted(&[set(1, 0, 5), absent(5, 6)]);
        refused(&[set(1, 0, 5), absent(6, 7)], 1);
    }

    #[test]
    fn a_write_without_an_answer_may_come_late_or_never() {
        accepted(&[set(1, 0, 1), unknown(2, 2), saw(1, 100, 101)]);
        accepted(&[set(1, 0, 1), unknown(2, 2), saw(1, 100, 101), saw(2, 200, 201)]);
        accepted(&[unknown(1, 0), absent(1, 2), saw(1, 3, 4), set(2, 5, 6), saw(2, 7, 8)]);
        // Once seen it does not go away, and it does not come before it was sent.
        refused(&[set(1, 0, 1), unknown(2, 2), saw(2, 10, 11), saw(1, 12, 13)], 3);
        refused(&[saw(2, 0, 1), unknown(2, 2)], 0);
        // A deletion without an answer explains one absence, not that it comes back.
        let gone = Operation { did: Did::Set(None), called: ms(2), returned: None };
        accepted(&[set(1, 0, 1), gone.clone(), absent(3, 4)]);
        refused(&[set(1, 0, 1), gone, absent(3, 4), saw(1, 5, 6)], 3);
    }

    /// A register that clients use at the same time; each operation takes effect at an
    /// instant drawn between its call and its answer.
    fn history(seed: u64, count: u64, clients: u64) -> Vec<Operation> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut free = vec![0; usize::try_from(clients).unwrap()];
        let mut drawn: Vec<(u64, u64, u64)> = Vec::new();
        for n in 0..count {
            let client = usize::try_from(n % clients).unwrap();
            let called = free[client] + random.random_range(1..20);
            let effect = called + random.random_range(1..40);
            let returned = effect + random.random_range(1..40);
            free[client] = returned;
            drawn.push((effect, called, returned));
        }
        drawn.sort_unstable();
        let (mut state, mut next) = (None, 0);
        let mut operations = Vec::new();
        for (_, called, returned) in drawn {
            let (did, is_unknown) = match random.random_range(0..10) {
                0..=4 => (Did::Saw(state), false),
                5 => (Did::Set(None), random.random_bool(0.1)),
                _ => {
                    next += 1;
                    (Did::Set(Some(next)), random.random_bool(0.1))
                }
            };
            if let Did::Set(set) = did {
                state = set;
            }
            let returned = (!is_unknown).then_some(ms(returned));
            operations.push(Operation { did, called: ms(called), returned });
        }
        operations.shuffle(&mut random);
        operations
    }

    #[test]
    fn histories_of_a_true_register_are_accepted_and_with_one_stale_read_refused() {
        let mut planted = 0;
        for seed in 0..15 {
            let operations = history(seed, 400, 8);
            assert_eq!(check(&operations), Ok(()), "seed {seed}");
            // A read that sees what was overwritten, by an answered write and its reader,
            // long before it was called.
            let mut stale = operations.clone();
            let end = ms(1_000_000);
            let wrote = |value| Did::Set(Some(value));
            stale.push(Operation { did: wrote(90_001), called: end, returned: Some(end + ms(1)) });
            stale.push(Operation {
                did: wrote(90_002),
                called: end + ms(2),
                returned: Some(end + ms(3)),
            });
            stale.push(Operation {
                did: Did::Saw(Some(90_001)),
                called: end + ms(4),
                returned: Some(end + ms(5)),
            });
            assert!(matches!(check(&stale), Err(Refusal::Impossible { .. })), "seed {seed}");
            planted += 1;
        }
        assert_eq!(planted, 15);
    }

    /// All orders, for histories small enough.
    fn by_force(operations: &[Operation]) -> bool {
        fn goes_on(operations: &[Operation], left: &[usize], state: State) -> bool {
            let must = left.iter().any(|at| operations[*at].returned.is_some());
            if !must {
                return true;
            }
            left.iter().any(|at| {
                let one = &operations[*at];
                let is_first = left.iter().all(|other| {
                    operations[*other].returned.is_none_or(|returned| returned >= one.called)
                });
                let after = match one.did {
                    Did::Set(state) => state,
                    Did::Saw(seen) if seen == state || one.returned.is_none() => state,
                    Did::Saw(_) => return false,
                };
                let rest: Vec<usize> = left.iter().copied().filter(|other| other != at).collect();
                is_first && goes_on(operations, &rest, after)
            })
        }
        goes_on(operations, &(0..operations.len()).collect::<Vec<_>>(), None)
    }

    #[test]
    fn small_histories_are_judged_as_by_trying_all_orders() {
        let (mut good, mut bad) = (0, 0);
        for seed in 0..3_000 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let operations: Vec<Operation> = (0..random.random_range(1..7))
                .map(|_| {
                    let state = [None, Some(1), Some(2)][random.random_range(0..3)];
                    let called = random.random_range(0..30);
                    let returned = called + random.random_range(1..12);
                    let is_read = random.random_bool(0.5);
                    let did = if is_read { Did::Saw(state) } else { Did::Set(state) };
                    let returned = (!random.random_bool(0.15)).then_some(ms(returned));
                    Operation { did, called: ms(called), returned }
                })
                .collect();
            let expected = by_force(&operations);
            assert_eq!(check(&operations).is_ok(), expected, "seed {seed}: {operations:#?}");
            good += u32::from(expected);
            bad += u32::from(!expected);
        }
        assert!(good > 300 && bad > 300, "{good} good, {bad} bad");
    }
}
