//! When a part is durable enough to be acknowledged.
//!
//! Of k + m fragments of every stripe k + 1 must be durable, so that any one disk or site
//! may vanish at that instant; where there is no parity, all. The fragments that are
//! missing then are the same ones for all stripes of the part, and are made up for by the
//! steward as soon as the catalog knows the part.
//!
//! **Invariant**: a slot that failed once is not written again, and its fragments are
//! told of, so that a part is never thought whole that is not.

use std::collections::BTreeSet;

use erasure::Code;
use fragments::{ClusterStore, WriteError};
use parking_lot::Mutex;
use units::{DiskId, FragmentNumber, PartId, StripeNumber};

use crate::read::damage::{Damage, DamageKind};

/// How much of a part must be durable, and which slots have failed.
pub(crate) struct Durable {
    needed: usize,
    spare: usize,
    failed: Mutex<BTreeSet<usize>>,
}

impl Durable {
    /// Nothing written yet. Disks that cannot be asked have failed already.
    pub(crate) fn of(code: Code, slots: &[DiskId], fragments: &ClusterStore) -> Self {
        let spare = usize::from(code.parity()).saturating_sub(1);
        let away = |disk: &DiskId| !fragments.reach(*disk).is_there();
        let away = slots.iter().enumerate().filter(|(_, disk)| away(disk));
        // More than may be missing are tried all the same, and refuse with their reason.
        let failed = away.map(|(slot, _)| slot).take(spare).collect();
        Self { needed: usize::from(code.total()) - spare, spare, failed: Mutex::new(failed) }
    }

    /// How many fragments of a stripe must be durable.
    pub(crate) const fn needed(&self) -> usize {
        self.needed
    }

    /// Whether a slot has failed already.
    pub(crate) fn has_failed(&self, slot: usize) -> bool {
        self.failed.lock().contains(&slot)
    }

    /// A slot has failed: gives the error back if that is one too many.
    pub(crate) fn fail(&self, slot: usize, error: WriteError) -> Result<(), WriteError> {
        let mut failed = self.failed.lock();
        failed.insert(slot);
        if failed.len() > self.spare {
            return Err(error);
        }
        tracing::warn!(slot, %error, "a disk did not take a fragment: it is made up for later");
        Ok(())
    }

    /// What is missing of the part once it is written.
    pub(crate) fn missing(&self, part: PartId, slots: &[DiskId]) -> Vec<Damage> {
        let failed = self.failed.lock();
        let damage = |slot: &usize| {
            let fragment = FragmentNumber::new(u8::try_from(*slot).ok()?);
            let disk = *slots.get(*slot)?;
            let (stripe, kind) = (StripeNumber::ZERO, DamageKind::Unread);
            Some(Damage { part, stripe, fragment, disk, kind })
        };
        failed.iter().filter_map(damage).collect()
    }
}
