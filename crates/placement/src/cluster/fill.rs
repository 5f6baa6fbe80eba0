//! How full a site is, as far as balance is concerned.
//!
//! What was removed from a disk takes room there until the disk is compacted, which may be
//! much later. Counted as full, a site that gave fragments away would be asked for more and
//! more of them, and would have to be given some back once it is compacted.

use super::map::SiteEntry;

/// What the healthy disks of a site, or of several, may hold and hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Bytes that are in use; room that is reserved counts as used, what was removed does not.
    pub used: u128,
    /// Bytes in all.
    pub all: u128,
}

impl Fill {
    /// Of one site.
    pub fn of(site: &SiteEntry) -> Self {
        let healthy = site.disks.iter().filter(|disk| disk.facts.healthy);
        healthy.fold(Self::default(), |fill, disk| {
            let left = disk.facts.free.get().saturating_add(disk.facts.removed.get());
            let all = disk.capacity.get().max(left);
            fill.and(Self { used: u128::from(all - left), all: u128::from(all) })
        })
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { used: self.used + other.used, all: self.all + other.all }
    }

    /// In hundredths; what holds nothing at all is full.
    pub(super) fn percent(self) -> u64 {
        let used = (self.used * 100).checked_div(self.all).unwrap_or(100);
        u64::try_from(used).unwrap_or(100)
    }

    /// Bytes by which it is fuller than `mean`; none if it is emptier.
    pub fn over(self, mean: Self) -> u128 {
        let even = (mean.used * self.all).checked_div(mean.all).unwrap_or(0);
        self.used.saturating_sub(even)
    }
}
