//! Rebuilding a slot of a part, from the fragments in the others.
//!
//! ```text
//! disk sound:  what is bad: rebuild → write in its place → read back
//! disk lost:   can every stripe be rebuilt? → each stripe: rebuild → write on another
//!              disk → read back; then one command moves the slot
//! ```
//! The catalog names the new disk only after every fragment there has been read
//! back; until then readers rebuild. Cut anywhere, the next attempt goes on where this
//! one ended: on the disk that has some of the slot's fragments already, whose good
//! ones it leaves as they are.
//!
//! Fragments are taken from where the catalog says, or from any other disk that has them:
//! a catalog put back from a backup names disks that have been replaced since, and what
//! lay on them lies on others. There the slots have only to be moved.
//!
//! Fragments are written several at a time, with one sync for all of them.

use core::ops::Range;

use bytes::Bytes;
use catalog::command::PartChange;
use catalog::{Command, PartRow};
use erasure::{Code, Cut};
use fragments::{CustodyProof, Fragment, FragmentHeader, FragmentName, Nonce, Reach};
use futures::future::join_all;
use placement::DiskFacts;
use seal::SealedLayout;
use tokio::sync::SemaphorePermit;
use units::{ByteCount, DiskId, Epoch, FragmentNumber, PartId, StripeNumber, planted};

use crate::census::{Presence, cut_of, expected_bytes, is_expected, name_of, with_unheard};
use crate::limits::{
    BATCH_STRIPES_MAX, LENGTHS_PAGE, REPAIR_BATCH_BYTES, REPAIR_BYTES_MAX, REPAIR_LOOK_BYTES_MAX,
    REPAIR_STRIPES_BYTES_MAX,
};
use crate::places::Goal;
use crate::planted::{MOVE_UNVERIFIED, REMOVE_FIRST};
use crate::told::Told;
use crate::{RepairOutcome, Steward, StewardError};

/// One slot of one part.
pub(crate) struct SlotWork {
    pub(crate) part: PartId,
    pub(crate) slot: FragmentNumber,
    pub(crate) disk: DiskId,
    /// The part could not be rebuilt when it was last tried: indexes are not believed.
    pub(crate) was_in_vain: bool,
    cut: Cut,
    layout: SealedLayout,
}

impl SlotWork {
    pub(crate) fn of(part: PartId, slot: FragmentNumber, row: &PartRow) -> Option<Self> {
        Some(Self {
            part,
            slot,
            disk: *row.slots.get(usize::from(slot.get()))?,
            was_in_vain: false,
            cut: Code::new(row.data, row.parity).ok().map(|_| cut_of(row))?,
            layout: SealedLayout::new(row.size, row.stripe_bytes)?,
        })
    }

    fn sealed_bytes(&self, stripe: StripeNumber) -> usize {
        usize::try_from(self.layout.sealed_bytes(stripe)).unwrap_or(usize::MAX)
    }

    /// Bytes of the slot's fragments, about.
    pub(crate) fn bytes(&self, row: &PartRow) -> u64 {
        self.layout.sealed_total().get() / u64::from(row.data.max(1))
    }

    /// That the slot is on another disk.
    fn moved_to(&self, to: DiskId) -> PartChange {
        PartChange::Move { slot: self.slot, to }
    }

    /// The slot's fragment of a stripe.
    fn name(&self, stripe: u32) -> FragmentName {
        let stripe = self.cut.named(StripeNumber::new(stripe));
        FragmentName { part: self.part, stripe, fragment: self.slot }
    }
}

/// Rebuilt fragments that are written together, and the room they take meanwhile.
#[derive(Default)]
pub(crate) struct Batch<'a> {
    fragments: Vec<Fragment>,
    bytes: usize,
    room: Option<SemaphorePermit<'a>>,
    /// Stripes that cannot be rebuilt.
    lost: u64,
}

impl Batch<'_> {
    /// Whether something could not be rebuilt.
    pub(crate) fn is_short(&self) -> bool {
        self.lost > 0
    }
}

impl Steward {
    /// Rebuilds what is bad in a slot, in its place, or the whole slot on another disk.
    pub(crate) async fn slot_repair(
        &self,
        work: &SlotWork,
        row: &PartRow,
    ) -> Result<RepairOutcome, StewardError> {
        let (target, epoch) = match self.goal(work, row).await? {
            Goal::At(target, epoch) => (target, epoch),
            Goal::Later => return Ok(RepairOutcome { deferred: 1, ..RepairOutcome::default() }),
            Goal::Nowhere => {
                // Without a disk to go to it may be lost all the same.
                let lost = self.stripes_lost(work, row, work.was_in_vain).await;
                let homeless = u64::from(row.stripe_count).saturating_sub(lost);
                return Ok(RepairOutcome { lost, homeless, ..RepairOutcome::default() });
            }
        };
        self.slot_bring(work, row, target, epoch).await
    }

    /// Rebuilds what is not good of a slot on a disk, its own or another, which is then the
    /// slot's, if the map is still of this epoch.
    pub(crate) async fn slot_bring(
        &self,
        work: &SlotWork,
        row: &PartRow,
        target: DiskId,
        epoch: Epoch,
    ) -> Result<RepairOutcome, StewardError> {
        let mut outcome = RepairOutcome::default();
        let stripes = u64::from(row.stripe_count);
        let moving = target != work.disk;
        let moved = Self::step(work.part, row, work.moved_to(target), epoch);
        if moving && !self.takes(&moved) {
            // Nobody could be told where the fragments are: nothing is read or written,
            // and it is tried again after a pause.
            outcome.deferred = 1;
            return Ok(outcome);
        }
        if moving && planted::is_on(REMOVE_FIRST) {
            self.slot_remove(work).await?;
        }
        if moving {
            // The indexes have most of the answer; what they cannot know is read if it
            // has been in vain before.
            outcome.lost = self.stripes_lost(work, row, work.was_in_vain).await;
        }
        let mut left = 0..row.stripe_count;
        // Nothing is written of a slot that cannot move.
        if moving && outcome.lost > 0 {
            left = row.stripe_count..row.stripe_count;
        }
        while !left.is_empty() {
            let batch = self.batch_rebuild(work, row, target, &mut left).await;
            outcome.lost += batch.lost;
            if moving && batch.lost > 0 {
                // What the indexes could not know; how many there are will be asked.
                outcome.lost = self.stripes_lost(work, row, true).await.max(1);
                break;
            }
            let all = batch.fragments.len() as u64;
            let good = self.batch_write(target, batch).await?;
            outcome.repaired += good;
            outcome.homeless += all - good;
        }
        if moving && outcome.lost > 0 {
            // As long as a stripe is missing the slot stays where it is, for its disk
            // may come back; so nothing of it has a new home.
            outcome.homeless = stripes.saturating_sub(outcome.lost);
        } else if moving && outcome.homeless == 0 && !self.slot_is_at(work, row, target).await {
            // Another node may have taken for left over what lay there already.
            outcome.deferred = 1;
        } else if moving && outcome.homeless == 0 {
            match self.slot_move(work, row, target, moved).await? {
                Told::Taken => outcome.moved += 1,
                Told::Overtaken => outcome.deferred = 1,
                Told::Gone => {}
            }
        }
        Ok(outcome)
    }

    /// How many stripes cannot be rebuilt; by the disks' indexes, or by what is read.
    async fn stripes_lost(&self, work: &SlotWork, row: &PartRow, read: bool) -> u64 {
        let row = &with_unheard(row);
        let mut lost = 0;
        let plainly_good = if read { Vec::new() } else { self.stripes_there(work, row).await };
        for stripe in 0..row.stripe_count {
            if plainly_good.get(stripe as usize).copied().unwrap_or(false) {
                continue;
            }
            let mut good = 0;
            for (slot, disk) in (0_u8..).zip(&row.slots) {
                let name = name_of(row, work.part, stripe, slot);
                let is_good = if read {
                    let _room = self.look_room(expected_bytes(row, name).unwrap_or(0)).await;
                    self.good_somewhere(*disk, row, name).await.is_some()
                } else {
                    self.fragment_is_somewhere(row, name).await != Presence::Absent
                        && !self.is_distrusted(name)
                };
                // Its own fragment makes up for all others.
                let counts = if slot == work.slot.get() { row.data } else { 1 };
                good += if is_good { counts } else { 0 };
                if good >= row.data {
                    break;
                }
            }
            lost += u64::from(good < row.data);
        }
        lost
    }

    /// Which stripes have enough fragments where the catalog says, by the indexes: each disk
    /// is asked once for all of its own, side by side.
    async fn stripes_there(&self, work: &SlotWork, row: &PartRow) -> Vec<bool> {
        let stripes = 0..row.stripe_count;
        let asked = (0_u8..).zip(&row.slots).map(async |(slot, disk)| {
            let names: Vec<FragmentName> =
                stripes.clone().map(|stripe| name_of(row, work.part, stripe, slot)).collect();
            let lengths = self.fragments().lengths(*disk, &names).await.unwrap_or_default();
            let is_good = |(name, length): (&FragmentName, Option<ByteCount>)| {
                is_expected(row, *name, length) && !self.is_distrusted(*name)
            };
            names.iter().zip(lengths).map(is_good).collect::<Vec<bool>>()
        });
        let there = join_all(asked).await;
        let enough = |stripe: u32| {
            let is_there = |slot: &Vec<bool>| slot.get(stripe as usize).copied().unwrap_or(false);
            there.iter().filter(|slot| is_there(slot)).count() >= usize::from(row.data)
        };
        stripes.clone().map(enough).collect()
    }

    /// The disks of all nodes, as placement sees them.
    pub(crate) fn disk_facts(&self) -> Vec<DiskFacts> {
        let store = self.fragments();
        let facts =
            |id| DiskFacts { healthy: self.disk_is_sound(id), ..objects::disk_facts(store, id) };
        store.disks().into_iter().map(facts).collect()
    }

    /// The disk that an earlier attempt wrote fragments of this slot to, if it takes the
    /// rest: `need` bytes in all.
    pub(crate) async fn begun(
        &self,
        disks: &[DiskFacts],
        row: &PartRow,
        (part, slot): (PartId, FragmentNumber),
        need: u64,
    ) -> Option<DiskId> {
        for disk in disks.iter().filter(|disk| disk.healthy && !row.slots.contains(&disk.id)) {
            // They are written in order: without the first there is none.
            let names = |stripes: Range<u32>| -> Vec<FragmentName> {
                stripes.map(|stripe| name_of(row, part, stripe, slot.get())).collect()
            };
            let first = names(0..row.stripe_count.min(1));
            if self.bytes_there(disk.id, &first).await == 0 {
                continue;
            }
            let there = self.bytes_there(disk.id, &names(0..row.stripe_count)).await;
            if disk.free.get() >= need.saturating_sub(there) {
                return Some(disk.id);
            }
        }
        None
    }

    /// Whether all fragments of a slot are in the index of a disk now.
    pub(crate) async fn slot_is_at(&self, work: &SlotWork, row: &PartRow, disk: DiskId) -> bool {
        if planted::is_on(MOVE_UNVERIFIED) {
            return true;
        }
        for first in (0..row.stripe_count).step_by(LENGTHS_PAGE as usize) {
            let last = row.stripe_count.min(first.saturating_add(LENGTHS_PAGE));
            let names: Vec<FragmentName> = (first..last).map(|stripe| work.name(stripe)).collect();
            let Ok(lengths) = self.fragments().lengths(disk, &names).await else { return false };
            let is_there = |(name, length): (&FragmentName, &Option<ByteCount>)| {
                let expected = expected_bytes(row, *name).map(|bytes| bytes as u64);
                length.is_some() && length.map(ByteCount::get) == expected
            };
            if lengths.len() != names.len() || !names.iter().zip(&lengths).all(is_there) {
                return false;
            }
        }
        true
    }

    /// Bytes of these fragments on a disk, up to the first that is not there.
    async fn bytes_there(&self, disk: DiskId, names: &[FragmentName]) -> u64 {
        let lengths = self.fragments().lengths(disk, names).await.unwrap_or_default();
        lengths.into_iter().map_while(|length| length).map(ByteCount::get).sum()
    }

    /// Rebuilds the next fragments that are not good on the target, as many as are
    /// written together.
    pub(crate) async fn batch_rebuild(
        &self,
        work: &SlotWork,
        row: &PartRow,
        target: DiskId,
        left: &mut Range<u32>,
    ) -> Batch<'_> {
        let mut batch = Batch::default();
        // What an index does not have is not asked for one by one.
        let next: Vec<u32> = left.clone().take(BATCH_STRIPES_MAX).collect();
        let names: Vec<FragmentName> = next.iter().map(|stripe| work.name(*stripe)).collect();
        let there = self.fragments().lengths(target, &names).await.unwrap_or_default();
        for (stripe, at) in next.into_iter().zip(0_usize..) {
            if batch.bytes >= REPAIR_BATCH_BYTES {
                break;
            }
            left.start = stripe.saturating_add(1);
            let name = work.name(stripe);
            let is_absent = there.get(at).is_some_and(Option::is_none);
            if !is_absent && self.is_good(target, row, name).await {
                continue;
            }
            let bytes = expected_bytes(row, name).unwrap_or(0).clamp(1, REPAIR_BYTES_MAX);
            let room = u32::try_from(bytes).unwrap_or(u32::MAX);
            if let Some(has) = &mut batch.room {
                // Who has some waits for no more: others might wait for the same.
                let Ok(more) = self.shared.repair_room.try_acquire_many(room) else {
                    left.start = stripe;
                    break;
                };
                has.merge(more);
            } else {
                batch.room = self.shared.repair_room.acquire_many(room).await.ok();
            }
            let Some(payload) = self.payload(work, row, name).await else {
                batch.lost += 1;
                if target == work.disk {
                    continue;
                }
                break;
            };
            let header = FragmentHeader {
                name,
                codec: work.cut.codec(),
                code: work.cut.code(),
                stripe_bytes: ByteCount::new(work.sealed_bytes(StripeNumber::new(stripe)) as u64),
            };
            batch.bytes += payload.len();
            batch.fragments.push(Fragment { header, payload });
        }
        batch
    }

    /// The bytes of a fragment: from its own disk, or rebuilt from as many others as it
    /// takes.
    async fn payload(&self, work: &SlotWork, row: &PartRow, name: FragmentName) -> Option<Bytes> {
        // What the target has itself is known not to be good.
        let own = self.good_somewhere(work.disk, row, name).await;
        if own.is_some() {
            return own;
        }
        // Any copy is as good, also one of which the catalog has not heard.
        if row.data == 1
            && let Some(first) = row.slots.first()
        {
            let slot = u8::try_from(row.slots.len()).unwrap_or(u8::MAX);
            let unheard = FragmentName { fragment: FragmentNumber::new(slot), ..name };
            let copy = self.good_somewhere(*first, &with_unheard(row), unheard).await;
            if copy.is_some() {
                return copy;
            }
        }
        let stripe = work.cut.stripe(name.stripe)?;
        let _room = self.stripe_room(work, row, stripe).await;
        let mut pieces = self.pieces(row, name).await;
        let (code, sealed) = (work.cut.code(), work.sealed_bytes(stripe));
        if name.fragment.get() < row.data {
            erasure::rebuild_data(code, sealed, &mut pieces).ok()?;
        } else {
            erasure::rebuild(code, sealed, &mut pieces).ok()?;
        }
        pieces.into_iter().nth(usize::from(name.fragment.get())).flatten()
    }

    /// As many other fragments of a stripe as it takes, at their numbers, if there are so
    /// many: read side by side, those of this node first.
    async fn pieces(&self, row: &PartRow, wanted: FragmentName) -> Vec<Option<Bytes>> {
        let mut pieces = vec![None; row.slots.len()];
        let mut left: Vec<(u8, DiskId)> = (0_u8..).zip(row.slots.iter().copied()).collect();
        left.retain(|(slot, _)| *slot != wanted.fragment.get());
        // Another order for each stripe: so all sites are asked, and all ways to them.
        let turn = usize::try_from(wanted.stripe.get()).unwrap_or(0) % left.len().max(1);
        left.rotate_left(turn);
        left.sort_by_key(|(_, disk)| match self.fragments().reach(*disk) {
            Reach::Here => 0,
            Reach::There { .. } => 1,
            _ => 2,
        });
        let mut left = left.into_iter();
        let mut have = 0;
        while have < usize::from(row.data) {
            let some: Vec<(u8, DiskId)> =
                left.by_ref().take(usize::from(row.data).saturating_sub(have)).collect();
            if some.is_empty() {
                break;
            }
            let read = some.into_iter().map(async |(slot, disk)| {
                let name = FragmentName { fragment: FragmentNumber::new(slot), ..wanted };
                (slot, self.good_somewhere(disk, row, name).await)
            });
            for (slot, piece) in join_all(read).await {
                have += usize::from(piece.is_some());
                if let Some(place) = pieces.get_mut(usize::from(slot)) {
                    *place = piece;
                }
            }
        }
        pieces
    }

    /// The room for a stripe with all its fragments. Who has it waits for nothing but
    /// disks.
    async fn stripe_room(
        &self,
        work: &SlotWork,
        row: &PartRow,
        stripe: StripeNumber,
    ) -> Option<SemaphorePermit<'_>> {
        let data = usize::from(row.data.max(1));
        let bytes = work.sealed_bytes(stripe).div_ceil(data).saturating_mul(row.slots.len());
        let bytes = bytes.clamp(1, REPAIR_STRIPES_BYTES_MAX);
        self.shared.stripe_room.acquire_many(u32::try_from(bytes).unwrap_or(u32::MAX)).await.ok()
    }

    /// Whether a fragment on a disk is good; it is read for that, and let go.
    async fn is_good(&self, disk: DiskId, row: &PartRow, name: FragmentName) -> bool {
        let _room = self.look_room(expected_bytes(row, name).unwrap_or(0)).await;
        self.good_fragment(disk, row, name).await.is_some()
    }

    /// The room for so many bytes that are read to be looked at. Who has it waits for
    /// nothing but a disk.
    async fn look_room(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let room = u32::try_from(bytes.clamp(1, REPAIR_LOOK_BYTES_MAX)).unwrap_or(u32::MAX);
        self.shared.look_room.acquire_many(room).await.ok()
    }

    /// A fragment on a disk, if it is what the catalog expects and nobody found that it
    /// does not open. One of another length is not read.
    pub(crate) async fn good_fragment(
        &self,
        disk: DiskId,
        row: &PartRow,
        name: FragmentName,
    ) -> Option<Bytes> {
        let expected = expected_bytes(row, name)?;
        // What another node has is told with its bytes.
        if self.fragments().reach(disk) == Reach::Here
            && self.own_disks().length(disk, name)?.get() != expected as u64
        {
            return None;
        }
        let read = self.fragments().read_whole(disk, name).await.ok()?;
        let is_whole = read.payload.len() == expected;
        (is_whole && !self.is_distrusted(name)).then_some(read.payload)
    }

    /// A good fragment from the disk it has its place on, or from another that has it.
    pub(crate) async fn good_somewhere(
        &self,
        place: DiskId,
        row: &PartRow,
        name: FragmentName,
    ) -> Option<Bytes> {
        let in_place = self.good_fragment(place, row, name).await;
        if in_place.is_some() {
            return in_place;
        }
        for disk in self.fragments().elsewhere(place, name).await {
            let good = self.good_fragment(disk, row, name).await;
            if good.is_some() {
                return good;
            }
        }
        None
    }

    /// Whether a reader found that this is not what was sealed, though its checksums hold.
    pub(crate) fn is_distrusted(&self, name: FragmentName) -> bool {
        self.shared.distrusted.lock().contains(&name)
    }

    /// Writes fragments and reads them back; whether none was lost and all came back.
    pub(crate) async fn batch_keep(
        &self,
        target: DiskId,
        batch: Batch<'_>,
    ) -> Result<bool, StewardError> {
        if batch.is_short() {
            return Ok(false);
        }
        let all = batch.fragments.len() as u64;
        Ok(self.batch_write(target, batch).await? == all)
    }

    /// Writes fragments and reads them back; says how many came back as they were.
    async fn batch_write(&self, target: DiskId, batch: Batch<'_>) -> Result<u64, StewardError> {
        if batch.fragments.is_empty() || planted::is_on(MOVE_UNVERIFIED) {
            return Ok(batch.fragments.len() as u64);
        }
        self.fragments().append_many(target, batch.fragments.clone()).await?;
        let verified = batch.fragments.iter().map(async |written| {
            let is_there = self.is_at(target, written).await;
            if is_there {
                self.shared.distrusted.lock().remove(&written.header.name);
            }
            is_there
        });
        Ok(join_all(verified).await.into_iter().map(u64::from).sum())
    }

    /// Whether a disk has a fragment as it was written there: it is read, and if it is at
    /// another node that node proves that it has read it, so that its bytes stay there.
    pub(crate) async fn is_at(&self, disk: DiskId, written: &Fragment) -> bool {
        let name = written.header.name;
        if self.fragments().reach(disk) == Reach::Here {
            let _room = self.look_room(written.payload.len()).await;
            let back = self.fragments().read_whole(disk, name).await;
            return back.is_ok_and(|fragment| fragment.payload == written.payload);
        }
        let nonce = Nonce::draw(&*self.shared.objects.parts().random);
        let proof = self.fragments().prove(disk, name, nonce, None).await;
        proof.is_ok_and(|proof| proof == CustodyProof::of(nonce, &written.payload))
    }

    /// Tells the catalog, then lets the old fragments go where that is possible.
    async fn slot_move(
        &self,
        work: &SlotWork,
        row: &PartRow,
        target: DiskId,
        moved: Command,
    ) -> Result<Told, StewardError> {
        let told = self.tell(moved).await?;
        if told != Told::Taken {
            return Ok(told);
        }
        self.count(|status| status.slots_moved += 1);
        self.slot_left(work.disk, row);
        if !self.is_all_there(work, row, target).await {
            // What the slot was before stays, for the repair.
            self.bad_found(work.part, work.slot)?;
        } else if self.disk_is_sound(work.disk) {
            self.slot_remove(work).await?;
        }
        Ok(Told::Taken)
    }

    /// Whether a disk has all fragments of a slot. Its node's sweep, which knows of no claim
    /// of this node, may have met them before the slot moved there, and have taken them for
    /// copies that nobody needs.
    async fn is_all_there(&self, work: &SlotWork, row: &PartRow, target: DiskId) -> bool {
        let names: Vec<FragmentName> =
            (0..work.layout.stripe_count()).map(|stripe| work.name(stripe)).collect();
        let Ok(lengths) = self.fragments().lengths(target, &names).await else { return false };
        names.iter().zip(lengths).all(|(name, found)| {
            let expected = expected_bytes(row, *name);
            found.and_then(|found| usize::try_from(found.get()).ok()) == expected
        })
    }

    /// Removes the fragments of a slot from its disk.
    async fn slot_remove(&self, work: &SlotWork) -> Result<(), StewardError> {
        let names = (0..work.layout.stripe_count()).map(|stripe| work.name(stripe)).collect();
        self.fragments().remove(work.disk, names).await?;
        Ok(())
    }
}
