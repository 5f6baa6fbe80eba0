//! Copies: fragments of a known part on a disk where the catalog does not look for them.
//!
//! They are left by a repair that was cut before the slot moved and went on with another
//! disk, and by a lost disk that comes back after its slots have moved; and, of another code
//! than the part has, by one that was cut anew, or that was not to the end. The orphan sweep
//! meets them.
//!
//! **Invariant**: a copy goes only while no repair is at work on its part, and only after
//! the fragment that the catalog names was read and found good; the catalog is asked
//! before and after, since this node may be behind. Should a command that names the copy
//! still be on its way from another node, one fragment of the stripe is missing afterwards
//! and rebuilt: whoever moves a slot looks once more before the old fragments go. What is of
//! another code, or of more copies than there are now, goes when every fragment of the code
//! that the part has is in the index of its disk: each was read back before the catalog
//! named it.
//!
//! In a cluster another node may be bringing the copy, of whose claim this one knows
//! nothing: there it goes only when it has been met for as long as an unknown fragment is
//! left alone.
//!
//! What is read for it is read at the scrub's rate, and a sweep reads no more than takes a
//! fourth part of the time between two: what it is there for are fragments that nobody
//! knows. The next sweep goes on where this one stopped.

use std::collections::{BTreeMap, BTreeSet};

use catalog::PartRow;
use catalog::limits::PART_RECUT_CODEC;
use fragments::FragmentName;
use units::{DiskId, FragmentNumber, NodeId, PartId, Timestamp};

use crate::census::{cut_of, expected_bytes, name_of};
use crate::limits::{SUSPECTS_MAX, SWEEP_PAGE};
use crate::rebuild::SlotWork;
use crate::{Steward, StewardError};

/// Copies of parts on disks, and since when they have been met.
pub(crate) type CopiesMet = BTreeMap<(DiskId, PartId), Timestamp>;

/// Whether the catalog looks elsewhere for this fragment of a part that is referred to, or
/// for none of its name, since the part is cut anew.
pub(crate) fn is_copy(row: &PartRow, name: FragmentName, disk: DiskId) -> bool {
    let named = row.slots.get(usize::from(name.fragment.get()));
    let is_elsewhere = named.is_some_and(|named| *named != disk);
    row.references > 0 && (is_elsewhere || is_of_another_cut(row, name))
}

/// Whether a fragment is of a code that its part does not have, or not yet: by its name, or
/// since a part that was cut anew into fewer copies has no such slot.
fn is_of_another_cut(row: &PartRow, name: FragmentName) -> bool {
    let is_beyond = || usize::from(name.fragment.get()) >= row.slots.len();
    cut_of(row).stripe(name.stripe).is_none() || (row.codec == PART_RECUT_CODEC && is_beyond())
}

/// Which copies have their turn in a sweep.
#[derive(Debug)]
pub(crate) struct CopiesTurn {
    /// Up to where they had it in the sweep before, which did not come to the end.
    passed: Option<(DiskId, PartId)>,
    /// Bytes that this sweep still may read.
    bytes_left: u64,
    /// The last ones that have had it.
    last: Option<(DiskId, PartId)>,
}

impl CopiesTurn {
    /// A sweep that goes on from where another stopped, and reads so many bytes.
    pub(crate) fn new(passed: Option<(DiskId, PartId)>, bytes: u64) -> Self {
        Self { passed, bytes_left: bytes.max(1), last: None }
    }

    /// Whether the copies of this part on this disk have their turn.
    pub(crate) fn is_of(&mut self, disk: DiskId, part: PartId) -> bool {
        let passed = match self.passed {
            Some((on, last)) => on != disk || part <= last,
            None => false,
        };
        !passed && self.bytes_left > 0
    }

    /// They have had it, and so many bytes were read.
    pub(crate) fn took(&mut self, disk: DiskId, part: PartId, bytes: u64) {
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.last = Some((disk, part));
    }

    /// Those of this disk are through.
    pub(crate) fn disk_done(&mut self, disk: DiskId) {
        self.passed.take_if(|(on, _)| *on == disk);
    }

    /// From where on the next sweep goes on, unless it begins anew.
    pub(crate) fn stopped_at(&self) -> Option<(DiskId, PartId)> {
        self.last.filter(|_| self.bytes_left == 0)
    }
}

impl Steward {
    /// Bytes that one sweep may read to see whether copies are needed.
    pub(crate) fn copies_budget(&self) -> u64 {
        let settings = &self.shared.settings;
        let millis = u64::try_from(settings.orphan_period.as_millis()).unwrap_or(u64::MAX);
        (settings.scrub_bytes_per_second.get() / 4).saturating_mul(millis) / 1_000
    }

    /// Whether another node may be about to name a copy that was met here; notes it.
    pub(crate) fn copy_may_be_awaited(
        &self,
        disk: DiskId,
        part: PartId,
        now: Timestamp,
        met: &mut CopiesMet,
    ) -> bool {
        let nodes: BTreeSet<NodeId> = self.fragments().map().values().copied().collect();
        if nodes.len() < 2 {
            return false;
        }
        let since = self.shared.copies_met.lock().get(&(disk, part)).copied().unwrap_or(now);
        if met.len() < SUSPECTS_MAX {
            met.insert((disk, part), since);
        }
        now.since(since) < self.shared.settings.orphan_grace
    }

    /// Removes from a disk of this node the copies of a part's fragments that are not needed; says
    /// how many bytes it has read for that.
    // Cancel-safety: may be cut anywhere; what was not removed is met by the next sweep.
    pub(crate) async fn copies_collect(
        &self,
        disk: DiskId,
        part: PartId,
    ) -> Result<u64, StewardError> {
        let Some(_claim) = self.shared.claims.claim(part) else { return Ok(0) };
        // As the catalog is now that nobody here moves a slot.
        let Some(row) = self.part_now(part).await? else { return Ok(0) };
        let row = Some(row).filter(|row| row.references > 0);
        let Some(row) = row.filter(|_| self.disk_is_sound(disk)) else { return Ok(0) };
        let (mut copies, mut removed, mut read) = (Vec::new(), 0, 0_u64);
        for stripe in 0..row.stripe_count {
            for slot in (0_u8..).take(row.slots.len()) {
                let name = name_of(&row, part, stripe, slot);
                if !is_copy(&row, name, disk) || self.own_disks().length(disk, name).is_none() {
                    continue;
                }
                // A disk that does not answer has said nothing of what it holds.
                if self.named_is_good(&row, name).await {
                    copies.push(name);
                }
                self.count(|status| status.copies_met += 1);
                let bytes = expected_bytes(&row, name).unwrap_or(0) as u64;
                read = read.saturating_add(bytes);
                tokio::time::sleep(self.read_rest(bytes)).await;
            }
            if copies.len() >= SWEEP_PAGE {
                if self.part_now(part).await?.as_ref() != Some(&row) {
                    return Ok(read);
                }
                let page = core::mem::take(&mut copies);
                removed += self.own_disks().remove(disk, page).await?;
            }
        }
        if !copies.is_empty() && self.part_now(part).await?.as_ref() == Some(&row) {
            removed += self.own_disks().remove(disk, copies).await?;
        }
        removed += self.other_cuts_remove(disk, part, &row).await?;
        if removed > 0 {
            tracing::info!(%part, %disk, removed, "left copies of fragments were removed");
            self.count(|status| status.copies_removed += removed);
        }
        Ok(read)
    }
}

impl Steward {
    /// Removes from a disk of this node what it has of a part by another code, if the part
    /// is whole as it is cut now; says how many fragments.
    async fn other_cuts_remove(
        &self,
        disk: DiskId,
        part: PartId,
        row: &PartRow,
    ) -> Result<u64, StewardError> {
        // Names are listed from after one: the last that a part before this one may have.
        let before = part.to_u128().checked_sub(1).map(PartId::from_u128);
        let mut after = before.map(FragmentName::last_of);
        let mut removed = 0;
        loop {
            let page = self.own_disks().list(disk, after, SWEEP_PAGE);
            let of_part = page.iter().take_while(|listed| listed.name.part == part).count();
            after = page.last().map(|listed| listed.name);
            let all = page.iter().take(of_part).map(|listed| listed.name);
            let left: Vec<FragmentName> =
                all.filter(|name| is_of_another_cut(row, *name)).collect();
            if !left.is_empty() {
                self.count(|status| status.copies_met += left.len() as u64);
                let is_whole = self.part_is_there(part, row).await;
                if !is_whole || self.part_now(part).await?.as_ref() != Some(row) {
                    return Ok(removed);
                }
                removed += self.own_disks().remove(disk, left).await?;
            }
            if page.is_empty() || of_part < page.len() {
                return Ok(removed);
            }
        }
    }

    /// Whether every fragment of a part is in the index of its disk.
    pub(crate) async fn part_is_there(&self, part: PartId, row: &PartRow) -> bool {
        for (slot, _) in (0_u8..).zip(&row.slots) {
            let Some(work) = SlotWork::of(part, FragmentNumber::new(slot), row) else {
                return false;
            };
            if !self.slot_is_at(&work, row, work.disk).await {
                return false;
            }
        }
        true
    }

    /// The part as the whole cluster has it; none also if the leader cannot be asked.
    pub(crate) async fn part_now(&self, part: PartId) -> Result<Option<PartRow>, StewardError> {
        let consensus = &self.shared.objects.parts().consensus;
        if consensus.catch_up().await.is_err() {
            return Ok(None);
        }
        Ok(self.view().part(part)?)
    }

    /// Whether the fragment was read where the catalog looks for it, and is good.
    async fn named_is_good(&self, row: &PartRow, name: FragmentName) -> bool {
        match row.slots.get(usize::from(name.fragment.get())) {
            Some(named) => self.good_fragment(*named, row, name).await.is_some(),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One sweep over the copies of two disks, each of one byte; which had their turn.
    fn sweep(place: &mut Option<(DiskId, PartId)>, bytes: u64) -> Vec<(u128, u128)> {
        let mut turn = CopiesTurn::new(*place, bytes);
        let mut had = Vec::new();
        for disk in [2, 1] {
            for part in 1..=3 {
                let (on, of) = (DiskId::from_u128(disk), PartId::from_u128(part));
                if turn.is_of(on, of) {
                    turn.took(on, of, 1);
                    had.push((disk, part));
                }
            }
            turn.disk_done(DiskId::from_u128(disk));
        }
        *place = turn.stopped_at();
        had
    }

    #[test]
    fn all_have_their_turn_in_several_sweeps() {
        let mut place = None;
        assert_eq!(sweep(&mut place, 2), [(2, 1), (2, 2)]);
        assert_eq!(sweep(&mut place, 2), [(2, 3), (1, 1)]);
        assert_eq!(sweep(&mut place, 9), [(1, 2), (1, 3)]);
        assert_eq!(sweep(&mut place, 9).len(), 6, "and from the beginning");
        assert_eq!(sweep(&mut place, 0), [(2, 1)], "some at least");
        place = Some((DiskId::from_u128(3), PartId::from_u128(1)));
        assert_eq!(sweep(&mut place, 9), [], "a disk that is gone");
        assert_eq!(sweep(&mut place, 9).len(), 6);
    }
}
