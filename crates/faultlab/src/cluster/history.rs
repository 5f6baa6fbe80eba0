//! What clients saw of each key, in the terms of the checker.
//!
//! A value is a number that is written once. Its bytes are made again from it, and its
//! length is no other value's of the same key, so that a listing tells which it saw.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::linear::{self, Did, Operation, Refusal, State};

/// Operations of a key that are shown before one that cannot be explained.
const SHOWN: usize = 14;

/// Contents that are put once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its number, from 1.
    pub id: u64,
    /// Its length.
    pub length: usize,
}

impl Value {
    /// The least length: the number itself.
    const LENGTH_MIN: usize = 8;

    /// The bytes: the number, then what it seeds.
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; self.length];
        let (head, rest) = bytes.split_at_mut(Self::LENGTH_MIN);
        head.copy_from_slice(&self.id.to_le_bytes());
        ChaCha8Rng::seed_from_u64(self.id).fill_bytes(rest);
        bytes
    }
}

/// What was done and seen of each key.
#[derive(Debug, Default)]
pub struct History {
    keys: BTreeMap<String, Key>,
    values: u64,
}

#[derive(Debug, Default)]
struct Key {
    operations: Vec<Operation>,
    /// Who did each of them, for people.
    told: Vec<String>,
    lengths: HashMap<usize, u64>,
}

impl History {
    /// A new value for a key, of about this length.
    pub fn value(&mut self, key: &str, about: usize) -> Value {
        self.values += 1;
        let lengths = &mut self.keys.entry(key.to_owned()).or_default().lengths;
        let mut length = about.max(Value::LENGTH_MIN);
        while lengths.contains_key(&length) {
            length += 1;
        }
        lengths.insert(length, self.values);
        Value { id: self.values, length }
    }

    /// Which value of a key these bytes are; none if they are none.
    pub fn read(&self, key: &str, bytes: &[u8]) -> Option<u64> {
        let id = self.listed(key, bytes.len())?;
        (Value { id, length: bytes.len() }.bytes() == bytes).then_some(id)
    }

    /// Which value of a key has this length.
    pub fn listed(&self, key: &str, length: usize) -> Option<u64> {
        self.keys.get(key)?.lengths.get(&length).copied()
    }

    /// An operation is over.
    pub fn add(&mut self, key: &str, by: String, operation: Operation) {
        let key = self.keys.entry(key.to_owned()).or_default();
        key.operations.push(operation);
        key.told.push(by);
    }

    /// Adds that something was seen or set, from a call to its answer.
    pub fn answered(&mut self, key: &str, by: String, did: Did, called: Duration, now: Duration) {
        self.add(key, by, Operation { did, called, returned: Some(now) });
    }

    /// Adds a write that nobody answered.
    pub fn unknown(&mut self, key: &str, by: String, set: State, called: Duration) {
        self.add(key, by, Operation { did: Did::Set(set), called, returned: None });
    }

    /// Every key that was touched.
    pub fn keys(&self) -> Vec<String> {
        self.keys.keys().cloned().collect()
    }

    /// How many operations there are.
    pub fn operations(&self) -> usize {
        self.keys.values().map(|key| key.operations.len()).sum()
    }

    /// Checks every key; what cannot be explained, told for people.
    pub fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, key) in &self.keys {
            match linear::check(&key.operations) {
                Ok(()) => {}
                Err(Refusal::Undecided) => {
                    wrong.push(format!(
                        "{name}: {} operations are too many to judge",
                        key.operations.len()
                    ));
                }
                Err(Refusal::Impossible { explained, operation }) => {
                    wrong.push(key.told_around(name, explained, operation));
                }
            }
        }
        wrong
    }
}

impl Key {
    /// What led to an operation that cannot be explained.
    fn told_around(&self, name: &str, explained: usize, operation: usize) -> String {
        let mut text = format!(
            "{name}: no order explains its {} operations; {explained} are, not the one marked:",
            self.operations.len()
        );
        let end = self.operations.get(operation).and_then(|one| one.returned);
        let end = end.unwrap_or(Duration::MAX);
        let mut before: Vec<usize> = (0..self.operations.len())
            .filter(|at| self.operations.get(*at).is_some_and(|one| one.called <= end))
            .collect();
        before.sort_unstable_by_key(|at| self.operations.get(*at).map(|one| one.called));
        let from = before.len().saturating_sub(SHOWN);
        for at in before.get(from..).unwrap_or_default() {
            let (Some(one), Some(by)) = (self.operations.get(*at), self.told.get(*at)) else {
                continue;
            };
            let mark = if *at == operation { "->" } else { "  " };
            let returned =
                one.returned.map_or("never answered".to_owned(), |at| format!("{at:.3?}"));
            let did = match one.did {
                Did::Set(Some(value)) => format!("put {value}"),
                Did::Set(None) => "deleted".to_owned(),
                Did::Saw(Some(value)) => format!("saw {value}"),
                Did::Saw(None) => "saw nothing".to_owned(),
            };
            // Writing into a text does not fail.
            let _ = write!(text, "\n    {mark} {:.3?} to {returned}: {did}, {by}", one.called);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart_by_their_bytes_and_by_their_length() {
        let mut history = History::default();
        let (one, other) = (history.value("k", 100), history.value("k", 100));
        assert_ne!(one.length, other.length);
        assert_eq!(history.read("k", &one.bytes()), Some(one.id));
        assert_eq!(history.listed("k", other.length), Some(other.id));
        let mut bytes = one.bytes();
        bytes[50] ^= 1;
        assert_eq!(history.read("k", &bytes), None, "one bit is another");
        assert_eq!(history.read("j", &one.bytes()), None, "another key's");
    }

    #[test]
    fn a_stale_read_is_told_with_what_led_to_it() {
        let mut history = History::default();
        let at = Duration::from_millis;
        let (one, other) = (history.value("k", 10), history.value("k", 10));
        for (did, called) in [
            (Did::Set(Some(one.id)), 0),
            (Did::Set(Some(other.id)), 10),
            (Did::Saw(Some(other.id)), 20),
        ] {
            history.answered("k", "worker 1 at site 1".to_owned(), did, at(called), at(called + 5));
        }
        assert_eq!(history.check(), Vec::<String>::new());
        let stale = Did::Saw(Some(one.id));
        history.answered("k", "worker 2 at site 3".to_owned(), stale, at(30), at(35));
        let wrong = history.check();
        assert_eq!(wrong.len(), 1);
        assert!(
            wrong[0].contains("-> 30.000ms to 35.000ms: saw 1, worker 2 at site 3"),
            "{wrong:?}"
        );
    }
}
