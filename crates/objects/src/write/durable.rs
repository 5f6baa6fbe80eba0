//! When a part is durable enough to be acknowledged.
//!
//! Of every stripe so many fragments must be durable that any one disk or site may vanish
//! at that instant and k are left, of which it can be read. Where each fragment has a site
//! of its own, that is k + 1; where a home has k of them, k must be elsewhere besides.
//! Where there is no parity, all. What is late beyond that goes on behind the answer
//! ([`super::stragglers`]). The fragments that failed are told of by
//! their slots once the catalog knows the part, and are made up for by the steward.
//!
//! **Invariant**: a slot that failed once is not written again, and its fragments are
//! told of, so that a part is never thought whole that is not.

use std::collections::{BTreeMap, BTreeSet};

use erasure::Code;
use fragments::{ClusterStore, WriteError};
use parking_lot::Mutex;
use units::{DiskId, FragmentNumber, PartId, SiteId, StripeNumber, planted};

use crate::planted::{LATE_FORGOTTEN, TOO_FEW};
use crate::read::damage::{Damage, DamageKind};

/// How much of a part must be durable, and which slots have failed.
pub(crate) struct Durable {
    /// Fragments of which a stripe can be read.
    data: usize,
    slots: usize,
    /// The site of each slot; empty at a site alone, where disks vanish one by one.
    sites: Vec<SiteId>,
    failed: Mutex<BTreeSet<usize>>,
}

impl Durable {
    /// Nothing written yet. Disks that cannot be asked have failed already. `sites` are
    /// those of the slots, if there are several.
    pub(crate) fn of(
        code: Code,
        slots: &[DiskId],
        sites: Vec<SiteId>,
        fragments: &ClusterStore,
    ) -> Self {
        let durable = Self::none_yet(code, sites, slots.len());
        for (slot, disk) in slots.iter().enumerate() {
            if !fragments.reach(*disk).is_there() {
                // More than may be missing are tried all the same, and refuse with their
                // reason.
                durable.leave_out(slot);
            }
        }
        durable
    }

    /// Nothing written yet to so many slots.
    pub(crate) fn none_yet(code: Code, sites: Vec<SiteId>, slots: usize) -> Self {
        Self { data: usize::from(code.data()), slots, sites, failed: Mutex::default() }
    }

    /// Whether a stripe may be answered for that has these fragments.
    pub(crate) fn is_enough(&self, durable: &BTreeSet<usize>) -> bool {
        if durable.len() >= self.slots {
            return true;
        }
        let mut together = BTreeMap::<SiteId, usize>::new();
        for slot in durable {
            if let Some(site) = self.sites.get(*slot) {
                *together.entry(*site).or_default() += 1;
            }
        }
        let vanishing = together.into_values().max().unwrap_or(1);
        let vanishing = if planted::is_on(TOO_FEW) { 0 } else { vanishing };
        durable.len().saturating_sub(vanishing) >= self.data
    }

    /// All slots but these.
    fn besides(&self, failed: &BTreeSet<usize>) -> BTreeSet<usize> {
        (0..self.slots).filter(|slot| !failed.contains(slot)).collect()
    }

    /// Whether a slot has failed already.
    pub(crate) fn has_failed(&self, slot: usize) -> bool {
        self.failed.lock().contains(&slot)
    }

    /// Has a slot not be written from now on, if those that are left are enough; whether
    /// they are.
    pub(crate) fn leave_out(&self, slot: usize) -> bool {
        let mut failed = self.failed.lock();
        let is_new = failed.insert(slot);
        let is_enough = self.is_enough(&self.besides(&failed));
        if is_new && !is_enough {
            failed.remove(&slot);
        }
        is_enough
    }

    /// A slot has failed of which nothing was needed.
    pub(crate) fn fail_late(&self, slot: usize, error: &WriteError) {
        tracing::warn!(slot, %error, "a disk did not take a late fragment: it is made up for later");
        if !planted::is_on(LATE_FORGOTTEN) {
            self.failed.lock().insert(slot);
        }
    }

    /// A slot has failed: gives the error back if those that are left are too few.
    pub(crate) fn fail(&self, slot: usize, error: WriteError) -> Result<(), WriteError> {
        let mut failed = self.failed.lock();
        failed.insert(slot);
        if !self.is_enough(&self.besides(&failed)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn durable(data: usize, sites: &[u128]) -> Durable {
        let sites: Vec<_> = sites.iter().map(|site| SiteId::from_u128(*site)).collect();
        Durable { data, slots: sites.len(), sites, failed: Mutex::default() }
    }

    fn enough(durable: &Durable, slots: &[usize]) -> bool {
        durable.is_enough(&slots.iter().copied().collect())
    }

    #[test]
    fn any_one_site_may_vanish_when_a_stripe_is_answered_for() {
        let four = durable(2, &[1, 2, 3, 4]);
        assert!(!enough(&four, &[0, 1]) && enough(&four, &[0, 1, 3]));
        let mirror = durable(1, &[1, 2]);
        assert!(!enough(&mirror, &[0]) && enough(&mirror, &[0, 1]));
        // Home has two of two data fragments.
        let home = durable(2, &[1, 1, 2, 3]);
        assert!(!enough(&home, &[0, 1, 2]), "home would leave one");
        assert!(enough(&home, &[0, 1, 2, 3]) && enough(&home, &[0, 2, 3]));
        // Less was promised, but not less than everything.
        let short = durable(2, &[1, 1, 2]);
        assert!(!enough(&short, &[0, 2]) && enough(&short, &[0, 1, 2]));
        let single = durable(1, &[1]);
        assert!(!enough(&single, &[]) && enough(&single, &[0]));
        // Disks of one site vanish one by one.
        let alone = Durable { sites: Vec::new(), ..durable(2, &[1, 1, 1, 1]) };
        assert!(!enough(&alone, &[0, 1]) && enough(&alone, &[0, 1, 2]));
    }

    #[test]
    fn the_slot_that_is_one_too_many_gives_its_error_back() {
        let home = durable(2, &[1, 1, 2, 3]);
        assert!(home.fail(0, WriteError::Full).is_ok(), "three at three sites are left");
        assert!(home.fail(2, WriteError::Full).is_err());
        let home = durable(2, &[1, 1, 2, 3]);
        assert!(home.fail(3, WriteError::Full).is_err(), "two of three would be at home");
    }
}
