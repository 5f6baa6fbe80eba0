//! Directory rows that every request needs, kept while none of them changes.
//!
//! **Invariant**: what is given was read under the revision that holds now, so a
//! change that was answered is seen by every request that begins after it.

use core::borrow::Borrow;
use core::hash::Hash;
use std::collections::HashMap;

use parking_lot::RwLock;
use units::planted;

use crate::planted::OLD_DIRECTORY;

/// Values read from directory rows, each with the revision it was read under.
pub(crate) struct Kept<K, V> {
    values: RwLock<HashMap<K, (u64, V)>>,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// Room for `most` values.
    pub(crate) fn new(most: usize) -> Self {
        Self { values: RwLock::default(), most }
    }

    /// The value, if no directory row changed since it was read.
    pub(crate) fn get<Q>(&self, key: &Q, revision: u64) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let values = self.values.read();
        let (read_under, value) = values.get(key)?;
        let holds = *read_under == revision || planted::is_on(OLD_DIRECTORY);
        holds.then(|| value.clone())
    }

    /// The value as it was read last, which may be out of date.
    pub(crate) fn stale<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.values.read().get(key).map(|(_, value)| value.clone())
    }

    /// Keeps a value. `revision` was asked for before the rows were read.
    pub(crate) fn put(&self, key: K, revision: u64, value: V) {
        let mut values = self.values.write();
        if values.len() >= self.most && !values.contains_key(&key) {
            // Rare, and refilling is cheap: begin again rather than keep an order.
            values.clear();
        }
        values.insert(key, (revision, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outlives_its_revision_or_its_room() {
        let kept = Kept::new(2);
        kept.put("a", 7, 1);
        assert_eq!(kept.get("a", 7), Some(1));
        assert_eq!(kept.get("a", 8), None, "a row changed");
        assert_eq!(kept.stale("a"), Some(1));
        kept.put("a", 8, 2);
        kept.put("b", 8, 3);
        assert_eq!((kept.get("a", 8), kept.get("b", 8)), (Some(2), Some(3)));
        kept.put("c", 8, 4);
        assert_eq!((kept.get("a", 8), kept.get("c", 8)), (None, Some(4)), "room for two");
    }
}
