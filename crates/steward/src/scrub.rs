//! Scrub: what should be there is there, and is what was written.
//!
//! A round first walks the catalog's parts and asks the disks' indexes whether
//! each fragment is present, then reads every fragment of every disk against its
//! checksums. What is bad or missing goes to repair at once. What nothing needs any
//! more (a fragment of a deleted object, a copy whose slot has moved) is no finding.

use std::sync::atomic::Ordering;

use fragments::{FragmentName, ScrubCursor};
use units::{DiskId, planted};

use crate::limits::SCRUB_STEP_BYTES;
use crate::planted::SCRUB_BLIND;
use crate::steward::ScrubPlace;
use crate::{Steward, StewardError};

impl Steward {
    /// Begins a round now, as fast as it goes, unless one that was asked for like this
    /// is under way; see [`Steward::status`] for its progress.
    ///
    /// A slow round under way is begun again: what it has read may have been read weeks
    /// ago, and who asks wants to know how things stand now.
    pub fn scrub_now(&self) {
        if !self.shared.scrub_hurry.swap(true, Ordering::SeqCst) {
            self.shared.scrub_afresh.store(true, Ordering::SeqCst);
        }
        self.shared.scrub_wanted.notify_one();
    }

    /// One bounded step of the round; begins one if none is under way. Gives the
    /// bytes read, or `None` when the round has ended with this step.
    pub async fn scrub_step(&self) -> Result<Option<u64>, StewardError> {
        let mut place = self.shared.scrub.lock().await;
        if self.shared.scrub_afresh.swap(false, Ordering::SeqCst) || !place.running {
            self.scrub_begin(&mut place);
        }
        if !place.presence_done {
            let (absent, next) = self.presence(&self.view(), place.presence)?;
            place.presence = next;
            place.presence_done = next.is_none();
            for name in absent {
                self.scrub_found(name)?;
            }
            return Ok(Some(0));
        }
        let Some((disk, cursor)) = place.disks.pop() else {
            place.running = false;
            self.shared.scrub_hurry.store(false, Ordering::SeqCst);
            let now = self.now();
            self.count(|status| {
                status.scrub.running = false;
                status.scrub.rounds += 1;
                status.scrub.finished_micros = Some(now.micros());
            });
            return Ok(None);
        };
        let report = match self.fragments().scrub(disk, cursor, SCRUB_STEP_BYTES).await {
            Ok(report) => report,
            // A disk that cannot be read is lost: its slots are found by the damage step.
            Err(error) => {
                tracing::warn!(%disk, %error, "scrub leaves a disk that cannot be read");
                return Ok(Some(0));
            }
        };
        if let Some(next) = report.next {
            place.disks.push((disk, next));
        }
        if report.holes > 0 {
            // What stood there is absent: the walk over the catalog's parts has met it.
            tracing::error!(%disk, holes = report.holes, "records have decayed beyond recognition");
        }
        for name in &report.damaged {
            if self.is_needed(*name, disk)? && !planted::is_on(SCRUB_BLIND) {
                self.scrub_found(*name)?;
            }
        }
        self.count(|status| {
            status.scrub.bytes_done += report.bytes.get();
            status.scrub.fragments += report.fragments;
        });
        Ok(Some(report.bytes.get()))
    }

    /// Whether the catalog looks for this fragment on this disk.
    fn is_needed(&self, name: FragmentName, disk: DiskId) -> Result<bool, StewardError> {
        let row = self.view().part(name.part)?.filter(|row| row.references > 0);
        let slot = usize::from(name.fragment.get());
        Ok(row.is_some_and(|row| row.slots.get(slot) == Some(&disk)))
    }

    /// Lets every sound disk note that its last commit is durable.
    pub async fn settle_step(&self) -> Result<(), StewardError> {
        for disk in self.fragments().disks() {
            if self.disk_is_sound(disk) {
                self.fragments().settle(disk).await?;
            }
        }
        Ok(())
    }

    fn scrub_begin(&self, place: &mut ScrubPlace) {
        let disks = self.fragments().disks();
        let total = disks.iter().filter_map(|disk| self.fragments().space(*disk));
        let total: u64 = total.map(|space| space.live.get()).sum();
        *place = ScrubPlace {
            presence_done: false,
            presence: None,
            disks: disks.into_iter().map(|disk| (disk, ScrubCursor::START)).collect(),
            running: true,
        };
        self.shared.round.lock().give_up();
        self.count(|status| {
            status.scrub.running = true;
            status.scrub.bytes_total = total;
            status.scrub.bytes_done = 0;
            status.scrub.fragments = 0;
            status.scrub.bad = 0;
            status.scrub.repaired = 0;
            status.scrub.lost = 0;
            status.scrub.waiting = 0;
        });
    }

    /// One whole round, as fast as it goes, and the repairs it leads to.
    pub async fn scrub_round(&self) -> Result<(), StewardError> {
        while self.scrub_step().await?.is_some() {}
        self.damage_step().await?;
        while !self.shared.repairs.lock().is_empty() {
            self.repair_step().await?;
        }
        Ok(())
    }
}
