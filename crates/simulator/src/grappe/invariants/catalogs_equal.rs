//! All nodes have the same rows.

use core::ops::Bound;
use core::time::Duration;
use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use crate::grappe::grappe::Grappe;

const WITHIN: Duration = Duration::from_secs(30);

type AllRows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Once all have applied the same entry.
pub(crate) async fn catalogs_equal(grappe: &Grappe) -> Result<()> {
    let begun = tokio::time::Instant::now();
    loop {
        let mut all = Vec::new();
        for (number, process) in grappe.up() {
            all.push((number, process.consensus.status().applied, rows(process)?));
        }
        let (first, applied, expected) = all.first().context("a machine")?;
        // The steward of whoever leads goes on writing; then some are behind for a moment.
        if all.iter().all(|(_, other, _)| other == applied) {
            for (number, _, rows) in &all {
                let differing = expected.iter().find(|(key, value)| rows.get(*key) != Some(*value));
                let differing = differing.map(|(key, _)| key);
                let is_same = rows == expected;
                ensure!(
                    is_same,
                    "{first} and {number} have other rows at {applied}: {differing:02x?}"
                );
            }
            return Ok(());
        }
        let applied: Vec<_> = all.iter().map(|(number, applied, _)| (*number, *applied)).collect();
        let statuses = || grappe.up().map(|(at, one)| (at, one.consensus.status()));
        ensure!(
            begun.elapsed() < WITHIN,
            "catalogs stay behind: {applied:?}: {:#?}",
            statuses().collect::<Vec<_>>()
        );
        tokio::time::sleep(Duration::from_millis(130)).await;
    }
}

fn rows(process: &crate::grappe::machine::Process) -> Result<AllRows> {
    let view = process.consensus.view();
    let all = view.rows().scan(Bound::Unbounded, Bound::Excluded(&[kv::RESERVED_PREFIX]));
    Ok(all.collect::<Result<_, _>>()?)
}
