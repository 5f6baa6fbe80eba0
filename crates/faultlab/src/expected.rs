//! What must be there: the last acknowledged contents of each key, and what an
//! operation without an answer may have made of it.
//!
//! Contents are not kept but made again from a seed, so that a campaign may
//! write gigabytes and remember them in a few bytes each.

use core::fmt;
use std::collections::BTreeMap;

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Contents as a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Seed of the bytes.
    pub seed: u64,
    /// How many bytes.
    pub length: usize,
}

impl Contents {
    /// The bytes.
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; self.length];
        ChaCha8Rng::seed_from_u64(self.seed).fill_bytes(&mut bytes);
        bytes
    }
}

/// The state of one key; `None` is absence.
type State = Option<Contents>;

/// Every key a campaign has touched.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    keys: BTreeMap<String, Vec<State>>,
}

/// How a key disagrees with what was acknowledged.
#[derive(Debug)]
pub struct Loss {
    /// The key.
    pub key: String,
    /// What would have been right.
    pub right: Vec<State>,
    /// Length of what was found; `None` if the key is absent.
    pub found: Option<usize>,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, right, found } = self;
        write!(f, "{key}: found length {found:?}, right would be one of {right:?}")
    }
}

impl Expected {
    /// An operation is about to be sent: from now on its effect is possible.
    pub fn sent(&mut self, key: &str, state: State) {
        let states = self.keys.entry(key.to_owned()).or_insert_with(|| vec![None]);
        if !states.contains(&state) {
            states.push(state);
        }
    }

    /// It was acknowledged: from now on nothing else is right.
    pub fn acknowledged(&mut self, key: &str, state: State) {
        self.keys.insert(key.to_owned(), vec![state]);
    }

    /// It was refused, definitely: its effect must not be seen.
    pub fn refused(&mut self, key: &str, state: State) {
        if let Some(states) = self.keys.get_mut(key)
            && states.len() > 1
        {
            states.retain(|other| *other != state);
        }
    }

    /// Compares what was read; settles an unknown outcome by what was seen.
    pub fn check(&mut self, key: &str, found: Option<&[u8]>) -> Result<(), Loss> {
        let states = self.keys.get(key).cloned().unwrap_or_default();
        let seen = states.iter().find(|state| match (state, found) {
            (None, None) => true,
            (Some(contents), Some(bytes)) => {
                contents.length == bytes.len() && contents.bytes() == bytes
            }
            _ => false,
        });
        match seen {
            Some(state) => {
                self.keys.insert(key.to_owned(), vec![*state]);
                Ok(())
            }
            None => Err(Loss { key: key.to_owned(), right: states, found: found.map(<[u8]>::len) }),
        }
    }

    /// Every key ever touched.
    pub fn keys(&self) -> Vec<String> {
        self.keys.keys().cloned().collect()
    }

    /// Takes over the keys of another worker.
    pub fn merge(&mut self, other: Self) {
        self.keys.extend(other.keys);
    }

    /// Gives the keys that a filter picks to a worker of its own.
    pub fn split(&mut self, mut mine: impl FnMut(&str) -> bool) -> Self {
        let (taken, left) =
            core::mem::take(&mut self.keys).into_iter().partition(|(key, _)| mine(key));
        self.keys = left;
        Self { keys: taken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: State = Some(Contents { seed: 1, length: 10 });
    const B: State = Some(Contents { seed: 2, length: 10 });

    fn bytes(state: State) -> Vec<u8> {
        state.map(Contents::bytes).unwrap_or_default()
    }

    #[test]
    fn an_unknown_outcome_may_be_old_or_new_but_then_stays() {
        let mut expected = Expected::default();
        expected.acknowledged("k", A);
        expected.sent("k", B);
        assert!(expected.check("k", Some(&bytes(B))).is_ok());
        assert!(expected.check("k", Some(&bytes(A))).is_err(), "it was seen as B");
    }

    #[test]
    fn an_acknowledged_write_must_not_be_lost_and_a_refused_one_not_appear() {
        let mut expected = Expected::default();
        expected.sent("k", A);
        expected.acknowledged("k", A);
        assert!(expected.check("k", None).is_err());
        expected.sent("k", B);
        expected.refused("k", B);
        assert!(expected.check("k", Some(&bytes(B))).is_err());
        assert!(expected.check("k", Some(&bytes(A))).is_ok());
    }
}
