//! The reference model: what the store may answer, per name.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::disk_store::DiskStore;
use crate::{FragmentName, ReadError, contents};

/// For every name ever used, the states it may be in: one if the last request for
/// it was answered, several if it failed or was cut off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    allowed: BTreeMap<FragmentName, Vec<Option<Bytes>>>,
}

impl Model {
    /// A request for this name was answered.
    pub(crate) fn is(&mut self, name: FragmentName, state: Option<Bytes>) {
        self.allowed.insert(name, vec![state]);
    }

    /// A request for this name was not answered, or with an error.
    pub(crate) fn may_be(&mut self, name: FragmentName, state: Option<Bytes>) {
        self.allowed.entry(name).or_insert_with(|| vec![None]).push(state);
    }

    pub(crate) fn names(&self) -> Vec<FragmentName> {
        self.allowed.keys().copied().collect()
    }

    /// Compares the store with the model; with `settle`, what was uncertain is from
    /// now on what was seen. Says what is wrong.
    pub(crate) fn check(&mut self, store: &DiskStore, settle: bool) -> Result<(), String> {
        let mut listed = BTreeMap::new();
        let mut after = None;
        loop {
            let page = store.list(after, 1_000);
            let Some(last) = page.last() else { break };
            after = Some(last.name);
            listed.extend(page.iter().map(|l| (l.name, l.bytes)));
        }
        let stray = listed.keys().find(|name| !self.allowed.contains_key(name));
        if let Some(name) = stray {
            return Err(format!("{name} is listed but was never stored"));
        }
        let mut live = 0;
        for (name, allowed) in &mut self.allowed {
            let seen = match store.read_whole(*name) {
                Ok(fragment) if fragment.header.name == *name => Some(fragment.payload),
                Ok(fragment) => return Err(format!("{name} reads as {}", fragment.header.name)),
                Err(ReadError::NotFound { .. }) => None,
                Err(error) => return Err(format!("{name}: {error}")),
            };
            if !allowed.contains(&seen) {
                return Err(wrong(*name, seen.as_ref(), allowed));
            }
            if listed.contains_key(name) != seen.is_some() {
                return Err(format!("{name}: listing and reading disagree"));
            }
            if let Some(bytes) = &seen {
                live += contents::record_bytes_of(u32::try_from(bytes.len()).unwrap_or(0));
            }
            if settle {
                *allowed = vec![seen];
            }
        }
        let space = store.space().map_err(|error| error.to_string())?;
        if space.live.get() != live {
            return Err(format!("the ledger says {} live bytes, not {live}", space.live));
        }
        Ok(())
    }
}

fn wrong(name: FragmentName, seen: Option<&Bytes>, allowed: &[Option<Bytes>]) -> String {
    let length = |state: Option<&Bytes>| {
        state.map_or("absent".to_owned(), |bytes| format!("{} bytes", bytes.len()))
    };
    let wanted: Vec<String> = allowed.iter().map(|state| length(state.as_ref())).collect();
    format!("{name} is {} but must be {}", length(seen), wanted.join(" or "))
}
