//! Copies: fragments of a known part on a disk where the catalog does not look for them.
//!
//! They are left by a repair that was cut before the slot moved and went on with another
//! disk, and by a lost disk that comes back after its slots have moved. The orphan sweep
//! meets them.
//!
//! **Invariant**: a copy goes only while no repair is at work on its part, and only after
//! the fragment that the catalog names was read and found good. Should a command that
//! names the copy still be on its way, one fragment of the stripe is missing afterwards
//! and rebuilt; none is lost.

use catalog::PartRow;
use fragments::FragmentName;
use units::{DiskId, PartId};

use crate::census::{FragmentState, expected_bytes, name_of};
use crate::limits::SWEEP_PAGE;
use crate::{Steward, StewardError};

/// Whether the catalog looks elsewhere for this fragment of a part that is referred to.
pub(crate) fn is_copy(row: &PartRow, name: FragmentName, disk: DiskId) -> bool {
    let named = row.slots.get(usize::from(name.fragment.get()));
    row.references > 0 && named.is_some_and(|named| *named != disk)
}

impl Steward {
    /// Removes from a disk the copies of a part's fragments that are not needed; says
    /// how many.
    pub(crate) async fn copies_collect(
        &self,
        disk: DiskId,
        part: PartId,
    ) -> Result<u64, StewardError> {
        let Some(_claim) = self.shared.claims.claim(part) else { return Ok(0) };
        // As the catalog is now that nobody moves a slot.
        let row = self.view().part(part)?.filter(|row| row.references > 0);
        let Some(row) = row.filter(|_| self.disk_is_sound(disk)) else { return Ok(0) };
        let (mut copies, mut removed) = (Vec::new(), 0);
        for stripe in 0..row.stripe_count {
            for slot in (0_u8..).take(row.slots.len()) {
                let name = name_of(part, stripe, slot);
                if !is_copy(&row, name, disk) || self.fragments().length(disk, name).is_none() {
                    continue;
                }
                if self.fragment_state(&row, name).await == FragmentState::Good {
                    copies.push(name);
                }
                let bytes = expected_bytes(&row, name).unwrap_or(0) as u64;
                tokio::time::sleep(self.read_rest(bytes)).await;
            }
            if copies.len() >= SWEEP_PAGE {
                let page = core::mem::take(&mut copies);
                removed += self.fragments().remove(disk, page).await?;
            }
        }
        if !copies.is_empty() {
            removed += self.fragments().remove(disk, copies).await?;
        }
        if removed > 0 {
            tracing::info!(%part, %disk, removed, "left copies of fragments were removed");
            self.count(|status| status.copies_removed += removed);
        }
        Ok(removed)
    }
}
