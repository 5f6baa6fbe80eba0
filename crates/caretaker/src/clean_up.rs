//! Clean-up: what the release queue asks for, in bounded steps.
//!
//! First the catalog is asked to take manifests and deleted buckets apart into
//! parts; then the fragments of released parts are removed from their disks; and
//! only when they are gone is the catalog told to forget the parts. A crash in
//! between leaves the part in the queue, and removing twice does no harm.

use catalog::{Command, PartRow, ReadError, ReleaseKind, View};
use units::{DiskId, PartId};

use crate::limits::{CLEAN_UP_PARTS_MAX, CLEAN_UP_ROWS_MAX};

/// A released part whose fragments are to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Which part.
    pub part: PartId,
    /// The disks that hold its fragments; empty if that is not known, and then
    /// every disk is to be asked.
    pub disks: Vec<DiskId>,
}

/// What is to be cleaned up now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CleanUp {
    /// To be proposed before anything else.
    pub advance: Option<Command>,
    /// Fragments to remove.
    pub removals: Vec<Removal>,
    /// Where the next plan goes on if these removals do not succeed; `None`:
    /// at the head of the queue.
    pub next: Option<u64>,
}

impl CleanUp {
    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.advance.is_none() && self.removals.is_empty()
    }

    /// What to propose once the fragments of these parts are gone from all
    /// their disks.
    pub fn forget(parts: Vec<PartId>) -> Command {
        Command::PartForget { parts }
    }
}

/// Plans the next step of the clean-up, after this place in the queue.
pub fn plan_clean_up(view: &View, after: Option<u64>) -> Result<CleanUp, ReadError> {
    let groups = view.release_groups(1)?;
    let advance =
        (!groups.is_empty()).then_some(Command::ReleaseAdvance { rows: CLEAN_UP_ROWS_MAX });
    let queued = view.releases(after, CLEAN_UP_PARTS_MAX)?;
    let next = queued.last().filter(|_| queued.len() == CLEAN_UP_PARTS_MAX).map(|(at, _)| *at);
    let mut removals = Vec::with_capacity(queued.len());
    for (_, entry) in queued {
        let ReleaseKind::Part(part) = entry.kind else { continue };
        let Some(row) = view.part(part)? else { continue };
        if row.references == 0 {
            removals.push(Removal { part, disks: distinct(&row) });
        }
    }
    Ok(CleanUp { advance, removals, next })
}

fn distinct(row: &PartRow) -> Vec<DiskId> {
    let mut disks = row.slots.clone();
    disks.sort_unstable();
    disks.dedup();
    disks
}
