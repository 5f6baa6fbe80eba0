//! What was written, as clients know it: registers, each with one writer at a time.
//!
//! **Invariant**: whoever reads sees a write that was not superseded by one that was
//! answered, or seen by a read that was answered, before the read began; and none that had
//! not begun when it ended. A write whose outcome is unknown is the last of its key.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use bytes::Bytes;
use parking_lot::Mutex;

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    /// It was not answered, so far or for good.
    Open,
    /// It was acknowledged.
    Done,
    /// It was refused: nothing of it may ever be seen.
    Void,
}

#[derive(Clone, Debug)]
struct Write {
    /// None: a deletion, or the beginning.
    body: Option<Bytes>,
    became: Became,
}

/// One key.
#[derive(Clone, Debug)]
struct Register {
    writes: Vec<Write>,
    /// The latest write that was acknowledged or seen.
    least: usize,
    /// Somebody writes it, or its last write has no answer.
    is_taken: bool,
}

impl Default for Register {
    fn default() -> Self {
        let nothing = Write { body: None, became: Became::Done };
        Self { writes: vec![nothing], least: 0, is_taken: false }
    }
}

/// A key: a bucket and a name in it.
pub(crate) type Key = (&'static str, String);

/// All registers.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<Key, Register>>);

/// A write that has begun.
#[derive(Debug)]
pub(crate) struct Writing {
    key: Key,
    number: usize,
}

/// A read that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    least: usize,
}

impl Ledger {
    /// Begins a write; none if somebody else writes the key.
    pub(crate) fn write_begin(&self, key: &Key, body: Option<Bytes>) -> Option<Writing> {
        let mut all = self.0.lock();
        let register = all.entry(key.clone()).or_default();
        if register.is_taken {
            return None;
        }
        register.is_taken = true;
        register.writes.push(Write { body, became: Became::Open });
        Some(Writing { key: key.clone(), number: register.writes.len() - 1 })
    }

    /// Its outcome: acknowledged, refused, or neither, and then it is open for good.
    pub(crate) fn write_end(&self, writing: Writing, outcome: Outcome) {
        let mut all = self.0.lock();
        let register = all.entry(writing.key).or_default();
        match outcome {
            Outcome::Done => {
                register.writes[writing.number].became = Became::Done;
                register.least = register.least.max(writing.number);
                register.is_taken = false;
            }
            Outcome::Refused => {
                register.writes[writing.number].became = Became::Void;
                register.is_taken = false;
            }
            Outcome::Unknown => {}
        }
    }

    /// Begins a read.
    pub(crate) fn read_begin(&self, key: &Key) -> Reading {
        Reading { least: self.0.lock().get(key).map_or(0, |register| register.least) }
    }

    /// What a read saw; an error is something that it must not have seen. `same` says
    /// whether what it saw is this write.
    pub(crate) fn read_end(
        &self,
        key: &Key,
        reading: Reading,
        same: impl Fn(Option<&Bytes>) -> bool,
        seen: &str,
    ) -> Result<()> {
        let mut all = self.0.lock();
        let register = all.entry(key.clone()).or_default();
        let may = register.writes.iter().enumerate().skip(reading.least);
        let mut may = may.filter(|(_, write)| write.became != Became::Void);
        let Some((number, _)) = may.find(|(_, write)| same(write.body.as_ref())) else {
            let all: Vec<String> = register.writes.iter().map(Write::to_string).collect();
            let least = reading.least;
            bail!("{key:?} was read as {seen}; from write {least} on it may be: {all:?}");
        };
        register.least = register.least.max(number);
        Ok(())
    }

    /// All keys that were ever written.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.0.lock().keys().cloned().collect()
    }

    /// How many writes were acknowledged, were refused, and have no answer.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let all = self.0.lock();
        let writes = || all.values().flat_map(|register| register.writes.iter().skip(1));
        let count = |became| writes().filter(|write| write.became == became).count() as u64;
        (count(Became::Done), count(Became::Void), count(Became::Open))
    }
}

/// What a client was told of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Refused,
    Unknown,
}

impl core::fmt::Display for Write {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.body {
            None => write!(to, "{:?} nothing", self.became),
            Some(body) => write!(to, "{:?} {} bytes", self.became, body.len()),
        }
    }
}
