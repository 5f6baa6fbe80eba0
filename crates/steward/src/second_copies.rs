//! Second copies: what was written on one disk gets a copy on another.
//!
//! A site of one disk keeps one copy of everything. When it is started with a second,
//! what it has already is copied. While several disks are counted on nothing is written
//! in a single copy (`placement::place`), so a walk over all parts that finds none is the
//! last of a process.
//!
//! ```text
//! count the parts with one copy ─ none ─> end
//!      ^                        └ some ─> copy each: read → write → read back → catalog
//!      └────────── after a pause ──────────┘
//! ```
//! The catalog names a copy only after every fragment of it has been read back. Cut
//! anywhere, the next attempt goes on, on the disk that has some of the copy already.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catalog::PartRow;
use catalog::command::PartChange;
use objects::SitesNow;
use placement::{Candidates, DiskFacts, Geometry, another};
use tokio::task::JoinSet;
use units::{ByteCount, DiskId, Epoch, FragmentNumber, PartId};

use crate::limits::{
    COPIES_AT_A_TIME, COPIES_PANICKED_MAX, LOST_WALK_EVERY, SECOND_COPIES_LEAVE, SECOND_COPIES_PAGE,
};
use crate::rebuild::SlotWork;
use crate::told::Told;
use crate::{Steward, StewardError};

/// Where the walks are.
#[derive(Debug, Default)]
pub(crate) struct SecondCopies {
    walk: Walk,
    after: Option<PartId>,
    /// Parts with one copy that the count under way has met.
    met: u64,
    /// Parts whose copying panicked: they are left alone in this process, so that one of
    /// them does not keep the others from it, nor stop the node.
    panicked: BTreeSet<PartId>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Walk {
    #[default]
    Count,
    Copy,
    /// Until this time since an arbitrary start.
    Rest(Duration),
    /// Nothing is left to do in this process.
    End,
}

impl SecondCopies {
    fn begin(&mut self, walk: Walk) {
        let panicked = core::mem::take(&mut self.panicked);
        *self = Self { walk, panicked, ..Self::default() };
    }
}

/// Whether a part has one copy and no parity.
fn is_single(row: &PartRow) -> bool {
    row.references > 0 && row.data == 1 && row.parity == 0
}

impl Steward {
    /// Looks at one more page of parts, if the site has several disks; whether there are
    /// more to look at now.
    // Cancel-safety: may be cut anywhere; the page is looked at once more.
    pub async fn second_copies_step(&self) -> Result<bool, StewardError> {
        if self.fragments().expected().len() < 2 {
            // All have one copy, and nobody is told that they get another.
            if self.shared.status.borrow().parts_single != Some(0) {
                self.count(|status| status.parts_single = Some(0));
            }
            return Ok(false);
        }
        let mut place = self.shared.second_copies.lock().await;
        let now = self.shared.objects.parts().clock.elapsed();
        match place.walk {
            Walk::End => return Ok(false),
            Walk::Rest(until) if now < until => return Ok(false),
            Walk::Rest(_) => place.begin(Walk::Count),
            Walk::Count | Walk::Copy => {}
        }
        let page = self.view().parts(place.after, SECOND_COPIES_PAGE)?;
        let last = page.last().map(|(part, _)| *part);
        let is_end = page.len() < SECOND_COPIES_PAGE;
        let single: Vec<PartId> =
            page.into_iter().filter(|(_, row)| is_single(row)).map(|(part, _)| part).collect();
        let mut copied = Ok(());
        match place.walk {
            Walk::Copy => copied = self.copies_make(&single, &mut place.panicked).await,
            _ => place.met += single.len() as u64,
        }
        place.after = last;
        if is_end {
            let met = place.met;
            let next = match place.walk {
                Walk::Copy => Walk::Rest(now.saturating_add(LOST_WALK_EVERY)),
                _ if met == 0 => Walk::End,
                _ => Walk::Copy,
            };
            if !matches!(place.walk, Walk::Copy) {
                self.count(|status| status.parts_single = Some(met));
            }
            place.begin(next);
        }
        copied.map(|()| matches!(place.walk, Walk::Count | Walk::Copy))
    }

    /// Copies these parts, several at a time. What stands in the way of one does not keep
    /// the others from it; the first error is told at the end.
    async fn copies_make(
        &self,
        parts: &[PartId],
        panicked: &mut BTreeSet<PartId>,
    ) -> Result<(), StewardError> {
        let mut failed = None;
        for some in parts.chunks(COPIES_AT_A_TIME) {
            let (mut copies, mut at_work) = (JoinSet::new(), BTreeMap::new());
            for part in some.iter().copied().filter(|part| !panicked.contains(part)) {
                let steward = self.clone();
                let copy = copies.spawn(async move { steward.copy_make(part).await });
                at_work.insert(copy.id(), part);
            }
            while let Some(done) = copies.join_next_with_id().await {
                match done {
                    Ok((_, Ok(true))) => self.count(|status| status.copies_made += 1),
                    Ok((_, Ok(false))) => {}
                    Ok((_, Err(error))) => {
                        failed.get_or_insert(error);
                    }
                    Err(error) => {
                        let Some(part) = at_work.get(&error.id()).copied() else { continue };
                        tracing::error!(%part, "the copying of this part panicked");
                        if panicked.len() < COPIES_PANICKED_MAX {
                            panicked.insert(part);
                        }
                    }
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Copies a part to another disk, whole; whether that was possible.
    async fn copy_make(&self, part: PartId) -> Result<bool, StewardError> {
        let Some(_claim) = self.shared.claims.claim(part) else { return Ok(false) };
        let Some(row) = self.view().part(part)?.filter(is_single) else { return Ok(false) };
        Ok(self.copy_add(part, row).await?.is_some())
    }

    /// Gives a part that is kept whole in each of its slots, and that is claimed, one copy
    /// more; the disk of it, if that was possible.
    pub(crate) async fn copy_add(
        &self,
        part: PartId,
        row: PartRow,
    ) -> Result<Option<DiskId>, StewardError> {
        let Some((to, epoch)) = self.copy_target(part, &row).await? else { return Ok(None) };
        let command = Self::step(part, &row, PartChange::Copy { to }, epoch);
        if !self.takes(&command) {
            return Ok(None);
        }
        // As the row will be: the new copy is a slot that has to be rebuilt.
        let new = FragmentNumber::new(u8::try_from(row.slots.len()).unwrap_or(u8::MAX));
        let was_single = is_single(&row);
        let mut wide = row;
        wide.slots.push(to);
        wide.parity = wide.parity.saturating_add(1);
        let Some(work) = SlotWork::of(part, new, &wide) else { return Ok(None) };
        let mut left = 0..wide.stripe_count;
        while !left.is_empty() {
            let batch = self.batch_rebuild(&work, &wide, to, &mut left).await;
            if batch.is_short() {
                // What is to be copied is bad: whoever repairs finds out how much of it.
                if !self.is_paused(part, &wide) {
                    self.bad_found(part, FragmentNumber::new(0))?;
                }
                return Ok(None);
            }
            if !self.batch_keep(to, batch).await? {
                return Ok(None);
            }
        }
        if !self.slot_is_at(&work, &wide, to).await {
            return Ok(None);
        }
        if self.tell(command).await? != Told::Taken {
            // It is decided anew by the next walk.
            return Ok(None);
        }
        if was_single {
            self.count(|status| {
                let left = |single: u64| single.saturating_sub(1);
                status.parts_single = status.parts_single.map(left);
            });
        }
        // It may have been taken for lost while nobody had heard of this copy.
        if self.unreadable()?.parts.iter().any(|listed| listed.part == part) {
            self.unreadable_forget(part).await?;
        }
        Ok(Some(to))
    }

    /// Whether one copy more of a part may lie on a disk by all policies that bind it.
    pub(crate) fn copy_goes(
        binding: &[Arc<Candidates>],
        now: &SitesNow,
        row: &PartRow,
        disk: DiskId,
    ) -> bool {
        let Some(wide) = Geometry::new(row.data, row.parity.saturating_add(1)) else {
            return false;
        };
        // As it will be, with the new copy on a disk that no site has yet.
        let (nowhere, new) = (DiskId::from_u128(u128::MAX), row.slots.len());
        let slots: Vec<DiskId> = row.slots.iter().copied().chain([nowhere]).collect();
        let is_new = !row.slots.contains(&disk);
        is_new && binding.iter().all(|one| one.completes(&now.map, wide, &slots, new, disk))
    }

    /// The disks of all nodes with the room that copies may take: a share of each stays free.
    pub(crate) fn copy_disks(&self) -> impl Iterator<Item = DiskFacts> {
        self.disk_facts().into_iter().map(|disk| {
            let total = self.fragments().space(disk.id).map_or(0, |space| space.total.get());
            let free = disk.free.get().saturating_sub(total / SECOND_COPIES_LEAVE);
            DiskFacts { free: ByteCount::new(free), ..disk }
        })
    }

    /// Where a copy goes: the disk that an earlier attempt wrote to, or one that is drawn;
    /// none whose last share of room it would take, for that is kept for what clients
    /// write.
    async fn copy_target(
        &self,
        part: PartId,
        row: &PartRow,
    ) -> Result<Option<(DiskId, Epoch)>, StewardError> {
        let Some(layout) = seal::SealedLayout::new(row.size, row.stripe_bytes) else {
            return Ok(None);
        };
        let need = layout.sealed_total();
        let mut disks: Vec<DiskFacts> = self.copy_disks().collect();
        let places = self.places()?;
        if let Some(now) = &places.now {
            let Some(binding) = self.binding(now, row)? else { return Ok(None) };
            disks.retain(|disk| Self::copy_goes(&binding, now, row, disk.id));
        }
        let new = FragmentNumber::new(u8::try_from(row.slots.len()).unwrap_or(u8::MAX));
        let begun = self.begun(&disks, row, (part, new), need.get()).await;
        let drawn = || another(&disks, &row.slots, need, &*self.shared.objects.parts().random);
        Ok(begun.or_else(drawn).map(|disk| (disk, places.epoch)))
    }
}
