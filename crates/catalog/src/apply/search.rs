//! Searching the parts for slots, some at a time.
//!
//! That no part has a slot on certain disks is a precondition over all parts, of which
//! there may be millions: it is proven in steps. Whoever searches keeps how far the steps
//! have come, and begins anew when a slot is brought behind the search.

use units::{DiskId, PartId};

use super::tx::Tx;
use crate::overlay::Halt;
use crate::record::{PartRow, Record};
use crate::table;

/// What a step came to.
pub(super) enum Step {
    /// This part has a slot there.
    Found(PartId),
    /// There are more parts, after this one.
    Through(Option<PartId>),
    /// There are no more parts: none has a slot there.
    Finished,
}

/// Looks at up to `rows` parts after `through`.
pub(super) fn step(
    tx: &Tx<'_>,
    mut through: Option<PartId>,
    rows: u32,
    is_there: impl Fn(&DiskId) -> bool,
) -> Result<Step, Halt> {
    let mut seen = 0_u32;
    for row in tx.rows.scan_after(&[table::PART], through.map(table::part).as_deref()) {
        if seen == rows {
            break;
        }
        let (key, value) = row?;
        let part = table::part_of(&key)?;
        if PartRow::decode(&value)?.slots.iter().any(&is_there) {
            return Ok(Step::Found(part));
        }
        (seen, through) = (seen + 1, Some(part));
    }
    Ok(if seen < rows { Step::Finished } else { Step::Through(through) })
}
