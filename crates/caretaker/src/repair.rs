//! Repair: which parts have lost fragments, those with the least left first.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use catalog::{PartRow, ReadError, View};
use units::{DiskId, FragmentNumber, PartId};

use crate::limits::{REPAIR_PARTS_MAX, REPAIR_TASKS_MAX};
use crate::pauses::Pauses;

/// A fragment that scrub or a reader found bad or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFragment {
    /// Of which part.
    pub part: PartId,
    /// In which slot.
    pub slot: FragmentNumber,
}

/// A part to be repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairTask {
    /// Which.
    pub part: PartId,
    /// The slots to rebuild.
    pub lost: Vec<FragmentNumber>,
    /// Losses it still survives; below zero it cannot be rebuilt from what is
    /// known to be good.
    pub spare: i16,
}

/// Parts waiting for repair, the most endangered first; those that cannot be
/// rebuilt from what is known to be good come last, so that trying them again
/// costs nobody the redundancy that is left.
///
/// Repairs that were put off, since something stood in their way that says nothing about
/// the part, wait beside the others until their time has come.
///
/// Bounded: when it is full the last are dropped; they are found again by the next
/// scan.
#[derive(Clone, Debug, Default)]
pub struct RepairQueue {
    order: BTreeSet<(bool, i16, PartId)>,
    /// A part is in one of the two at most.
    tasks: BTreeMap<PartId, RepairTask>,
    put_off: BTreeMap<PartId, PutOff>,
    /// When those that were put off are to be tried again.
    due: BTreeSet<(Duration, PartId)>,
    pauses: Pauses,
}

#[derive(Clone, Debug)]
struct PutOff {
    task: RepairTask,
    until: Duration,
}

impl RepairQueue {
    /// How many parts wait, those that were put off not among them.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether none waits but those that were put off.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// How many parts were put off.
    pub fn put_off_len(&self) -> usize {
        self.put_off.len()
    }

    /// Whether the repair of this part was put off.
    pub fn is_put_off(&self, part: PartId) -> bool {
        self.put_off.contains_key(&part)
    }

    /// Adds a task; slots of the same part come together, and wait until its time has
    /// come if it was put off.
    pub fn add(&mut self, task: RepairTask, row: &PartRow) {
        match self.put_off.get(&task.part).map(|put_off| put_off.until) {
            Some(until) => self.wait_until(task, row.parity, until),
            None => self.insert(task, row.parity),
        }
    }

    /// Puts back a task that was taken and not carried out.
    pub fn put_back(&mut self, task: RepairTask) {
        let parity = parity(&task);
        self.insert(task, parity);
    }

    /// Puts a task off that was taken: it waits again at this time since an arbitrary
    /// start.
    pub fn put_off(&mut self, task: RepairTask, until: Duration) {
        let parity = parity(&task);
        self.wait_until(task, parity, until);
    }

    fn wait_until(&mut self, task: RepairTask, parity: u8, until: Duration) {
        let task = self.together(task, parity);
        if self.put_off.len() < REPAIR_TASKS_MAX {
            self.due.insert((until, task.part));
            self.put_off.insert(task.part, PutOff { task, until });
        }
    }

    fn insert(&mut self, task: RepairTask, parity: u8) {
        let task = self.together(task, parity);
        self.order.insert(place(&task));
        self.tasks.insert(task.part, task);
        while self.tasks.len() > REPAIR_TASKS_MAX {
            let Some((_, _, part)) = self.order.pop_last() else { return };
            self.tasks.remove(&part);
        }
    }

    /// The task and what there is of the same part already, which is taken out.
    fn together(&mut self, task: RepairTask, parity: u8) -> RepairTask {
        let RepairTask { part, lost, .. } = task;
        let mut lost: BTreeSet<FragmentNumber> = lost.into_iter().collect();
        if let Some(old) = self.tasks.remove(&part) {
            self.order.remove(&place(&old));
            lost.extend(old.lost);
        }
        if let Some(old) = self.put_off.remove(&part) {
            self.due.remove(&(old.until, part));
            lost.extend(old.task.lost);
        }
        let lost: Vec<FragmentNumber> = lost.into_iter().collect();
        let spare = i16::from(parity) - i16::try_from(lost.len()).unwrap_or(i16::MAX);
        RepairTask { part, lost, spare }
    }

    /// Those that were put off until now or before wait again.
    fn put_off_end(&mut self, now: Duration) {
        while let Some((until, part)) = self.due.first().copied()
            && until <= now
        {
            self.due.remove(&(until, part));
            if let Some(put_off) = self.put_off.remove(&part) {
                self.put_back(put_off.task);
            }
        }
    }

    /// Adds a bad fragment that was reported.
    pub fn report(&mut self, view: &View, bad: BadFragment) -> Result<(), ReadError> {
        if let Some(row) = view.part(bad.part)?.filter(|row| row.references > 0)
            && usize::from(bad.slot.get()) < row.slots.len()
        {
            let task = RepairTask { part: bad.part, lost: vec![bad.slot], spare: 0 };
            self.add(task, &row);
        }
        Ok(())
    }

    /// Notes that a part could not be rebuilt: scans leave it alone for a time, the
    /// longer the more often it was in vain. `now` is time since an arbitrary start.
    pub fn pause(&mut self, part: PartId, row: &PartRow, now: Duration) {
        self.pauses.begin(part, row, now);
    }

    /// Whether a part could not be rebuilt lately, and lies where it lay then.
    pub fn is_paused(&self, part: PartId, row: &PartRow, now: Duration) -> bool {
        self.pauses.holds(part, row, now)
    }

    /// Whether the last repair of a part, on the disks it lies on, was in vain.
    pub fn was_in_vain(&self, part: PartId, row: &PartRow) -> bool {
        self.pauses.is_known(part, row)
    }

    /// Forgets that a part could not be rebuilt: it can, or it is gone.
    pub fn resume(&mut self, part: PartId) {
        self.pauses.end(part);
    }

    /// Forgets it of all parts, and what was put off waits again: a disk came back, or
    /// there is another one.
    pub fn resume_all(&mut self) {
        self.pauses.end_all();
        self.put_off_end(Duration::MAX);
    }

    /// Takes the most endangered part; those put off until `now` are among them again.
    pub fn take(&mut self, now: Duration) -> Option<RepairTask> {
        self.put_off_end(now);
        let (_, _, part) = self.order.pop_first()?;
        self.tasks.remove(&part)
    }
}

/// Where a task stands in the queue.
fn place(task: &RepairTask) -> (bool, i16, PartId) {
    (task.spare < 0, task.spare, task.part)
}

/// How many losses the part of a task survives when nothing of it is lost.
fn parity(task: &RepairTask) -> u8 {
    let lost = u16::try_from(task.lost.len()).unwrap_or(u16::MAX);
    u8::try_from(task.spare.saturating_add_unsigned(lost)).unwrap_or(0)
}

/// A pass over all parts in search of slots on lost disks.
#[derive(Clone, Copy, Debug, Default)]
pub struct RepairScan {
    after: Option<PartId>,
}

impl RepairScan {
    /// Looks at one more page of parts; the step after the end begins a new pass.
    ///
    /// Whether a disk is lost is asked of each disk that a part names: one that is
    /// not there any more is named nowhere else. Parts that are paused are counted and
    /// left alone.
    pub fn step(
        &mut self,
        view: &View,
        is_lost: impl Fn(DiskId) -> bool,
        now: Duration,
        queue: &mut RepairQueue,
    ) -> Result<RepairScanned, ReadError> {
        let parts = view.parts(self.after, REPAIR_PARTS_MAX)?;
        let finished = parts.len() < REPAIR_PARTS_MAX;
        self.after = parts.last().filter(|_| !finished).map(|(part, _)| *part);
        let mut found = 0;
        for (part, row) in parts {
            let lost = lost_slots(&row, &is_lost);
            if row.references > 0 && !lost.is_empty() {
                found += 1;
                if queue.is_paused(part, &row, now) {
                    continue;
                }
                queue.add(RepairTask { part, lost, spare: 0 }, &row);
            }
        }
        Ok(RepairScanned { found, finished })
    }
}

/// What one page of a pass came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairScanned {
    /// Parts with slots on lost disks.
    pub found: usize,
    /// Whether the pass is over.
    pub finished: bool,
}

fn lost_slots(row: &PartRow, is_lost: impl Fn(DiskId) -> bool) -> Vec<FragmentNumber> {
    let numbered = (0_u8..).zip(&row.slots);
    let lost = numbered.filter(|(_, disk)| is_lost(**disk));
    lost.map(|(slot, _)| FragmentNumber::new(slot)).collect()
}

#[cfg(test)]
mod tests {
    use units::{ByteCount, Timestamp};

    use super::*;

    fn row(parity: u8, disks: &[u128]) -> PartRow {
        PartRow {
            size: ByteCount::new(1),
            stripe_bytes: 1,
            stripe_count: 1,
            codec: 0,
            data: 2,
            parity,
            slots: disks.iter().map(|disk| DiskId::from_u128(*disk)).collect(),
            references: 1,
            created: Timestamp::EPOCH,
            released: None,
            buckets: Vec::new(),
        }
    }

    #[test]
    fn the_most_endangered_part_comes_first() {
        let mut queue = RepairQueue::default();
        let task = |part, slots: &[u8]| RepairTask {
            part: PartId::from_u128(part),
            lost: slots.iter().map(|slot| FragmentNumber::new(*slot)).collect(),
            spare: 0,
        };
        // What cannot be rebuilt may not keep the others waiting.
        queue.add(task(4, &[0, 1]), &row(1, &[1, 2, 3]));
        queue.add(task(1, &[0]), &row(2, &[1, 2, 3, 4]));
        queue.add(task(2, &[0]), &row(1, &[1, 2, 3]));
        queue.add(task(3, &[0]), &row(2, &[1, 2, 3, 4]));
        queue.add(task(3, &[2, 0]), &row(2, &[1, 2, 3, 4]));
        let order: Vec<_> = std::iter::from_fn(|| queue.take(Duration::ZERO))
            .map(|t| (t.part.to_u128(), t.spare))
            .collect();
        assert_eq!(order, [(2, 0), (3, 0), (1, 1), (4, -1)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_was_put_off_waits_again_when_its_time_has_come() {
        let mut queue = RepairQueue::default();
        let (soon, late) = (Duration::from_mins(1), Duration::from_mins(2));
        let row = row(2, &[1, 2, 3, 4]);
        let task = |part, slot| RepairTask {
            part: PartId::from_u128(part),
            lost: vec![FragmentNumber::new(slot)],
            spare: 1,
        };
        queue.put_off(task(1, 0), late);
        queue.put_off(task(1, 0), soon);
        queue.put_off(task(2, 0), late);
        queue.add(task(1, 3), &row);
        assert_eq!((queue.len(), queue.put_off_len()), (0, 2), "found again, and still put off");
        assert_eq!(queue.take(Duration::ZERO), None);
        let taken = queue.take(soon).expect("its time has come");
        assert_eq!((taken.part.to_u128(), taken.lost.len(), taken.spare), (1, 2, 0));
        assert_eq!(queue.take(soon), None);
        queue.put_back(taken.clone());
        assert_eq!(queue.take(soon), Some(taken), "as it was");
        queue.resume_all();
        assert_eq!(queue.take(soon), Some(task(2, 0)), "a disk came back");
        assert!(queue.put_off.is_empty() && queue.due.is_empty() && queue.order.is_empty());
    }
}
