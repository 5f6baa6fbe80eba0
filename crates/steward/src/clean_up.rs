//! Clean-up: released parts leave the disks, then the catalog.

use std::sync::atomic::Ordering;

use caretaker::{CleanUp, Removal, plan_clean_up};
use units::PartId;

use crate::limits::RELEASED_MAX;
use crate::{Steward, StewardError};

impl Steward {
    /// Removes what has been released; says how many parts are gone.
    ///
    /// Cut anywhere, it begins again: removing twice does no harm, and the catalog
    /// forgets a part only after its fragments are gone from every disk.
    pub async fn clean_up_step(&self) -> Result<u64, StewardError> {
        let mut gone = 0;
        let mut after = None;
        loop {
            let plan = plan_clean_up(&self.view(), after)?;
            let advanced = plan.advance.is_some();
            if let Some(advance) = plan.advance {
                self.propose(advance).await?;
            }
            let mut parts = Vec::with_capacity(plan.removals.len());
            for removal in plan.removals {
                if self.may_go(removal.part) && self.part_remove(&removal).await? {
                    parts.push(removal.part);
                }
            }
            if !parts.is_empty() {
                let count = parts.len() as u64;
                self.propose(CleanUp::forget(parts.clone())).await?;
                let mut released = self.shared.released.lock();
                for part in &parts {
                    released.remove(part);
                }
                gone += count;
                self.count(|status| status.parts_removed += count);
            }
            match plan.next {
                Some(next) => after = Some(next),
                // What was taken apart is queued behind: once more from the head.
                None if advanced => after = None,
                None => return Ok(gone),
            }
        }
    }

    /// Destroys the keys that were to be destroyed with their tenants and were not. The
    /// first time in a process, those of all tenants that are erased.
    pub async fn shred_step(&self) -> Result<u64, StewardError> {
        let objects = &self.shared.objects;
        let shredded = objects.tenants_shred_pending().await.map_err(StewardError::Shred)?;
        if !self.shared.erased_shredded.load(Ordering::SeqCst) {
            objects.tenants_shred_erased().await.map_err(StewardError::Shred)?;
            self.shared.erased_shredded.store(true, Ordering::SeqCst);
        }
        Ok(shredded)
    }

    /// Whether nobody can be reading the part any more.
    fn may_go(&self, part: PartId) -> bool {
        if self.shared.objects.part_is_in_use(part) {
            return false;
        }
        let grace = self.shared.settings.release_grace;
        if grace.is_zero() {
            return true;
        }
        let now = self.now();
        let mut released = self.shared.released.lock();
        if released.len() >= RELEASED_MAX && !released.contains_key(&part) {
            return false;
        }
        now.since(*released.entry(part).or_insert(now)) >= grace
    }

    /// Removes the fragments of a part from every disk: a slot may have been moved and the
    /// old copy left behind. A lost disk has nothing to remove, and one on a node that does
    /// not answer cannot be asked; should it come back, its node's orphan sweep meets what
    /// is on it.
    async fn part_remove(&self, removal: &Removal) -> Result<bool, StewardError> {
        for disk in self.fragments().disks() {
            if self.disk_is_sound(disk) {
                self.fragments().remove_part(disk, removal.part).await?;
            }
        }
        Ok(true)
    }
}
