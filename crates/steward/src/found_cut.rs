//! A part whose fragments are gone and that lies on the disks by another code: the catalog
//! was put back from a backup of before it was cut anew.
//!
//! The names of fragments of a part that was cut anew say their code ([`erasure::Cut`]), so
//! the disks can be asked. What is found becomes the part's by the command of a recut.
//!
//! **Invariant**: a code is taken only if of as many slots as it needs every stripe lies on
//! one disk each.

use std::collections::BTreeMap;

use catalog::command::{PartCut, PartRecut, Placed, PlacedCommand};
use catalog::limits::PART_RECUT_CODEC;
use catalog::{Command, PartRow};
use erasure::Cut;
use fragments::FragmentName;
use units::{DiskId, PartId};

use crate::census::cut_of;
use crate::limits::SWEEP_PAGE;
use crate::told::Told;
use crate::{Steward, StewardError};

/// How many fragments of each slot lie on which disk.
type Found = BTreeMap<u8, BTreeMap<DiskId, u32>>;

impl Steward {
    /// Looks on all disks for a part that cannot be read as the catalog has it, and says in
    /// the catalog how it is cut; whether it was found.
    pub(crate) async fn cut_recover(
        &self,
        part: PartId,
        row: &PartRow,
    ) -> Result<bool, StewardError> {
        let Some(to) = self.cut_found(part, row).await else { return Ok(false) };
        let recut = PartRecut { part, from: PartCut::of(row), to };
        let epoch = self.places()?.epoch;
        let command = PlacedCommand::PartRecut(Box::new(recut));
        let placed = Command::Placed(Box::new(Placed { epoch, command }));
        let is_taken = self.tell(placed).await? == Told::Taken;
        if is_taken {
            tracing::warn!(%part, "found by another code than the catalog had it by");
        }
        Ok(is_taken)
    }

    /// A code, other than the row's, by which the disks have enough of a part.
    async fn cut_found(&self, part: PartId, row: &PartRow) -> Option<PartCut> {
        let mut cuts: BTreeMap<(u8, u8), Found> = BTreeMap::new();
        for disk in self.fragments().disks() {
            let before = part.to_u128().checked_sub(1).map(PartId::from_u128);
            let mut after = before.map(FragmentName::last_of);
            loop {
                let page = self.fragments().list(disk, after, SWEEP_PAGE).await.unwrap_or_default();
                let of_part = page.iter().take_while(|listed| listed.name.part == part).count();
                after = page.last().map(|listed| listed.name);
                for name in page.iter().take(of_part).map(|listed| listed.name) {
                    let is_own = cut_of(row).stripe(name.stripe).is_some();
                    if let Some(code) = Cut::said_by(name.stripe).filter(|_| !is_own) {
                        let slots = cuts.entry(code).or_default();
                        *slots.entry(name.fragment.get()).or_default().entry(disk).or_default() +=
                            1;
                    }
                }
                if page.is_empty() || of_part < page.len() {
                    break;
                }
            }
        }
        let is_enough = |((data, _), found): &((u8, u8), Found)| {
            let whole = found.values().filter(|on| on.values().any(|n| *n == row.stripe_count));
            whole.count() >= usize::from(*data)
        };
        let ((data, parity), found) = cuts.into_iter().find(is_enough)?;
        self.cut_named(row, (data, parity), &found)
    }

    /// That cut, each slot on the disk that has most of it; one of which nothing was found is
    /// rebuilt where it is said to be.
    fn cut_named(&self, row: &PartRow, (data, parity): (u8, u8), found: &Found) -> Option<PartCut> {
        let highest = found.keys().next_back().copied()?;
        // Of copies the names do not say how many there are.
        let parity = if data == 1 { highest } else { parity };
        let used: Vec<DiskId> = found.values().filter_map(most).collect();
        let mut spare = self.fragments().disks().into_iter().filter(|disk| !used.contains(disk));
        let mut slots = Vec::new();
        for slot in 0..data.checked_add(parity)? {
            slots.push(match found.get(&slot).and_then(most) {
                Some(disk) => disk,
                None => spare.next()?,
            });
        }
        let cut = PartCut { codec: PART_RECUT_CODEC, data, parity, slots };
        (cut.slots != row.slots).then_some(cut)
    }
}

/// The disk that has most of a slot.
fn most(on: &BTreeMap<DiskId, u32>) -> Option<DiskId> {
    on.iter().max_by_key(|(_, count)| **count).map(|(disk, _)| *disk)
}
