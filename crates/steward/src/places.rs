//! Where a slot of a part may go: under the policies of all buckets that refer to the
//! part, on the site map as it is now.
//!
//! **Invariants**
//! - A slot goes only to a site that every one of these policies permits, and where the
//!   part does no worse by any of them.
//! - What is decided here rests on one epoch of the map, which goes with the command.

use std::sync::Arc;

use catalog::command::{PartChange, PartStep, Placed, PlacedCommand};
use catalog::{Command, Job, PartRow};
use objects::SitesNow;
use placement::{Candidates, Geometry, another, replacement};
use units::{ByteCount, DiskId, Epoch, PartId, planted};

use crate::limits::GOAL_DRAWS_MAX;
use crate::planted::{MOVE_ANYWHERE, MOVE_TO_DRAINED, OLD_EPOCH, REBUILD_BESIDE};
use crate::rebuild::SlotWork;
use crate::replace::Replacement;
use crate::{Steward, StewardError};

/// The sites as they are now, and the epoch that decisions rest on.
pub(crate) struct Places {
    /// None if a site is alone.
    pub(crate) now: Option<SitesNow>,
    pub(crate) epoch: Epoch,
}

/// Where a slot is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// On this disk, by the map of this epoch.
    At(DiskId, Epoch),
    /// There is no such disk now.
    Nowhere,
    /// It is not known yet whose policies bind the part.
    Later,
}

impl Steward {
    pub(crate) fn places(&self) -> Result<Places, StewardError> {
        let view = self.view();
        let alone = view.map_epoch()?;
        let mut now = self.shared.objects.sites_now()?;
        if let Some(replacement) = Replacement::of(&view)? {
            now = now.map(|now| now.preferring(replacement.new));
        }
        let epoch = now.as_ref().map_or(alone, |now| now.map.epoch());
        Ok(Places { now, epoch })
    }

    /// What the policies leave that bind a part, each once; none if it is not known yet
    /// whose the part is and that matters.
    pub(crate) fn binding(
        &self,
        now: &SitesNow,
        row: &PartRow,
    ) -> Result<Option<Vec<Arc<Candidates>>>, StewardError> {
        let objects = &self.shared.objects;
        let view = self.view();
        if view.policies(None, 1)?.is_empty() {
            // The default is the same for all.
            return Ok(Some(vec![objects.candidates(now, None)?]));
        }
        if view.job(&Job::part_buckets())?.is_none() {
            return Ok(None);
        }
        let mut binding: Vec<Arc<Candidates>> = Vec::with_capacity(1);
        for bucket in &row.buckets {
            // The policy of a bucket that is gone went with it.
            let Some(of) = objects.placed_for(*bucket)? else { continue };
            let candidates = objects.candidates(now, Some(&of))?;
            if !binding.contains(&candidates) {
                binding.push(candidates);
            }
        }
        if binding.is_empty() {
            binding.push(objects.candidates(now, None)?);
        }
        Ok(Some(binding))
    }

    /// Where the fragments of a slot go that are bad or lost: its own disk if that is
    /// sound and may keep them; else the disk that an earlier attempt wrote to, if it has
    /// the room; else another.
    pub(crate) async fn goal(&self, work: &SlotWork, row: &PartRow) -> Result<Goal, StewardError> {
        let need = ByteCount::new(work.bytes(row));
        let random = &*self.shared.objects.parts().random;
        let Places { now, epoch } = self.places()?;
        let is_sound = self.disk_is_sound(work.disk);
        let mut disks = self.disk_facts();
        let (Some(now), Some(geometry)) = (&now, Geometry::new(row.data, row.parity)) else {
            if !is_sound
                && let Some(begun) =
                    self.begun(&disks, row, (work.part, work.slot), need.get()).await
            {
                return Ok(Goal::At(begun, epoch));
            }
            let disk = replacement(&disks, &row.slots, work.disk, need, random);
            return Ok(disk.map_or(Goal::Nowhere, |disk| Goal::At(disk, epoch)));
        };
        let Some(binding) = self.binding(now, row)? else {
            return Ok(if is_sound { Goal::At(work.disk, epoch) } else { Goal::Later });
        };
        let slot = usize::from(work.slot.get());
        let goes = |disk| Self::goes(&binding, now, geometry, &row.slots, slot, disk);
        // A fragment that is lost lies nowhere: it would do no worse beside another of its
        // part, and one site would then hold two.
        let completes = |disk| {
            let completes =
                |one: &Arc<Candidates>| one.completes(&now.map, geometry, &row.slots, slot, disk);
            planted::is_on(REBUILD_BESIDE) || binding.iter().all(completes)
        };
        disks.retain(|disk| disk.healthy && !row.slots.contains(&disk.id) && goes(disk.id));
        disks.retain(|disk| is_sound || completes(disk.id));
        if !is_sound
            && let Some(begun) = self.begun(&disks, row, (work.part, work.slot), need.get()).await
        {
            return Ok(Goal::At(begun, epoch));
        }
        for candidates in &binding {
            for _ in 0..GOAL_DRAWS_MAX {
                let found = candidates.rebuild(&now.map, geometry, &row.slots, slot, need, random);
                let Ok(found) = found else { break };
                if found.disk == work.disk || goes(found.disk) {
                    return Ok(Goal::At(found.disk, epoch));
                }
            }
        }
        // No draw suited all policies. What is bad is mended where it lies, and what is lost
        // rebuilt on any disk that completes the part by each of them.
        if is_sound {
            return Ok(Goal::At(work.disk, epoch));
        }
        let disk = another(&disks, &row.slots, need, random);
        Ok(disk.map_or(Goal::Nowhere, |disk| Goal::At(disk, epoch)))
    }

    /// Whether a slot may go to a disk by all policies that bind the part.
    pub(crate) fn goes(
        binding: &[Arc<Candidates>],
        now: &SitesNow,
        geometry: Geometry,
        slots: &[DiskId],
        slot: usize,
        to: DiskId,
    ) -> bool {
        planted::is_on(MOVE_ANYWHERE)
            || planted::is_on(MOVE_TO_DRAINED)
            || binding.iter().all(|one| one.allows(&now.map, geometry, slots, slot, to))
    }

    /// The command that changes where a part lies, as long as the map is the one that was
    /// decided on, and the part lies where it lay then.
    pub(crate) fn step(part: PartId, row: &PartRow, change: PartChange, epoch: Epoch) -> Command {
        let step = PartStep { part, slots: row.slots.clone(), change };
        if planted::is_on(OLD_EPOCH) {
            return Command::PartStep(step);
        }
        Command::Placed(Box::new(Placed { epoch, command: PlacedCommand::PartStep(step) }))
    }
}
