//! What lies on which disk, and what is left to do for disks that are missing.
//!
//! A disk that is not there any more is named by parts only, so all of them are walked
//! over, a page at a time: while disks are missing by [`Steward::survey_step`], whose
//! last result says whether everything can be read without them, and whenever an
//! operator asks for all disks.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use catalog::PartRow;
use serde::Serialize;
use units::{DiskId, PartId};

use crate::limits::{HOLDINGS_AGE_MAX, HOLDINGS_DISKS_MAX, SURVEY_EVERY, SURVEY_PAGE};
use crate::{Steward, StewardError};

/// What lies on one disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// Parts with a slot on it, of objects and uploads.
    pub parts: u64,
    /// Bytes of their objects that lie in these slots, about.
    pub bytes: u64,
    /// Parts with a slot on it that were deleted and are not cleaned up yet.
    pub deleted: u64,
}

impl Holding {
    fn add(&mut self, row: &PartRow) {
        if row.references == 0 {
            self.deleted += 1;
        } else {
            self.parts += 1;
            self.bytes = self.bytes.saturating_add(slot_bytes(row));
        }
    }
}

/// Bytes of an object that lie in one slot of its part, before sealing.
pub(crate) fn slot_bytes(row: &PartRow) -> u64 {
    row.size.get().div_ceil(u64::from(row.data.max(1)))
}

/// What lies on disks that are missing, as of the last survey.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// For each of them, what has still to be rebuilt elsewhere.
    pub disks: BTreeMap<DiskId, Holding>,
    /// Parts that cannot be read: more of their fragments are missing than they can spare.
    pub unreadable: u64,
}

impl Losses {
    /// Whether nothing is left to be rebuilt of what lay on any of them.
    fn is_over(&self) -> bool {
        self.disks.values().all(|holding| *holding == Holding::default())
    }
}

/// What lay on the disks when it was counted last, and the walk that counts it anew.
#[derive(Default)]
pub(crate) struct Counted {
    last: Option<(Duration, BTreeMap<DiskId, Holding>)>,
    walk: Option<host::Blocking<Result<BTreeMap<DiskId, Holding>, StewardError>>>,
}

/// Where the survey is.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    running: bool,
    after: Option<PartId>,
    found: Losses,
    /// When the next one begins, if one has ended.
    again_at: Option<Duration>,
}

impl Steward {
    /// The disks that were there once and are not, and which nobody has forgotten.
    pub(crate) fn missing(&self) -> BTreeSet<DiskId> {
        self.fragments().missing()
    }

    /// Looks at one more page of parts, if disks are missing and it is time; whether
    /// there are more to look at.
    // Cancel-safety: may be cut anywhere; the page is looked at once more.
    pub async fn survey_step(&self) -> Result<bool, StewardError> {
        // One page at a time, whoever looks.
        let _one = self.shared.surveying.lock().await;
        let missing = self.missing();
        let now = self.shared.objects.parts().clock.elapsed();
        let after = {
            let mut survey = self.shared.survey.lock();
            if !survey.running {
                if missing.is_empty() || survey.again_at.is_some_and(|at| now < at) {
                    return Ok(false);
                }
                let disks = missing.iter().map(|disk| (*disk, Holding::default())).collect();
                let found = Losses { disks, ..Losses::default() };
                *survey = Survey { running: true, found, ..Survey::default() };
            }
            survey.after
        };
        let page = self.view().parts(after, SURVEY_PAGE)?;
        let mut unreadable = 0;
        for (part, row) in &page {
            unreadable += u64::from(self.is_unreadable_without(*part, row).await);
        }
        let mut survey = self.shared.survey.lock();
        survey.running = page.len() == SURVEY_PAGE;
        survey.after = page.last().map(|(part, _)| *part);
        survey.found.unreadable += unreadable;
        for (_, row) in &page {
            for disk in &row.slots {
                if let Some(holding) = survey.found.disks.get_mut(disk) {
                    holding.add(row);
                }
            }
        }
        if !survey.running {
            let mut found = core::mem::take(&mut survey.found);
            let missing = self.missing();
            found.disks.retain(|disk, _| missing.contains(disk));
            let pause = if found.is_over() { Duration::MAX } else { SURVEY_EVERY };
            survey.again_at = Some(now.saturating_add(pause));
            self.count(|status| status.losses = Some(found));
        }
        Ok(survey.running)
    }

    /// Whether a part cannot be read without the disks that are missing.
    async fn is_unreadable_without(&self, part: PartId, row: &PartRow) -> bool {
        let missing = row.slots.iter().filter(|disk| self.fragments().state(**disk).is_none());
        // What lay on them may lie on others, of which the catalog has not heard.
        row.references > 0
            && missing.count() > usize::from(row.parity)
            && !self.part_may_be_read(part, row).await
    }

    /// A slot has moved off a disk. The last one has all parts surveyed at once: others
    /// may have been counted while they moved.
    pub(crate) fn slot_left(&self, disk: DiskId, row: &PartRow) {
        let mut is_over = false;
        self.count(|status| {
            let Some(losses) = &mut status.losses else { return };
            let Some(holding) = losses.disks.get_mut(&disk) else { return };
            holding.parts = holding.parts.saturating_sub(1);
            holding.bytes = holding.bytes.saturating_sub(slot_bytes(row));
            is_over = losses.is_over();
        });
        if is_over {
            self.shared.survey.lock().again_at = None;
        }
    }

    /// What lies on each disk that a part names, as it was [`HOLDINGS_AGE_MAX`] ago at the
    /// earliest: whoever asks, and however many, one walk over all parts is under way.
    // Cancel-safety: the walk under way is kept for whoever asks next.
    pub async fn holdings_recent(&self) -> Result<BTreeMap<DiskId, Holding>, StewardError> {
        let elapsed = || self.shared.objects.parts().clock.elapsed();
        let mut counted = self.shared.holdings.lock().await;
        if let Some((at, holdings)) = &counted.last
            && elapsed().saturating_sub(*at) < HOLDINGS_AGE_MAX
        {
            return Ok(holdings.clone());
        }
        let walk = counted.walk.get_or_insert_with(|| {
            let steward = self.clone();
            host::blocking(move || steward.holdings())
        });
        let found = walk.await;
        counted.walk = None;
        let holdings = found.map_err(|_| StewardError::Interrupted)??;
        counted.last = Some((elapsed(), holdings.clone()));
        Ok(holdings)
    }

    /// What lies on each disk that a part names: walks over all parts, on this thread.
    pub fn holdings(&self) -> Result<BTreeMap<DiskId, Holding>, StewardError> {
        let mut holdings: BTreeMap<DiskId, Holding> = BTreeMap::new();
        let mut after = None;
        loop {
            // Rows as they are then: a view that is held for long holds back compaction.
            let page = self.view().parts(after, SURVEY_PAGE)?;
            after = page.last().map(|(part, _)| *part);
            for (_, row) in &page {
                for disk in &row.slots {
                    if holdings.len() < HOLDINGS_DISKS_MAX || holdings.contains_key(disk) {
                        holdings.entry(*disk).or_default().add(row);
                    }
                }
            }
            if page.len() < SURVEY_PAGE {
                return Ok(holdings);
            }
        }
    }
}
