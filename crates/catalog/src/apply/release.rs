//! The release queue, and moving fragments: what the steward reports back.

use units::{BucketId, PartId, ReferenceId, planted};

use super::content;
use super::disk::{self, Bringing};
use super::tx::{Tx, check_size};
use crate::command::{
    PartBucketsNote, PartChange, PartCopyAdd, PartCut, PartRecut, PartSlotMove, PartStep,
};
use crate::limits::{
    PART_BUCKETS_NOTE_MAX, PART_RECUT_CODEC, PART_RECUT_STRIPES_MAX, RELEASE_ROWS_MAX,
};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{PartReference, PartRow, Record, ReleaseEntry, ReleaseKind};
use crate::refusal::Refusal;
use crate::rows::Row;
use crate::table;
use units::limits::FRAGMENTS_MAX;
use units::{ByteCount, UploadId};

/// Takes manifests and buckets at the head of the queue apart, row by row.
pub(super) fn advance(tx: &mut Tx<'_>, rows: u32) -> Result<Success, Halt> {
    let mut budget = rows.min(RELEASE_ROWS_MAX) as usize;
    while budget > 0 {
        let Some((row, value)) = first_group(tx)? else { break };
        let entry = ReleaseEntry::decode(&value)?;
        let (taken, finished) = match entry.kind {
            ReleaseKind::Manifest(reference) => manifest(tx, reference, budget)?,
            ReleaseKind::Bucket(bucket) => bucket_uploads(tx, bucket, budget)?,
            ReleaseKind::Part(part) => {
                content::part_let_go(tx, part)?;
                (1, true)
            }
        };
        // At least one: a group without rows is work too.
        budget = budget.saturating_sub(taken.max(1));
        if finished {
            tx.rows.remove(row);
        }
    }
    Ok(Success::Released { more: first_group(tx)?.is_some() })
}

fn first_group(tx: &Tx<'_>) -> Result<Option<Row>, Halt> {
    Ok(tx.rows.scan_prefix(&[table::RELEASE_GROUP]).next().transpose()?)
}

/// Up to `budget` rows below a prefix, and whether those were all.
fn take_rows(tx: &Tx<'_>, prefix: &[u8], budget: usize) -> Result<(Vec<Row>, bool), Halt> {
    let mut rows = Vec::new();
    for row in tx.rows.scan_prefix(prefix).take(budget.saturating_add(1)) {
        rows.push(row?);
    }
    let finished = rows.len() <= budget;
    rows.truncate(budget);
    Ok((rows, finished))
}

fn manifest(tx: &mut Tx<'_>, reference: ReferenceId, budget: usize) -> Result<(usize, bool), Halt> {
    let (rows, finished) = take_rows(tx, &table::manifest_rows(reference), budget)?;
    let taken = rows.len();
    for (row, value) in rows {
        if row != table::manifest(reference) {
            content::part_let_go(tx, PartReference::decode(&value)?.part)?;
        }
        tx.rows.remove(row);
    }
    Ok((taken, finished))
}

fn bucket_uploads(tx: &mut Tx<'_>, bucket: BucketId, budget: usize) -> Result<(usize, bool), Halt> {
    let (rows, finished) = take_rows(tx, &table::uploads(bucket), budget)?;
    let taken = rows.len();
    for (row, _) in rows {
        let id = row.last_chunk::<16>().copied();
        tx.rows.remove(row);
        if let Some(id) = id {
            let upload = UploadId::from_bytes(id);
            content::manifest_queue(tx, super::upload::reference_of(upload))?;
        }
    }
    Ok((taken, finished))
}

/// Declares unknown parts as never to be known, and queues them.
pub(super) fn condemn(tx: &mut Tx<'_>, parts: &[PartId]) -> Result<Success, Halt> {
    check_size("part list", parts.len(), RELEASE_ROWS_MAX as usize)?;
    for part in parts {
        let row = table::part(*part);
        if tx.rows.get(&row)?.is_some() {
            continue;
        }
        let place = tx.next_release()?;
        let condemned = PartRow {
            size: ByteCount::ZERO,
            stripe_bytes: 0,
            stripe_count: 0,
            codec: 0,
            data: 0,
            parity: 0,
            slots: Vec::new(),
            references: 0,
            created: tx.at,
            released: Some(place),
            buckets: Vec::new(),
        };
        tx.rows.put_record(row, &condemned);
        let entry = ReleaseEntry { at: tx.at, kind: ReleaseKind::Part(*part) };
        tx.rows.put_record(table::release(place), &entry);
    }
    Ok(Success::Done)
}

/// Removes the rows of parts whose fragments are gone. A part that somebody
/// refers to is never forgotten, whoever says so.
pub(super) fn forget(tx: &mut Tx<'_>, parts: &[PartId]) -> Result<Success, Halt> {
    check_size("part list", parts.len(), RELEASE_ROWS_MAX as usize)?;
    let mut forgotten = 0_u32;
    for part in parts {
        let row = table::part(*part);
        let Some(found) = tx.rows.record::<PartRow>(&row)? else { continue };
        let Some(place) = found.released.filter(|_| found.references == 0) else { continue };
        tx.rows.remove(table::release(place));
        tx.rows.remove(row);
        forgotten = forgotten.saturating_add(1);
    }
    Ok(Success::Forgotten { parts: forgotten })
}

/// Notes a bucket at parts that are there and do not name it.
pub(super) fn buckets_note(tx: &mut Tx<'_>, ask: &PartBucketsNote) -> Result<Success, Halt> {
    check_size("part list", ask.parts.len(), PART_BUCKETS_NOTE_MAX)?;
    for part in &ask.parts {
        let row = table::part(*part);
        let Some(mut found) = tx.rows.record::<PartRow>(&row)? else { continue };
        // However many share it already: a policy that is left out would not be kept.
        if found.references > 0 && !found.buckets.contains(&ask.bucket) {
            found.buckets.push(ask.bucket);
            tx.rows.put_record(row, &found);
        }
    }
    Ok(Success::Done)
}

/// Changes where a part lies, if it lies where the proposer saw it.
pub(super) fn step(tx: &mut Tx<'_>, ask: &PartStep) -> Result<Success, Halt> {
    let gone = Refusal::PartGone { part: ask.part };
    let part: PartRow = tx.rows.record(&table::part(ask.part))?.ok_or(gone)?;
    if part.slots != ask.slots && !planted::is_on("catalog-steps-from-anywhere") {
        return Err(Refusal::SlotMoved.into());
    }
    match ask.change {
        PartChange::Move { slot, to } => {
            let from = part.slots.get(usize::from(slot.get())).copied();
            let from = from.ok_or(Refusal::SlotMoved)?;
            slot_move(tx, &PartSlotMove { part: ask.part, slot, from, to })
        }
        PartChange::Copy { to } => {
            let copies = u8::try_from(part.slots.len()).unwrap_or(u8::MAX);
            copy_add(tx, &PartCopyAdd { part: ask.part, copies, to })
        }
    }
}

/// Says that a part has another code and other slots, if it is cut and lies as the proposer
/// saw it.
pub(super) fn recut(tx: &mut Tx<'_>, ask: &PartRecut) -> Result<Success, Halt> {
    let row = table::part(ask.part);
    let part: PartRow = tx.rows.record(&row)?.ok_or(Refusal::PartGone { part: ask.part })?;
    if part.released.is_some() {
        return Err(Refusal::PartGone { part: ask.part }.into());
    }
    let is_as_said = PartCut::of(&part) == ask.from;
    if !is_as_said && !planted::is_on("catalog-recuts-whatever-it-was") {
        return Err(Refusal::SlotMoved.into());
    }
    let to = &ask.to;
    let is_whole = to.data > 0
        && to.slots.len() == usize::from(to.data) + usize::from(to.parity)
        && to.slots.len() <= FRAGMENTS_MAX
        && part.stripe_count <= PART_RECUT_STRIPES_MAX;
    if !is_whole || to.codec != PART_RECUT_CODEC || to.slots == part.slots {
        return Err(Refusal::SlotMoved.into());
    }
    // On a disk that it has already it was written anew all the same.
    disk::slots_check(tx, &to.slots, Bringing::Moved)?;
    tx.rows.put_record(row, &to.applied(&part));
    Ok(Success::Done)
}

/// Moves one fragment slot to another disk.
pub(super) fn slot_move(tx: &mut Tx<'_>, ask: &PartSlotMove) -> Result<Success, Halt> {
    let row = table::part(ask.part);
    let mut part: PartRow = tx.rows.record(&row)?.ok_or(Refusal::PartGone { part: ask.part })?;
    if part.released.is_some() {
        return Err(Refusal::PartGone { part: ask.part }.into());
    }
    let taken = ask.to != ask.from && part.slots.contains(&ask.to);
    match part.slots.get_mut(usize::from(ask.slot.get())) {
        Some(slot) if *slot == ask.from && !taken => *slot = ask.to,
        _ => return Err(Refusal::SlotMoved.into()),
    }
    let bringing = if ask.to == ask.from { Bringing::Back } else { Bringing::Moved };
    disk::slots_check(tx, &[ask.to], bringing)?;
    tx.rows.put_record(row, &part);
    Ok(Success::Done)
}

/// Gives a part one copy more, on a disk that has none of it.
pub(super) fn copy_add(tx: &mut Tx<'_>, ask: &PartCopyAdd) -> Result<Success, Halt> {
    let row = table::part(ask.part);
    let mut part: PartRow = tx.rows.record(&row)?.ok_or(Refusal::PartGone { part: ask.part })?;
    if part.released.is_some() {
        return Err(Refusal::PartGone { part: ask.part }.into());
    }
    let room = part.slots.len() < FRAGMENTS_MAX;
    let is_whole_in_each = part.data == 1;
    let as_said = part.slots.len() == usize::from(ask.copies) && !part.slots.contains(&ask.to);
    if !room || !is_whole_in_each || !as_said {
        return Err(Refusal::CopiesChanged.into());
    }
    disk::slots_check(tx, &[ask.to], Bringing::Moved)?;
    part.slots.push(ask.to);
    part.parity = part.parity.saturating_add(1);
    tx.rows.put_record(row, &part);
    Ok(Success::Done)
}
