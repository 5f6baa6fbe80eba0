//! The reference model: what each key may answer.
//!
//! Nearly always that is one thing. After a verb whose answer was lost with the
//! power it is two, what was and what would be, until somebody looks: from then on
//! it is what was seen, for good.

use std::collections::BTreeMap;

use bytes::Bytes;

/// What a key may hold: an object, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Any of these; `None` is "not there".
    pub any_of: Vec<Option<Bytes>>,
}

/// Keys and what they may hold.
#[derive(Clone, Debug, Default)]
pub struct Model {
    keys: BTreeMap<String, Expected>,
}

impl Model {
    /// What the key may hold.
    pub fn expected(&self, key: &str) -> Expected {
        self.keys.get(key).cloned().unwrap_or(Expected { any_of: vec![None] })
    }

    /// A verb was acknowledged: this and nothing else.
    pub fn acknowledged(&mut self, key: &str, value: Option<Bytes>) {
        self.keys.insert(key.to_owned(), Expected { any_of: vec![value] });
    }

    /// A verb was cut off: what was, or this.
    pub fn unknown(&mut self, key: &str, value: Option<Bytes>) {
        let mut expected = self.expected(key);
        if !expected.any_of.contains(&value) {
            expected.any_of.push(value);
        }
        self.keys.insert(key.to_owned(), expected);
    }

    /// Somebody looked; false if nothing of what was seen may be.
    pub fn seen(&mut self, key: &str, value: &Option<Bytes>) -> bool {
        let may = self.expected(key).any_of.contains(value);
        if may {
            self.acknowledged(key, value.clone());
        }
        may
    }

    /// All keys ever used.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.keys.keys()
    }
}
