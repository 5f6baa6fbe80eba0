//! Repair: bad and missing fragments are rebuilt from the others.
//!
//! ```text
//! disk sound:  rebuild → write in its place → read back
//! disk lost:   every stripe of the slot: rebuild → write on another disk → read back,
//!              then one command moves the slot
//! ```
//! The catalog names the new disk only after every fragment there has been read
//! back; until then readers rebuild. Cut anywhere, the next attempt writes again.

use bytes::Bytes;
use caretaker::{BadFragment, RepairScan};
use catalog::command::PartSlotMove;
use catalog::{Command, PartRow, Refusal};
use consensus::ProposeError;
use erasure::{Code, CodecId};
use fragments::{Fragment, FragmentHeader, FragmentName};
use placement::{DiskFacts, replacement};
use seal::SealedLayout;
use units::{ByteCount, DiskId, FragmentNumber, PartId, StripeNumber, planted};

use crate::census::{FragmentState, name_of};
use crate::limits::REPAIRS_PER_STEP;
use crate::planted::MOVE_UNVERIFIED;
use crate::{Steward, StewardError};

/// What a repair of one part came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairOutcome {
    /// Fragments rebuilt, written and read back.
    pub repaired: u64,
    /// Fragments that cannot be rebuilt, or have nowhere to go, now.
    pub lost: u64,
}

impl Steward {
    /// Notes a fragment that is bad or missing.
    pub(crate) fn bad_found(&self, part: PartId, slot: FragmentNumber) -> Result<(), StewardError> {
        let mut repairs = self.shared.repairs.lock();
        repairs.report(&self.view(), BadFragment { part, slot })?;
        let waiting = repairs.len() as u64;
        self.count(|status| {
            status.fragments_bad += 1;
            status.repairs_waiting = waiting;
        });
        Ok(())
    }

    /// Takes what readers reported, and looks for slots on lost disks.
    pub async fn damage_step(&self) -> Result<(), StewardError> {
        let mut reported = Vec::new();
        {
            let mut findings = self.shared.findings.lock().await;
            if let Some(findings) = findings.as_mut() {
                while let Ok(damage) = findings.damage.try_recv() {
                    reported.push(damage);
                }
            }
        }
        for damage in reported {
            self.bad_found(damage.part, damage.fragment)?;
        }
        let view = self.view();
        let lost = self.lost_disks(self.fragments().disks().into_iter());
        if !lost.is_empty() {
            let mut scan = RepairScan::default();
            while !scan.step(&view, &lost, &mut self.shared.repairs.lock())? {}
        }
        Ok(())
    }

    /// Repairs the most endangered parts; says what came of it.
    pub async fn repair_step(&self) -> Result<RepairOutcome, StewardError> {
        let mut total = RepairOutcome::default();
        for _ in 0..REPAIRS_PER_STEP {
            let Some(task) = self.shared.repairs.lock().take() else { break };
            let outcome = self.part_repair(task.part, &task.lost).await?;
            total.repaired += outcome.repaired;
            total.lost += outcome.lost;
        }
        let waiting = self.shared.repairs.lock().len() as u64;
        self.count(|status| {
            status.fragments_repaired += total.repaired;
            status.fragments_lost = total.lost;
            status.repairs_waiting = waiting;
        });
        Ok(total)
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
            let Some(row) = self.view().part(part)?.filter(|row| row.references > 0) else {
                return Ok(outcome);
            };
            let Some(work) = SlotWork::of(part, *slot, &row) else { continue };
            let one = self.slot_repair(&work, &row).await?;
            outcome.repaired += one.repaired;
            outcome.lost += one.lost;
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
            outcome.lost = u64::from(row.stripe_count);
            return Ok(outcome);
        };
        let moving = target != work.disk;
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
                outcome.lost += 1;
            }
        }
        if moving && outcome.lost == 0 {
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
        if let Ok(fragment) = self.fragments().read_whole(work.disk, name).await {
            return Some(fragment.payload);
        }
        let mut pieces = Vec::with_capacity(row.slots.len());
        for (slot, disk) in (0_u8..).zip(&row.slots) {
            let other = FragmentName { fragment: FragmentNumber::new(slot), ..name };
            let read = if other == name {
                None
            } else {
                self.fragments().read_whole(*disk, other).await.ok()
            };
            pieces.push(read.map(|fragment| fragment.payload));
        }
        erasure::rebuild(work.code, work.sealed_bytes(name.stripe), &mut pieces).ok()?;
        pieces.into_iter().nth(usize::from(name.fragment.get())).flatten()
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
        Ok(back.is_ok_and(|fragment| fragment.payload == payload))
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
