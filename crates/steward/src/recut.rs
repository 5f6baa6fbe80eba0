//! Cutting a part anew: another code, whose fragments are written beside those it has, and
//! take their place by one command.
//!
//! ```text
//! each stripe: read all fragments ─► do they agree? ─► cut by the new code ─► write ─► read back
//! all there?   ─► one command: code, codec and slots ─► all there still? ─► let the old go
//! ```
//! What is read and written is sealed, and stays so: nobody needs a key.
//!
//! **Invariants**
//! - Until the command, nothing of what the part has is touched; after it, nothing before
//!   every new fragment was found in the index of its disk once more.
//! - What a fragment holds follows from its name ([`erasure::Cut`]): two nodes that cut one
//!   part anew, each by another code, do not write over each other's fragments, and the
//!   command of one of them is refused.
//! - Of a stripe whose fragments contradict each other nothing is cut: which of them is wrong
//!   could not be found out from the new ones any more.
//!
//! Cut anywhere, the next attempt leaves as they are the fragments that are good. What an
//! attempt leaves that nobody goes on with, or what could not be removed, is met by the
//! orphan sweep ([`crate::copies`]).

use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;
use catalog::command::{PartCut, PartRecut, Placed, PlacedCommand};
use catalog::limits::{PART_RECUT_CODEC, PART_RECUT_STRIPES_MAX};
use catalog::{Command, PartRow};
use erasure::{Code, CodecId, Cut};
use fragments::{Fragment, FragmentHeader, FragmentName};
use futures::future::join_all;
use placement::{Geometry, SitePlacement};
use seal::SealedLayout;
use units::{ByteCount, DiskId, Epoch, FragmentNumber, PartId, StripeNumber, planted};

use crate::census::{cut_of, name_of};
use crate::limits::{
    BATCH_STRIPES_MAX, RECUT_BATCH_BYTES, RECUT_PUT_OFF, RECUTS_PUT_OFF_MAX,
    REPAIR_STRIPES_BYTES_MAX,
};
use crate::planted::{RECUT_REMOVE_FIRST, RECUT_UNVERIFIED};
use crate::told::Told;
use crate::{Steward, StewardError};

const _: () = assert!(CodecId::NamedLeopard16.to_byte() == PART_RECUT_CODEC, "one codec");
const _: () = assert!(erasure::STRIPES_NAMED_MAX == PART_RECUT_STRIPES_MAX, "and one limit");

/// What a part is to be cut into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recut {
    geometry: Geometry,
    pub(crate) slots: Vec<DiskId>,
    /// Bytes of its object.
    pub(crate) bytes: u64,
}

impl Recut {
    pub(crate) fn of(placement: &SitePlacement, part: PartId, row: &PartRow, home: bool) -> Self {
        let mut slots = placement.disks();
        if !home {
            // The same each time it is tried on the same disks: what was written is found.
            slots.sort_unstable();
            let turn = part.to_u128() % slots.len().max(1) as u128;
            slots.rotate_left(usize::try_from(turn).unwrap_or(0));
        }
        if slots == row.slots {
            // Whoever names the slots of a part names its code by that: they differ.
            let last = slots.len().saturating_sub(1);
            slots.swap(last, last.saturating_sub(1));
        }
        Self { geometry: placement.geometry, slots, bytes: row.size.get() }
    }
}

/// A part on its way from one cut to another.
struct Work<'a> {
    part: PartId,
    from: &'a PartRow,
    to: PartRow,
    layout: SealedLayout,
    old: Cut,
    new: Cut,
}

impl<'a> Work<'a> {
    fn of(part: PartId, from: &'a PartRow, recut: &Recut) -> Option<Self> {
        let (data, parity) = (recut.geometry.data(), recut.geometry.parity());
        Code::new(from.data, from.parity).ok()?;
        CodecId::from_byte(from.codec).ok()?;
        let code = Code::new(data, parity).ok()?;
        let slots = recut.slots.clone();
        let to = PartCut { codec: PART_RECUT_CODEC, data, parity, slots }.applied(from);
        let is_right = to.slots.len() == usize::from(code.total())
            && from.stripe_count <= PART_RECUT_STRIPES_MAX
            && from.slots != to.slots;
        is_right.then_some(Self {
            part,
            from,
            layout: SealedLayout::new(from.size, from.stripe_bytes)?,
            old: cut_of(from),
            new: cut_of(&to),
            to,
        })
    }

    fn command(&self, epoch: Epoch) -> Command {
        let (from, to) = (PartCut::of(self.from), PartCut::of(&self.to));
        let recut = Box::new(PartRecut { part: self.part, from, to });
        Command::Placed(Box::new(Placed { epoch, command: PlacedCommand::PartRecut(recut) }))
    }

    fn sealed_bytes(&self, stripe: u32) -> usize {
        let sealed = self.layout.sealed_bytes(StripeNumber::new(stripe));
        usize::try_from(sealed).unwrap_or(usize::MAX)
    }

    /// Room for a stripe with all its fragments, those it has and those it gets.
    fn room(&self, stripe: u32) -> usize {
        let times =
            |cut: Cut| usize::from(cut.code().total()).div_ceil(usize::from(cut.code().data()));
        let times = times(self.old).saturating_add(times(self.new));
        self.sealed_bytes(stripe).saturating_mul(times)
    }

    /// The fragments of a stripe by the new code, one for each slot.
    fn cut(&self, stripe: u32, sealed: &Bytes) -> Option<Vec<Fragment>> {
        let payloads = erasure::encode(self.new.code(), sealed).ok()?;
        let fragment = |(slot, payload)| {
            let header = FragmentHeader {
                name: name_of(&self.to, self.part, stripe, slot),
                codec: self.new.codec(),
                code: self.new.code(),
                stripe_bytes: ByteCount::new(sealed.len() as u64),
            };
            Fragment { header, payload }
        };
        Some((0_u8..).zip(payloads).map(fragment).collect())
    }
}

/// Parts that could not be cut anew: by which map, and until when they are left alone.
pub(crate) type RecutsPutOff = std::collections::BTreeMap<PartId, (Epoch, Duration)>;

impl Steward {
    /// Whether a part could not be cut anew lately, by the map of this epoch.
    pub(crate) fn recut_is_put_off(&self, part: PartId, epoch: Epoch) -> bool {
        let now = self.shared.objects.parts().clock.elapsed();
        let put_off = self.shared.recuts_put_off.lock().get(&part).copied();
        put_off.is_some_and(|(of, until)| of == epoch && now < until)
    }

    /// Leaves a part alone for a while that could not be cut anew.
    fn recut_put_off(&self, part: PartId, epoch: Epoch) {
        let now = self.shared.objects.parts().clock.elapsed();
        let mut put_off = self.shared.recuts_put_off.lock();
        put_off.retain(|_, (of, until)| *of == epoch && now < *until);
        if put_off.len() < RECUTS_PUT_OFF_MAX {
            put_off.insert(part, (epoch, now.saturating_add(RECUT_PUT_OFF)));
        }
    }

    /// Cuts a part anew that is claimed, if the map is still of this epoch; whether it was.
    // Cancel-safety: may be cut anywhere; what was written is gone on with, or swept.
    pub(crate) async fn part_recut(
        &self,
        part: PartId,
        row: &PartRow,
        recut: &Recut,
        epoch: Epoch,
    ) -> Result<bool, StewardError> {
        let done = match Work::of(part, row, recut) {
            Some(work) => self.recut_done(&work, epoch).await,
            None => Ok(false),
        };
        if !matches!(done, Ok(true)) {
            self.recut_put_off(part, epoch);
        }
        done
    }

    async fn recut_done(&self, work: &Work<'_>, epoch: Epoch) -> Result<bool, StewardError> {
        let command = work.command(epoch);
        if !self.takes(&command) {
            // Nobody could be told: nothing is read or written.
            return Ok(false);
        }
        if !self.recut_write(work).await? || !self.recut_is_there(work).await {
            return Ok(false);
        }
        if planted::is_on(RECUT_REMOVE_FIRST) {
            self.recut_old_remove(work).await?;
        }
        if self.tell(command).await? != Told::Taken {
            // It is decided anew.
            return Ok(false);
        }
        self.shared.homeless.lock().note(work.part, &[]);
        self.count(|status| {
            status.parts_recut += 1;
            status.parts_homeless = self.shared.homeless.lock().count();
        });
        for disk in &work.from.slots {
            self.slot_left(*disk, work.from);
        }
        // A sweep at another node may have taken what was there for left over, before the
        // catalog named it. What it was cut from is all there still.
        let is_there = self.recut_is_there(work).await
            || (self.recut_write(work).await? && self.recut_is_there(work).await);
        if is_there {
            self.recut_old_remove(work).await?;
        } else {
            for (slot, _) in (0_u8..).zip(&work.to.slots) {
                self.bad_found(work.part, FragmentNumber::new(slot))?;
            }
        }
        Ok(true)
    }

    async fn recut_is_there(&self, work: &Work<'_>) -> bool {
        planted::is_on(RECUT_UNVERIFIED) || self.part_is_there(work.part, &work.to).await
    }

    /// Writes all new fragments that are not there, and reads them back; whether they came
    /// back as they were.
    async fn recut_write(&self, work: &Work<'_>) -> Result<bool, StewardError> {
        let mut left = 0..work.from.stripe_count;
        while !left.is_empty() {
            let Some(first) = left.clone().next() else { break };
            let mut bytes = 0_usize;
            let batch: Vec<u32> = left
                .clone()
                .take(BATCH_STRIPES_MAX)
                .take_while(|stripe| {
                    let fits = *stripe == first || bytes < RECUT_BATCH_BYTES;
                    bytes = bytes.saturating_add(work.room(*stripe));
                    fits
                })
                .collect();
            left.start = batch.last().map_or(left.end, |last| last.saturating_add(1));
            let room = u32::try_from(bytes.clamp(1, REPAIR_STRIPES_BYTES_MAX)).unwrap_or(u32::MAX);
            let _room = self.shared.stripe_room.acquire_many(room).await.ok();
            if !self.recut_batch(work, batch).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same, of these stripes.
    async fn recut_batch(&self, work: &Work<'_>, stripes: Vec<u32>) -> Result<bool, StewardError> {
        let missing = self.recut_missing(work, &stripes).await;
        let mut of_slot: Vec<Vec<Fragment>> = vec![Vec::new(); work.to.slots.len()];
        for (stripe, missing) in stripes.into_iter().zip(missing) {
            if missing.is_empty() {
                continue;
            }
            let Some(sealed) = self.recut_stripe(work, stripe).await? else { return Ok(false) };
            let Some(fragments) = work.cut(stripe, &sealed) else { return Ok(false) };
            for (slot, fragment) in fragments.into_iter().enumerate() {
                if let Some(batch) = of_slot.get_mut(slot).filter(|_| missing.contains(&slot)) {
                    batch.push(fragment);
                }
            }
        }
        if planted::is_on(RECUT_UNVERIFIED) {
            return Ok(true);
        }
        let kept = work.to.slots.iter().zip(of_slot);
        let kept = kept.map(|(disk, fragments)| self.recut_keep(*disk, fragments));
        let mut all = true;
        for kept in join_all(kept).await {
            all &= kept?;
        }
        Ok(all)
    }

    /// Which slots of each of these stripes are not there and good by the new code.
    async fn recut_missing(&self, work: &Work<'_>, stripes: &[u32]) -> Vec<Vec<usize>> {
        let asked = (0_u8..).zip(&work.to.slots).map(async |(slot, disk)| {
            let names: Vec<FragmentName> =
                stripes.iter().map(|stripe| name_of(&work.to, work.part, *stripe, slot)).collect();
            let lengths = self.fragments().lengths(*disk, &names).await.unwrap_or_default();
            let mut good = Vec::with_capacity(names.len());
            for (at, name) in names.into_iter().enumerate() {
                let is_absent = lengths.get(at).is_none_or(Option::is_none);
                good.push(!is_absent && self.good_fragment(*disk, &work.to, name).await.is_some());
            }
            good
        });
        let good = join_all(asked).await;
        let missing = |at: usize| -> Vec<usize> {
            let is_good = |slot: &Vec<bool>| slot.get(at).copied().unwrap_or(false);
            let slots = good.iter().enumerate().filter(|(_, slot)| !is_good(slot));
            slots.map(|(slot, _)| slot).collect()
        };
        (0..stripes.len()).map(missing).collect()
    }

    /// A whole sealed stripe, out of all its fragments that can be read, if they agree.
    async fn recut_stripe(
        &self,
        work: &Work<'_>,
        stripe: u32,
    ) -> Result<Option<Bytes>, StewardError> {
        let part = work.part;
        let reads = (0_u8..).zip(&work.from.slots).map(async |(slot, disk)| {
            let name = name_of(work.from, part, stripe, slot);
            self.good_somewhere(*disk, work.from, name).await
        });
        let read = join_all(reads).await;
        for (slot, fragment) in (0_u8..).zip(&read) {
            let is_lost = |disk: &DiskId| self.disk_is_lost(*disk);
            let disk = work.from.slots.get(usize::from(slot));
            if fragment.is_none() && !disk.is_some_and(is_lost) {
                // It is mended first, if it can be.
                self.bad_found(part, FragmentNumber::new(slot))?;
                return Ok(None);
            }
        }
        let code = work.old.code();
        let Ok(sealed) = erasure::join(code, work.sealed_bytes(stripe), &mut read.clone()) else {
            return Ok(None);
        };
        let again = erasure::encode(code, &sealed).unwrap_or_default();
        let agrees = |(read, again): (&Option<Bytes>, &Bytes)| {
            read.as_ref().is_none_or(|read| read == again)
        };
        if again.len() != read.len() || !read.iter().zip(&again).all(agrees) {
            tracing::error!(%part, stripe, "fragments disagree: the part is not cut anew");
            self.count(|status| status.custody.disputed += 1);
            return Ok(None);
        }
        Ok(Some(sealed))
    }

    /// Writes fragments to a disk and reads them back; whether all came back as they were.
    async fn recut_keep(
        &self,
        disk: DiskId,
        fragments: Vec<Fragment>,
    ) -> Result<bool, StewardError> {
        if fragments.is_empty() {
            return Ok(true);
        }
        self.fragments().append_many(disk, fragments.clone()).await?;
        for written in &fragments {
            if !self.is_at(disk, written).await {
                return Ok(false);
            }
            self.shared.distrusted.lock().remove(&written.header.name);
        }
        Ok(true)
    }

    /// Removes the fragments that the part had before, but for those that it has still.
    async fn recut_old_remove(&self, work: &Work<'_>) -> Result<(), StewardError> {
        let of = |row: &PartRow, slot: u8, stripes: Range<u32>| -> Vec<FragmentName> {
            stripes.map(|stripe| name_of(row, work.part, stripe, slot)).collect()
        };
        let removed = (0_u8..).zip(&work.from.slots).map(async |(slot, disk)| {
            let names = of(work.from, slot, 0..work.from.stripe_count);
            let kept = work.to.slots.get(usize::from(slot)) == Some(disk)
                && names == of(&work.to, slot, 0..work.to.stripe_count);
            if !kept && self.disk_is_sound(*disk) {
                self.fragments().remove(*disk, names).await?;
            }
            Ok::<(), StewardError>(())
        });
        for removed in join_all(removed).await {
            removed?;
        }
        Ok(())
    }
}
