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
use fragments::FragmentName;
use objects::{Damage, DamageKind};
use tokio::task::JoinSet;
use units::{DiskId, FragmentNumber, PartId};

use crate::limits::{DISTRUSTED_MAX, LOST_WALK_EVERY, REPAIRS_PER_STEP};
use crate::rebuild::SlotWork;
use crate::{Steward, StewardError};

/// What a repair of one part came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairOutcome {
    /// Fragments rebuilt, written and read back.
    pub repaired: u64,
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
        self.lost += other.lost;
        self.homeless += other.homeless;
        self.deferred += other.deferred;
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
            self.shared.round.lock().add(bad.part, bad.slot);
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
            status.repairs_waiting = self.shared.repairs.lock().len() as u64;
            let round = self.shared.round.lock();
            (status.scrub.waiting, status.scrub.deferred) = (round.waiting(), round.deferred());
        });
    }

    /// A slot has been dealt with, one way or the other; says so.
    fn slot_settled(&self, part: PartId, slot: FragmentNumber, outcome: RepairOutcome) {
        if outcome.deferred > 0 {
            self.shared.round.lock().defer(part, slot);
            self.count_waiting();
            return;
        }
        let found = self.shared.round.lock().settle(part, slot);
        let lost = outcome.lost.saturating_add(outcome.homeless).min(found);
        if lost > 0 {
            tracing::error!(%part, slot = slot.get(), lost, "fragments could not be rebuilt");
        }
        self.count(|status| {
            status.fragments_repaired += outcome.repaired;
            status.scrub.lost += lost;
            status.scrub.repaired += found - lost;
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
        self.lost_slots_step()
    }

    /// One page of the walk in search of slots on lost disks, if it is time for
    /// one. A disk that is not there is named by parts only, so the first walk goes
    /// over all of them; as long as one is lost the walk is repeated, for parts that
    /// had nowhere to go.
    fn lost_slots_step(&self) -> Result<bool, StewardError> {
        let now = self.shared.objects.parts().clock.elapsed();
        let opened = self.fragments().disks().into_iter();
        let unsound: BTreeSet<DiskId> = opened.filter(|disk| !self.disk_is_sound(*disk)).collect();
        let mut walk = self.shared.lost_walk.lock();
        if !walk.running {
            let again = walk.again_at.is_some_and(|at| now >= at);
            if walk.walked && !again && walk.unsound == unsound {
                return Ok(false);
            }
            let came_back = walk.unsound.difference(&unsound).next().is_some();
            *walk = LostWalk { running: true, unsound, ..LostWalk::default() };
            if came_back {
                self.shared.repairs.lock().resume_all();
            }
        }
        let view = self.view();
        let mut repairs = self.shared.repairs.lock();
        let is_lost = |disk| !self.disk_is_sound(disk);
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
    // Cancel-safety: repairs under way end with the call; what they wrote is met again
    // by the next attempt.
    pub async fn repair_step(&self) -> Result<RepairOutcome, StewardError> {
        let mut repairs = JoinSet::new();
        while repairs.len() < REPAIRS_PER_STEP {
            let Some(task) = self.repair_take(repairs.is_empty()) else { break };
            let steward = self.clone();
            repairs.spawn(async move {
                let done = steward.task_repair(&task).await;
                (task, done)
            });
        }
        let mut total = RepairOutcome::default();
        let (mut failed, mut later) = (None, Vec::new());
        while let Some(joined) = repairs.join_next().await {
            let (task, done) = match joined {
                Ok(ended) => ended,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => continue,
            };
            match done {
                Ok(None) => later.push(task),
                Ok(Some(outcome)) => {
                    total.add(outcome);
                    if let Err(error) = self.outcome_note(&task, outcome) {
                        failed.get_or_insert(error);
                    }
                }
                Err(error) => {
                    // The next round of the scrub, or the next walk, finds it again.
                    let untried = if error.is_for_the_catalog() {
                        RepairOutcome { deferred: 1, ..<_>::default() }
                    } else {
                        RepairOutcome { homeless: u64::MAX, ..<_>::default() }
                    };
                    for slot in task.lost {
                        self.slot_settled(task.part, slot, untried);
                    }
                    failed.get_or_insert(error);
                }
            }
        }
        for task in later {
            total.deferred += task.lost.len() as u64;
            if let Err(error) = self.task_defer(task) {
                failed.get_or_insert(error);
            }
        }
        self.count_waiting();
        if let Err(error) = self.unreadable_note().await {
            failed.get_or_insert(error);
        }
        failed.map_or(Ok(total), Err)
    }

    /// The next part to repair; when there is none and none is being repaired, nothing
    /// waits any more.
    fn repair_take(&self, idle: bool) -> Option<RepairTask> {
        let (task, given_up) = {
            let mut repairs = self.shared.repairs.lock();
            let task = repairs.take();
            let none = task.is_none() && idle;
            // The queue drops what it has no room for.
            (task, if none { self.shared.round.lock().give_up() } else { 0 })
        };
        self.count(|status| status.scrub.lost += given_up);
        self.count_waiting();
        task
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
        self.shared.homeless.lock().note(task.part, is_homeless);
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
    fn is_paused(&self, part: PartId, row: &PartRow) -> bool {
        let now = self.shared.objects.parts().clock.elapsed();
        self.shared.repairs.lock().is_paused(part, row, now)
    }

    /// Lets a part wait again that somebody was at work on; its slots stay unsettled.
    fn task_defer(&self, task: RepairTask) -> Result<(), StewardError> {
        if let Some(row) = self.view().part(task.part)?.filter(|row| row.references > 0) {
            self.shared.repairs.lock().add(task, &row);
            return Ok(());
        }
        for slot in &task.lost {
            self.slot_settled(task.part, *slot, RepairOutcome::default());
        }
        Ok(())
    }

    /// Repairs these slots of a part; not while copies of it are being cleared away.
    async fn task_repair(&self, task: &RepairTask) -> Result<Option<RepairOutcome>, StewardError> {
        let mut outcome = RepairOutcome::default();
        let part = task.part;
        let Some(_claim) = self.shared.claims.claim(part) else { return Ok(None) };
        for slot in &task.lost {
            // Read anew for each slot: the one before may have moved.
            let row = self.view().part(part)?.filter(|row| row.references > 0);
            let work = row.and_then(|row| Some((SlotWork::of(part, *slot, &row)?, row)));
            let one = match &work {
                Some((work, row)) => self.slot_repair(work, row).await?,
                // Deleted meanwhile: there is nothing to repair.
                None => RepairOutcome::default(),
            };
            self.slot_settled(part, *slot, one);
            outcome.add(one);
        }
        Ok(Some(outcome))
    }
}
