//! Disks: forgetting one that never comes back, and where a slot may lie.
//!
//! That no part has a slot on a disk is proven by a search in steps; a command that
//! brings a slot there ends it, so what was looked at stays true. Once the disk is
//! forgotten such a command is refused.

use units::{DiskId, planted};

use super::search::{self, Step};
use super::tx::Tx;
use super::{leave, map, node};
use crate::command::DiskForget;
use crate::limits::{DISK_FORGET_ROWS_MAX, DISKS_FORGOTTEN_MAX};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{DiskSearch, Disks, ForgottenDisk};
use crate::refusal::Refusal;
use crate::table;

/// One step: looks at some parts, and forgets the disk after the last.
pub(super) fn forget(tx: &mut Tx<'_>, ask: &DiskForget) -> Result<Success, Halt> {
    let disk = ask.disk;
    let mut disks = tx.rows.record_often::<Disks>(&table::disks())?.unwrap_or_default();
    if disks.forgotten_at(disk).is_some() {
        return Ok(Success::DiskForget { finished: true });
    }
    if disks.forgotten.len() >= DISKS_FORGOTTEN_MAX {
        let what = "the list of forgotten disks".to_owned();
        return Err(Refusal::TooLarge { what, max: DISKS_FORGOTTEN_MAX as u64 }.into());
    }
    let begun = disks.search.filter(|search| search.disk == disk);
    let through = begun.and_then(|search| search.through);
    let rows = ask.rows.clamp(1, DISK_FORGET_ROWS_MAX);
    let finished = match search::step(tx, through, rows, |slot| *slot == disk)? {
        Step::Found(part) => return Err(Refusal::DiskInUse { disk, part }.into()),
        Step::Through(through) => {
            disks.search = Some(DiskSearch { disk, through });
            false
        }
        Step::Finished => {
            disks.search = None;
            disks.forgotten.push(ForgottenDisk { disk, at: tx.at });
            node::unlist(tx, disk)?;
            true
        }
    };
    tx.rows.put_record(table::disks(), &disks);
    Ok(Success::DiskForget { finished })
}

/// How slots come to lie on disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bringing {
    /// With a new part.
    New,
    /// From another disk.
    Moved,
    /// From the same disk: the fragment was written again.
    Back,
}

/// Slots are about to lie on these disks: on none that was forgotten or is not on the
/// map, and none is moved to a site that is being emptied. A search for one of the disks
/// has to begin anew.
pub(super) fn slots_check(
    tx: &mut Tx<'_>,
    slots: &[DiskId],
    bringing: Bringing,
) -> Result<(), Halt> {
    forgotten_check(tx, slots)?;
    if !map::is_founded(tx)? {
        return Ok(());
    }
    for disk in slots {
        let at = node::listing(tx, *disk)?.ok_or(Refusal::DiskUnknown { disk: *disk })?;
        leave::slot_comes(tx, at, bringing == Bringing::Moved)?;
    }
    Ok(())
}

fn forgotten_check(tx: &mut Tx<'_>, slots: &[DiskId]) -> Result<(), Halt> {
    let Some(mut disks) = tx.rows.record_often::<Disks>(&table::disks())? else { return Ok(()) };
    if let Some(disk) = slots.iter().copied().find(|disk| disks.forgotten_at(*disk).is_some()) {
        return Err(Refusal::DiskForgotten { disk }.into());
    }
    let searched = disks.search.is_some_and(|search| slots.contains(&search.disk));
    if searched && !planted::is_on("catalog-search-goes-on") {
        disks.search = None;
        tx.rows.put_record(table::disks(), &disks);
    }
    Ok(())
}

/// Refuses disks of which one was forgotten.
pub(super) fn none_forgotten(tx: &mut Tx<'_>, disks: &[DiskId]) -> Result<(), Halt> {
    let row = tx.rows.record_often::<Disks>(&table::disks())?.unwrap_or_default();
    match disks.iter().copied().find(|disk| row.forgotten_at(*disk).is_some()) {
        Some(disk) => Err(Refusal::DiskForgotten { disk }.into()),
        None => Ok(()),
    }
}
