//! Clean-up: released parts leave the disks, then the catalog.

use std::sync::atomic::Ordering;

use caretaker::{CleanUp, plan_clean_up};
use futures::future::try_join_all;
use futures::{StreamExt as _, stream};
use units::PartId;

use crate::limits::{RELEASED_MAX, REMOVALS_AT_ONCE};
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
            let due = plan.removals.into_iter().map(|removal| removal.part);
            let due: Vec<PartId> = due.filter(|part| self.may_go(*part)).collect();
            let removing = due
                .into_iter()
                .map(|part| async move { self.part_remove(part).await.map(|()| part) });
            let mut removing = stream::iter(removing).buffer_unordered(REMOVALS_AT_ONCE);
            let (mut parts, mut failed) = (Vec::new(), None);
            while let Some(outcome) = removing.next().await {
                match outcome {
                    Ok(part) => parts.push(part),
                    Err(error) => failed = Some(error),
                }
            }
            // One disk that fails does not keep what has gone from all.
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
            if let Some(error) = failed {
                return Err(error);
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
        let now = self.watch();
        let mut released = self.shared.released.lock();
        if released.len() >= RELEASED_MAX && !released.contains_key(&part) {
            return false;
        }
        now.since(*released.entry(part).or_insert(now)) >= grace
    }

    /// Removes the fragments of a part from every disk at once: a slot may have been moved and the
    /// old copy left behind. A lost disk has nothing to remove, and one on a node that does
    /// not answer cannot be asked; should it come back, its node's orphan sweep meets what
    /// is on it.
    async fn part_remove(&self, part: PartId) -> Result<(), StewardError> {
        let disks = self.fragments().disks().into_iter().filter(|disk| self.disk_is_sound(*disk));
        let removed = disks.map(|disk| self.fragments().remove_part(disk, part));
        try_join_all(removed).await?;
        Ok(())
    }
}
