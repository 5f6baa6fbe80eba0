//! Repair: bad and missing fragments are rebuilt from the others.
//!
//! ```text
//! disk sound:  rebuild → write in its place → read back
//! disk lost:   every stripe of the slot: rebuild → write on another disk → read back,
//!              then one command moves the slot
//! ```
//! The catalog names the new disk only after every fragment there has been read
//! back; until then readers rebuild. Cut anywhere, the next attempt writes again.

use core::time::Duration;
use std::collections::BTreeSet;

use bytes::Bytes;
use caretaker::{BadFragment, RepairScan, RepairTask};
use catalog::command::PartSlotMove;
use catalog::{Command, PartRow, Refusal};
use consensus::ProposeError;
use erasure::{Code, CodecId};
use fragments::{Fragment, FragmentHeader, FragmentName};
use objects::{Damage, DamageKind};
use placement::{DiskFacts, replacement};
use seal::SealedLayout;
use units::{ByteCount, DiskId, FragmentNumber, PartId, StripeNumber, planted};

use crate::census::{FragmentState, name_of};
use crate::limits::{DISTRUSTED_MAX, LOST_WALK_EVERY, REPAIRS_PER_STEP};
use crate::planted::MOVE_UNVERIFIED;
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
            status.scrub.waiting = self.shared.round.lock().waiting();
        });
    }

    /// A slot has been dealt with, one way or the other; says so.
    fn slot_settled(&self, part: PartId, slot: FragmentNumber, outcome: RepairOutcome) {
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
            *walk = LostWalk { running: true, unsound, ..LostWalk::default() };
        }
        let view = self.view();
        let mut repairs = self.shared.repairs.lock();
        let scanned = walk.scan.step(&view, |disk| !self.disk_is_sound(disk), &mut repairs)?;
        walk.found |= scanned.found > 0;
        if scanned.finished {
            (walk.running, walk.walked) = (false, true);
            walk.again_at = walk.found.then(|| now.saturating_add(LOST_WALK_EVERY));
        }
        Ok(walk.running)
    }

    /// Repairs the most endangered parts; says what came of it.
    pub async fn repair_step(&self) -> Result<RepairOutcome, StewardError> {
        let mut total = RepairOutcome::default();
        for _ in 0..REPAIRS_PER_STEP {
            let Some(task) = self.repair_take() else { break };
            let outcome = self.part_repair(task.part, &task.lost).await;
            if outcome.is_err() {
                // What stands in the way will for the others too; the next round finds them.
                for slot in task.lost {
                    let homeless = RepairOutcome { homeless: u64::MAX, ..RepairOutcome::default() };
                    self.slot_settled(task.part, slot, homeless);
                }
            }
            let outcome = outcome?;
            if outcome.lost > 0 {
                self.unreadable_note(task.part, outcome.lost).await?;
            }
            total.repaired += outcome.repaired;
            total.lost += outcome.lost;
            total.homeless += outcome.homeless;
        }
        Ok(total)
    }

    /// The next part to repair; when there is none, nothing waits any more.
    fn repair_take(&self) -> Option<RepairTask> {
        let (task, given_up) = {
            let mut repairs = self.shared.repairs.lock();
            let task = repairs.take();
            let none = task.is_none();
            // The queue drops what it has no room for.
            (task, if none { self.shared.round.lock().give_up() } else { 0 })
        };
        self.count(|status| status.scrub.lost += given_up);
        self.count_waiting();
        task
    }

    /// Repairs these slots of a part.
    pub async fn part_repair(
        &self,
        part: PartId,
        slots: &[FragmentNumber],
    ) -> Result<RepairOutcome, StewardError> {
        let mut outcome = RepairOutcome::default();
        for slot in slots {
            // Read anew for each slot: the one before may have moved.
            let row = self.view().part(part)?.filter(|row| row.references > 0);
            let work = row.and_then(|row| Some((SlotWork::of(part, *slot, &row)?, row)));
            let one = match &work {
                Some((work, row)) => self.slot_repair(work, row).await?,
                // Deleted meanwhile: there is nothing to repair.
                None => RepairOutcome::default(),
            };
            self.slot_settled(part, *slot, one);
            outcome.repaired += one.repaired;
            outcome.lost += one.lost;
            outcome.homeless += one.homeless;
        }
        Ok(outcome)
    }

    async fn slot_repair(
        &self,
        work: &SlotWork,
        row: &PartRow,
    ) -> Result<RepairOutcome, StewardError> {
        let mut outcome = RepairOutcome::default();
        let Some(target) = self.target(work, row) else {
            outcome.homeless = u64::from(row.stripe_count);
            return Ok(outcome);
        };
        let moving = target != work.disk;
        if moving && !self.takes_commands() {
            // Nobody could be told where the fragments are: nothing is written.
            outcome.homeless = u64::from(row.stripe_count);
            return Ok(outcome);
        }
        for stripe in 0..row.stripe_count {
            let name = name_of(work.part, stripe, work.slot.get());
            if !moving && self.fragment_state(row, name).await == FragmentState::Good {
                continue;
            }
            let Some(payload) = self.payload(work, row, name).await else {
                outcome.lost += 1;
                continue;
            };
            if self.write_verified(work, target, name, payload).await? {
                outcome.repaired += 1;
            } else {
                outcome.homeless += 1;
            }
        }
        if moving && outcome.lost + outcome.homeless == 0 {
            self.slot_move(work, target).await?;
        }
        Ok(outcome)
    }

    /// Where the slot's fragments go: its own disk if that is sound.
    fn target(&self, work: &SlotWork, row: &PartRow) -> Option<DiskId> {
        let store = self.fragments();
        let facts = |id| DiskFacts {
            id,
            healthy: self.disk_is_sound(id),
            free: store.space(id).map_or(ByteCount::ZERO, |space| space.available),
        };
        let disks: Vec<DiskFacts> = store.disks().into_iter().map(facts).collect();
        let need = ByteCount::new(work.layout.sealed_total().get() / u64::from(row.data.max(1)));
        let random = &*self.shared.objects.parts().random;
        replacement(&disks, &row.slots, work.disk, need, random)
    }

    /// The bytes of a fragment: read, or rebuilt from the others.
    async fn payload(&self, work: &SlotWork, row: &PartRow, name: FragmentName) -> Option<Bytes> {
        if let Ok(fragment) = self.fragments().read_whole(work.disk, name).await
            && !self.is_distrusted(name)
        {
            return Some(fragment.payload);
        }
        let mut pieces = Vec::with_capacity(row.slots.len());
        for (slot, disk) in (0_u8..).zip(&row.slots) {
            let other = FragmentName { fragment: FragmentNumber::new(slot), ..name };
            let read = if other == name || self.is_distrusted(other) {
                None
            } else {
                self.fragments().read_whole(*disk, other).await.ok()
            };
            pieces.push(read.map(|fragment| fragment.payload));
        }
        erasure::rebuild(work.code, work.sealed_bytes(name.stripe), &mut pieces).ok()?;
        pieces.into_iter().nth(usize::from(name.fragment.get())).flatten()
    }

    /// Whether a reader found that this is not what was sealed, though its checksums hold.
    pub(crate) fn is_distrusted(&self, name: FragmentName) -> bool {
        self.shared.distrusted.lock().contains(&name)
    }

    /// Writes a fragment and reads it back.
    async fn write_verified(
        &self,
        work: &SlotWork,
        target: DiskId,
        name: FragmentName,
        payload: Bytes,
    ) -> Result<bool, StewardError> {
        if planted::is_on(MOVE_UNVERIFIED) {
            return Ok(true);
        }
        let header = FragmentHeader {
            name,
            codec: CodecId::ContiguousLeopard16,
            code: work.code,
            stripe_bytes: ByteCount::new(work.sealed_bytes(name.stripe) as u64),
        };
        self.fragments().append(target, Fragment { header, payload: payload.clone() }).await?;
        let back = self.fragments().read_whole(target, name).await;
        let good = back.is_ok_and(|fragment| fragment.payload == payload);
        if good {
            self.shared.distrusted.lock().remove(&name);
        }
        Ok(good)
    }

    /// Tells the catalog, then lets the old fragments go where that is possible.
    async fn slot_move(&self, work: &SlotWork, target: DiskId) -> Result<(), StewardError> {
        let (part, slot) = (work.part, work.slot);
        let moved = PartSlotMove { part, slot, from: work.disk, to: target };
        match self.propose(Command::PartSlotMove(moved)).await {
            Ok(_) => self.count(|status| status.slots_moved += 1),
            // Deleted or moved meanwhile: what was written is met by the sweep.
            Err(StewardError::Propose(ProposeError::Refused(
                Refusal::PartGone { .. } | Refusal::SlotMoved,
            ))) => return Ok(()),
            Err(error) => return Err(error),
        }
        if self.disk_is_sound(work.disk) {
            let names = (0..work.layout.stripe_count())
                .map(|stripe| name_of(part, stripe, slot.get()))
                .collect();
            self.fragments().remove(work.disk, names).await?;
        }
        Ok(())
    }
}

/// One slot of one part.
struct SlotWork {
    part: PartId,
    slot: FragmentNumber,
    disk: DiskId,
    code: Code,
    layout: SealedLayout,
}

impl SlotWork {
    fn of(part: PartId, slot: FragmentNumber, row: &PartRow) -> Option<Self> {
        Some(Self {
            part,
            slot,
            disk: *row.slots.get(usize::from(slot.get()))?,
            code: Code::new(row.data, row.parity).ok()?,
            layout: SealedLayout::new(row.size, row.stripe_bytes)?,
        })
    }

    fn sealed_bytes(&self, stripe: StripeNumber) -> usize {
        usize::try_from(self.layout.sealed_bytes(stripe)).unwrap_or(usize::MAX)
    }
}
