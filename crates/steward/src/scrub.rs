//! Scrub: what should be there is there, and is what was written.
//!
//! A round first walks the catalog's parts and asks the disks' indexes whether
//! each fragment is present, then reads every fragment of every disk against its
//! checksums. What is bad or missing goes to repair at once.

use std::sync::atomic::Ordering;

use fragments::ScrubCursor;
use units::planted;

use crate::limits::SCRUB_STEP_BYTES;
use crate::planted::SCRUB_BLIND;
use crate::steward::ScrubPlace;
use crate::{Steward, StewardError};

impl Steward {
    /// Begins a round now, or hurries the one under way; see [`Steward::status`]
    /// for its progress.
    pub fn scrub_now(&self) {
        self.shared.scrub_hurry.store(true, Ordering::SeqCst);
        self.shared.scrub_wanted.notify_one();
    }

    /// One bounded step of the round; begins one if none is under way. Gives the
    /// bytes read, or `None` when the round has ended with this step.
    pub async fn scrub_step(&self) -> Result<Option<u64>, StewardError> {
        let mut place = self.shared.scrub.lock().await;
        if !place.running {
            self.scrub_begin(&mut place);
        }
        if !place.presence_done {
            let (absent, next) = self.presence(&self.view(), place.presence)?;
            place.presence = next;
            place.presence_done = next.is_none();
            for name in absent {
                self.count(|status| status.scrub.bad += 1);
                self.bad_found(name.part, name.fragment)?;
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
            if !planted::is_on(SCRUB_BLIND) {
                self.bad_found(name.part, name.fragment)?;
            }
        }
        self.count(|status| {
            status.scrub.bytes_done += report.bytes.get();
            status.scrub.fragments += report.fragments;
            status.scrub.bad += report.damaged.len() as u64;
        });
        Ok(Some(report.bytes.get()))
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
        self.count(|status| {
            status.scrub.running = true;
            status.scrub.bytes_total = total;
            status.scrub.bytes_done = 0;
            status.scrub.fragments = 0;
            status.scrub.bad = 0;
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
