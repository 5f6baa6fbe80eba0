//! Repair: what is to be rebuilt, in which order, and what became of it. How a slot is
//! rebuilt: [`crate::rebuild`].
//!
//! Bad and missing fragments are told by the scrub, by readers and by compaction; slots
//! on lost disks are found by a walk over all parts. A part that cannot be rebuilt is
//! paused, the longer the more often it was tried: neither the walk nor a reader has it
//! tried again before its time, a scrub does, since who asks for one wants to know.

use core::time::Duration;
use std::collections::BTreeSet;

use caretaker::{BadFragment, RepairScan, RepairTask};
use catalog::PartRow;
use fragments::{DiskState, FragmentName};
use objects::{Damage, DamageKind};
use tokio::task::{Id, JoinSet};
use units::{DiskId, Epoch, FragmentNumber, PartId};

use crate::limits::{
    DISTRUSTED_MAX, LOST_WALK_EVERY, REPAIR_PANIC_PAUSE, REPAIR_PUT_OFF, REPAIRS_PER_STEP,
};
use crate::rebuild::SlotWork;
use crate::{Steward, StewardError};

/// What a repair of one part came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairOutcome {
    /// Fragments rebuilt, written and read back.
    pub repaired: u64,
    /// Slots that have moved to another disk, whether something was rebuilt for that or
    /// lay there.
    pub moved: u64,
    /// Fragments that cannot be rebuilt from what is there now.
    pub lost: u64,
    /// Fragments that have nowhere to go, or could not be written, now.
    pub homeless: u64,
    /// Slots left as they are, for later: copies of the part are being cleared away, or
    /// the catalog takes no command. It says nothing about the part.
    pub deferred: u64,
}

impl RepairOutcome {
    fn add(&mut self, other: Self) {
        self.repaired += other.repaired;
        self.moved += other.moved;
        self.lost += other.lost;
        self.homeless += other.homeless;
        self.deferred += other.deferred;
    }
}

/// What a repair of one part came to, slot by slot, up to where it could not go on.
#[derive(Default)]
pub(crate) struct Repaired {
    pub(crate) slots: Vec<(FragmentNumber, RepairOutcome)>,
    pub(crate) failed: Option<StewardError>,
}

impl Repaired {
    fn outcome(&self) -> RepairOutcome {
        let mut total = RepairOutcome::default();
        self.slots.iter().for_each(|(_, outcome)| total.add(*outcome));
        total
    }

    /// The slots that were left for later.
    fn deferred(&self) -> Vec<FragmentNumber> {
        let left = self.slots.iter().filter(|(_, outcome)| outcome.deferred > 0);
        left.map(|(slot, _)| *slot).collect()
    }
}

/// The parts that one step has taken out of the queue. Those whose repair has not ended
/// when this is dropped, since the step is cut or panics, wait again.
struct Taken<'a> {
    steward: &'a Steward,
    tasks: Vec<(Id, RepairTask)>,
}

impl Taken<'_> {
    /// The part of a repair that has ended.
    fn end(&mut self, id: Id) -> Option<RepairTask> {
        let at = self.tasks.iter().position(|(known, _)| *known == id)?;
        Some(self.tasks.swap_remove(at).1)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut repairs = self.steward.shared.repairs.lock();
        for (_, task) in self.tasks.drain(..) {
            repairs.put_back(task);
        }
    }
}

/// The walk over all parts in search of slots on lost disks.
#[derive(Default)]
pub(crate) struct LostWalk {
    scan: RepairScan,
    running: bool,
    /// Whether one has ended.
    walked: bool,
    /// Whether the one under way, or the last one, found something.
    found: bool,
    /// The opened disks that took no writes when it began.
    unsound: BTreeSet<DiskId>,
    /// The disks that had room when it began and have had ever since: a part that had
    /// nowhere to go has when there is another one, be it one that was full.
    roomy: BTreeSet<DiskId>,
    /// The site map when it began: a site that was taken off it has left parts behind on
    /// disks that nobody knows any more.
    epoch: Epoch,
    /// When the next one begins, if that is known.
    again_at: Option<Duration>,
}

impl Steward {
    /// Notes a fragment that a reader found bad or missing.
    fn reader_found(&self, damage: &Damage) -> Result<(), StewardError> {
        if damage.kind == DamageKind::Unopened {
            let (part, stripe, fragment) = (damage.part, damage.stripe, damage.fragment);
            let mut distrusted = self.shared.distrusted.lock();
            if distrusted.len() < DISTRUSTED_MAX {
                distrusted.insert(FragmentName { part, stripe, fragment });
            }
        }
        let row = self.view().part(damage.part)?;
        if row.is_some_and(|row| self.is_paused(damage.part, &row)) {
            return Ok(());
        }
        self.bad_found(damage.part, damage.fragment)
    }

    /// Notes a fragment that is bad or missing, met by chance.
    pub(crate) fn bad_found(&self, part: PartId, slot: FragmentNumber) -> Result<(), StewardError> {
        self.shared.repairs.lock().report(&self.view(), BadFragment { part, slot })?;
        self.count(|status| status.fragments_bad += 1);
        self.count_waiting();
        Ok(())
    }

    /// Notes a fragment that this round of scrub found bad or missing.
    pub(crate) fn scrub_found(&self, name: FragmentName) -> Result<(), StewardError> {
        let bad = BadFragment { part: name.part, slot: name.fragment };
        let view = self.view();
        if view.part(name.part)?.is_none_or(|row| row.references == 0) {
            return Ok(());
        }
        {
            // Both at once: whoever finds the queue empty takes the rest for given up.
            let mut repairs = self.shared.repairs.lock();
            repairs.report(&view, bad)?;
            let mut round = self.shared.round.lock();
            round.add(bad.part, bad.slot);
            if repairs.is_put_off(bad.part) {
                round.defer(bad.part, bad.slot);
            }
        }
        self.count(|status| {
            status.fragments_bad += 1;
            status.scrub.bad += 1;
        });
        self.count_waiting();
        Ok(())
    }

    /// Says how much waits for repair.
    fn count_waiting(&self) {
        // Counted inside, so that no older count overwrites a newer one.
        self.count(|status| {
            let repairs = self.shared.repairs.lock();
            status.repairs_waiting = (repairs.len() + repairs.put_off_len()) as u64;
            let round = self.shared.round.lock();
            (status.scrub.waiting, status.scrub.deferred) = (round.waiting(), round.deferred());
        });
    }

    /// A slot has been dealt with, one way or the other; says so.
    fn slot_settled(&self, part: PartId, slot: FragmentNumber, outcome: RepairOutcome) {
        let found = self.shared.round.lock().settle(part, slot);
        let lost = outcome.lost.min(found);
        let homeless = outcome.homeless.min(found - lost);
        if lost > 0 {
            tracing::error!(%part, slot = slot.get(), lost, "fragments could not be rebuilt");
        }
        if homeless > 0 {
            let slot = slot.get();
            tracing::warn!(%part, slot, homeless, "fragments have no disk to be rebuilt on");
        }
        self.count(|status| {
            status.fragments_repaired += outcome.repaired;
            status.scrub.lost += lost;
            status.scrub.homeless += homeless;
            status.scrub.repaired += found - lost - homeless;
        });
        self.count_waiting();
    }

    /// Takes what readers reported, and looks at one page of parts for slots on
    /// lost disks; whether there are more pages to look at.
    pub async fn damage_step(&self) -> Result<bool, StewardError> {
        let mut reported = Vec::new();
        {
            let mut findings = self.shared.findings.lock().await;
            if let Some(findings) = findings.as_mut() {
                while let Ok(damage) = findings.damage.try_recv() {
                    reported.push(damage);
                }
            }
        }
        for damage in &reported {
            self.reader_found(damage)?;
        }
        self.homeless_step()?;
        Ok(self.leads() && self.lost_slots_step()?)
    }

    /// One page of the walk in search of slots on lost disks, if it is time for
    /// one. A disk that is not there is named by parts only, so the first walk goes
    /// over all of them; as long as one is lost the walk is repeated, for parts that
    /// had nowhere to go.
    fn lost_slots_step(&self) -> Result<bool, StewardError> {
        let now = self.shared.objects.parts().clock.elapsed();
        let opened = self.fragments().disks().into_iter();
        let unsound: BTreeSet<DiskId> = opened.filter(|disk| self.disk_is_lost(*disk)).collect();
        let known = self.fragments().disks().into_iter();
        let had = self.shared.lost_walk.lock().roomy.clone();
        let has_room = |disk: &DiskId| self.disk_has_room(*disk, had.contains(disk));
        let roomy: BTreeSet<DiskId> = known.filter(has_room).collect();
        let epoch = self.view().map_epoch()?;
        let mut walk = self.shared.lost_walk.lock();
        // One that is not heard for a moment has lost no room.
        walk.roomy.retain(|disk| self.fragments().state(*disk) != Some(DiskState::Full));
        if !walk.running {
            let again = walk.again_at.is_some_and(|at| now >= at);
            let has_more_room = roomy.difference(&walk.roomy).next().is_some();
            let as_it_was = walk.unsound == unsound && walk.epoch == epoch && !has_more_room;
            if walk.walked && !again && as_it_was {
                return Ok(false);
            }
            let came_back = walk.unsound.difference(&unsound).next().is_some();
            if came_back || has_more_room {
                let homeless = self.shared.homeless.lock().slots();
                let (view, mut repairs) = (self.view(), self.shared.repairs.lock());
                repairs.resume_all();
                for slot in homeless {
                    repairs.report(&view, slot)?;
                }
            }
            // From here on it is known: an error above has it done again.
            *walk = LostWalk { running: true, unsound, roomy, epoch, ..LostWalk::default() };
        }
        let view = self.view();
        let mut repairs = self.shared.repairs.lock();
        let is_lost = |disk| self.disk_is_lost(disk);
        let scanned = walk.scan.step(&view, is_lost, now, &mut repairs)?;
        walk.found |= scanned.found > 0;
        if scanned.finished {
            (walk.running, walk.walked) = (false, true);
            walk.again_at = walk.found.then(|| now.saturating_add(LOST_WALK_EVERY));
        }
        Ok(walk.running)
    }

    /// Repairs the most endangered parts, several at a time; says what came of it.
    ///
    /// What stands in the way of one does not keep the others from ending; the first
    /// error is told when all have.
    /// A repair that panics has its part put off, so that it does not panic again at
    /// once; the panic goes on when the others have ended.
    // Cancel-safety: repairs under way end with the call, and their parts wait again; what
    // they wrote is met again by the next attempt.
    pub async fn repair_step(&self) -> Result<RepairOutcome, StewardError> {
        let mut repairs = JoinSet::new();
        let mut taken = Taken { steward: self, tasks: Vec::new() };
        let mut total = RepairOutcome::default();
        let (mut failed, mut later, mut panicked) = (None, Vec::new(), None);
        let at_once = self.repairs_at_once();
        let mut left = REPAIRS_PER_STEP;
        loop {
            while left > 0 && repairs.len() < at_once {
                let Some(task) = self.repair_take(repairs.is_empty() && later.is_empty()) else {
                    break;
                };
                left -= 1;
                // A row that cannot be read is an error of the repair, which says so.
                let row = self.view().part(task.part).ok().flatten();
                let hand = row.and_then(|row| self.hand_for(&task, &row));
                let (steward, at_work) = (self.clone(), task.clone());
                let repair =
                    repairs.spawn(async move { steward.task_by_hand(&at_work, hand).await });
                taken.tasks.push((repair.id(), task));
            }
            let Some(joined) = repairs.join_next_with_id().await else { break };
            let (id, done) = match joined {
                Ok((id, done)) => (id, Ok(done)),
                Err(error) => (error.id(), Err(error)),
            };
            let Some(task) = taken.end(id) else { continue };
            match done {
                Ok(None) => later.push(task),
                Ok(Some(done)) => {
                    total.add(done.outcome());
                    if let Err(error) = self.repair_done(task, done) {
                        failed.get_or_insert(error);
                    }
                }
                Err(error) => {
                    tracing::error!(part = %task.part, "the repair of this part panicked");
                    self.task_put_off(task, REPAIR_PANIC_PAUSE);
                    panicked = error.try_into_panic().ok().or(panicked);
                }
            }
            if panicked.is_some() || failed.is_some() {
                left = 0;
            }
        }
        for task in later {
            // Somebody was at work on it; its slots stay unsettled.
            total.deferred += task.lost.len() as u64;
            self.shared.repairs.lock().put_back(task);
        }
        self.count_waiting();
        if let Some(panic) = panicked {
            std::panic::resume_unwind(panic);
        }
        if let Err(error) = self.unreadable_note().await {
            failed.get_or_insert(error);
        }
        failed.map_or(Ok(total), Err)
    }

    /// The next part to repair; when there is none and none is being repaired, nothing
    /// waits any more but what was put off.
    fn repair_take(&self, idle: bool) -> Option<RepairTask> {
        let now = self.shared.objects.parts().clock.elapsed();
        let (task, given_up) = {
            let mut repairs = self.shared.repairs.lock();
            let task = repairs.take(now);
            let none = task.is_none() && idle;
            let mut round = self.shared.round.lock();
            if none && repairs.put_off_len() == 0 {
                round.deferred_end();
            }
            // The queue drops what it has no room for.
            (task, if none { round.give_up() } else { 0 })
        };
        self.count(|status| status.scrub.lost += given_up);
        self.count_waiting();
        task
    }

    /// A repair was carried out, but for slots that were left for later or that it did not
    /// come to.
    fn repair_done(&self, mut task: RepairTask, done: Repaired) -> Result<(), StewardError> {
        for (slot, outcome) in &done.slots {
            if outcome.deferred == 0 {
                self.slot_settled(task.part, *slot, *outcome);
            }
        }
        let deferred = done.deferred();
        if let Some(error) = done.failed {
            let dealt_with = |slot: &FragmentNumber| {
                done.slots.iter().any(|(done, _)| done == slot) && !deferred.contains(slot)
            };
            task.lost.retain(|slot| !dealt_with(slot));
            self.repair_failed(task, &error);
            return Err(error);
        }
        let outcome = done.outcome();
        let noted = self.outcome_note(&task, outcome);
        if !deferred.is_empty() {
            self.task_put_off(RepairTask { lost: deferred, ..task }, REPAIR_PUT_OFF);
        }
        noted
    }

    /// A repair could not be carried out: that the catalog takes no command says nothing
    /// about the part; any other failure the next round of the scrub, or the next walk,
    /// meets again.
    fn repair_failed(&self, task: RepairTask, error: &StewardError) {
        if error.catalog_takes_no_command() {
            self.task_put_off(task, REPAIR_PUT_OFF);
            return;
        }
        let untried = RepairOutcome { homeless: u64::MAX, ..<_>::default() };
        for slot in task.lost {
            self.slot_settled(task.part, slot, untried);
        }
    }

    /// Has slots of a part wait for another attempt after a pause, whatever else finds
    /// them meanwhile.
    fn task_put_off(&self, task: RepairTask, pause: Duration) {
        let until = self.shared.objects.parts().clock.elapsed().saturating_add(pause);
        {
            let mut repairs = self.shared.repairs.lock();
            let mut round = self.shared.round.lock();
            for slot in &task.lost {
                round.defer(task.part, *slot);
            }
            repairs.put_off(task, until);
        }
        self.count_waiting();
    }

    /// Remembers what a repair came to: a part that cannot be rebuilt is paused, one that
    /// was left for later is what it was before.
    fn outcome_note(&self, task: &RepairTask, outcome: RepairOutcome) -> Result<(), StewardError> {
        let is_hopeless = outcome.lost > 0;
        let is_homeless = !is_hopeless && outcome.homeless > 0;
        if outcome.deferred > 0 && !is_hopeless && !is_homeless {
            return Ok(());
        }
        let lost = if is_hopeless { outcome.lost } else { 0 };
        self.unreadable_found(task.part, lost);
        let waiting = if is_homeless { &task.lost[..] } else { &[] };
        self.shared.homeless.lock().note(task.part, waiting);
        self.count(|status| status.parts_homeless = self.shared.homeless.lock().count());
        let row = self.view().part(task.part)?;
        let now = self.shared.objects.parts().clock.elapsed();
        let mut repairs = self.shared.repairs.lock();
        match row {
            Some(row) if is_hopeless => repairs.pause(task.part, &row, now),
            _ => repairs.resume(task.part),
        }
        Ok(())
    }

    /// Whether it is too early to try a part again that could not be rebuilt.
    pub(crate) fn is_paused(&self, part: PartId, row: &PartRow) -> bool {
        let now = self.shared.objects.parts().clock.elapsed();
        self.shared.repairs.lock().is_paused(part, row, now)
    }

    /// Repairs these slots of a part here; not while copies of it are being cleared away.
    pub(crate) async fn task_repair(&self, task: &RepairTask) -> Option<Repaired> {
        self.task_rebuild(task, false).await
    }

    /// The same, for a node that may know that it was in vain before.
    pub(crate) async fn task_rebuild(
        &self,
        task: &RepairTask,
        was_in_vain: bool,
    ) -> Option<Repaired> {
        let _claim = self.shared.claims.claim(task.part)?;
        let mut done = Repaired::default();
        for slot in &task.lost {
            match self.slot_rebuild(task.part, *slot, was_in_vain).await {
                Ok(outcome) => done.slots.push((*slot, outcome)),
                Err(error) => {
                    done.failed = Some(error);
                    break;
                }
            }
        }
        Some(done)
    }

    async fn slot_rebuild(
        &self,
        part: PartId,
        slot: FragmentNumber,
        was_in_vain: bool,
    ) -> Result<RepairOutcome, StewardError> {
        // Read anew for each slot: the one before may have moved.
        let row = self.view().part(part)?.filter(|row| row.references > 0);
        // Deleted meanwhile: there is nothing to repair.
        let Some(row) = row else { return Ok(RepairOutcome::default()) };
        let Some(mut work) = SlotWork::of(part, slot, &row) else {
            return Ok(RepairOutcome::default());
        };
        work.was_in_vain = was_in_vain || self.shared.repairs.lock().was_in_vain(part, &row);
        let outcome = self.slot_repair(&work, &row).await?;
        if outcome.lost == 0 {
            return Ok(outcome);
        }
        // Cut anew meanwhile, of which this node had not heard; or before the backup that
        // the catalog was put back from.
        let is_another = self.part_now(part).await?.is_some_and(|now| now.slots != row.slots);
        if is_another || self.cut_recover(part, &row).await? {
            return Ok(RepairOutcome { deferred: 1, ..RepairOutcome::default() });
        }
        Ok(outcome)
    }
}
