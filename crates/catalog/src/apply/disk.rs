//! Forgetting a disk that never comes back.
//!
//! That no part has a slot on it is a precondition over all parts, of which there may be
//! millions: it is proven in steps. Each step looks at some parts and notes how far it
//! has come; a command that brings a slot on that disk ends the search, so what was
//! looked at stays true. Once the disk is forgotten such a command is refused.

use units::{DiskId, planted};

use super::tx::Tx;
use crate::command::DiskForget;
use crate::limits::{DISK_FORGET_ROWS_MAX, DISKS_FORGOTTEN_MAX};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{DiskSearch, Disks, ForgottenDisk, PartRow, Record};
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
    let mut through = begun.and_then(|search| search.through);
    let rows = ask.rows.clamp(1, DISK_FORGET_ROWS_MAX);
    let mut seen = 0_u32;
    for row in tx.rows.scan_after(&[table::PART], through.map(table::part).as_deref()) {
        if seen == rows {
            break;
        }
        let (key, value) = row?;
        let part = table::part_of(&key)?;
        if PartRow::decode(&value)?.slots.contains(&disk) {
            return Err(Refusal::DiskInUse { disk, part }.into());
        }
        (seen, through) = (seen + 1, Some(part));
    }
    let finished = seen < rows;
    if finished {
        disks.search = None;
        disks.forgotten.push(ForgottenDisk { disk, at: tx.at });
    } else {
        disks.search = Some(DiskSearch { disk, through });
    }
    tx.rows.put_record(table::disks(), &disks);
    Ok(Success::DiskForget { finished })
}

/// Slots are about to lie on these disks: on none that was forgotten, and a search for
/// one of them has to begin anew.
pub(super) fn slots_check(tx: &mut Tx<'_>, slots: &[DiskId]) -> Result<(), Halt> {
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
