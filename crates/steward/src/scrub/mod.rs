//! Scrub: what should be there is there, and is what was written.
//!
//! Each node scrubs its own disks. A round first walks the catalog's parts and asks the
//! disks' indexes whether each fragment is present, then reads every fragment of every
//! disk against its checksums. What is bad or missing goes to repair at once. What nothing needs any
//! more (a fragment of a deleted object, a copy whose slot has moved) is no finding.
//!
//! Where it stands is a row
//! of the catalog: a round goes on after a restart, and the next one is due a period
//! after the last, however often the node was started in between.

mod record;

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use catalog::{Command, PartRow};
use fragments::{FragmentName, ScrubReport};
use units::{DiskId, Timestamp, planted};

use self::record::{Round, ScrubRecord};
use crate::census::cut_of;
use crate::limits::{SCRUB_SAVE_STEPS, SCRUB_STEP_BYTES};
use crate::planted::SCRUB_BLIND;
use crate::{Steward, StewardError};

/// Where the scrub stands.
#[derive(Default)]
pub(crate) struct ScrubPlace {
    /// What is kept in its row; `None` until that was read.
    record: Option<ScrubRecord>,
    /// Disks that could not be read in this round.
    left: BTreeSet<DiskId>,
    /// Steps since the row was written.
    steps: u32,
}

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

    /// How long until there is something to read: nothing if a round is under way,
    /// from an earlier process too.
    pub async fn scrub_wait(&self) -> Result<Duration, StewardError> {
        let mut place = self.shared.scrub.lock().await;
        let record = self.scrub_record(&mut place).await?;
        let period = self.shared.settings.scrub_period;
        Ok(match record.round {
            Some(_) => Duration::ZERO,
            None => caretaker::scrub_wait(record.since, self.now(), period),
        })
    }

    /// One bounded step of the round; begins one if none is under way. Gives the
    /// bytes read, or `None` when the round has ended with this step.
    pub async fn scrub_step(&self) -> Result<Option<u64>, StewardError> {
        let mut place = self.shared.scrub.lock().await;
        self.scrub_record(&mut place).await?;
        let now = self.now();
        let disks = self.own_disks().disks();
        let ScrubPlace { record: Some(record), left, steps } = &mut *place else {
            return Ok(None);
        };
        let afresh = self.shared.scrub_afresh.swap(false, Ordering::SeqCst);
        if afresh || record.round.is_none() {
            record.begin(now);
            left.clear();
            self.scrub_show(record);
        }
        record.know(&disks);
        let Some(round) = &mut record.round else { return Ok(None) };
        if !round.presence_done {
            self.presence_step(round)?;
            let save = round.presence_done;
            self.scrub_save(record, steps, save).await;
            return Ok(Some(0));
        }
        let readable = |disk: &DiskId| disks.contains(disk) && !left.contains(disk);
        let Some(disk) = caretaker::next_scrub(&record.facts(readable)) else {
            (record.round, record.since, record.finished) = (None, now, Some(now));
            self.scrub_save(record, steps, true).await;
            self.shared.scrub_hurry.store(false, Ordering::SeqCst);
            self.count(|status| {
                status.scrub.running = false;
                status.scrub.rounds += 1;
                status.scrub.finished_micros = Some(now.micros());
            });
            return Ok(None);
        };
        let Some(entry) = record.disks.iter_mut().find(|entry| entry.disk == disk) else {
            return Ok(None);
        };
        entry.started.get_or_insert(now);
        let report = match self.own_disks().scrub(disk, entry.cursor(), SCRUB_STEP_BYTES).await {
            Ok(report) => report,
            // A disk that cannot be read is lost: its slots are found by the damage step.
            Err(error) => {
                tracing::warn!(%disk, %error, "scrub leaves a disk that cannot be read");
                left.insert(disk);
                return Ok(Some(0));
            }
        };
        entry.go_on(report.next);
        let ended = entry.finished;
        self.scrub_note(disk, &report)?;
        self.scrub_save(record, steps, ended).await;
        Ok(Some(report.bytes.get()))
    }

    /// One page of the catalog's parts, held against the disks' indexes.
    fn presence_step(&self, round: &mut Round) -> Result<(), StewardError> {
        let (absent, next) = self.presence(&self.view(), round.presence)?;
        round.presence = next;
        round.presence_done = next.is_none();
        for name in absent {
            self.scrub_found(name)?;
        }
        Ok(())
    }

    /// Notes what was read of a disk, and has repaired what is bad.
    fn scrub_note(&self, disk: DiskId, report: &ScrubReport) -> Result<(), StewardError> {
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
        Ok(())
    }

    /// Whether the catalog looks for this fragment on this disk.
    fn is_needed(&self, name: FragmentName, disk: DiskId) -> Result<bool, StewardError> {
        let row = self.view().part(name.part)?.filter(|row| row.references > 0);
        let slot = usize::from(name.fragment.get());
        let is_named = |row: &PartRow| cut_of(row).stripe(name.stripe).is_some();
        Ok(row.is_some_and(|row| is_named(&row) && row.slots.get(slot) == Some(&disk)))
    }

    /// Where the scrub stands, read from its row the first time it is asked for.
    async fn scrub_record<'a>(
        &self,
        place: &'a mut ScrubPlace,
    ) -> Result<&'a ScrubRecord, StewardError> {
        if place.record.is_none() {
            let job = match ScrubRecord::job() {
                Some(name) => self.view().job(&name)?,
                None => None,
            };
            let known = job.and_then(|job| ScrubRecord::decode(job.state.as_slice()));
            let record = if let Some(known) = known {
                known
            } else {
                // The first round begins after a whole period, of which restarts
                // are a part: hence the row.
                let fresh = ScrubRecord::new(self.now());
                self.scrub_save(&fresh, &mut 0, true).await;
                fresh
            };
            self.count(|status| {
                status.scrub.finished_micros = record.finished.map(Timestamp::micros);
            });
            if record.round.is_some() {
                self.scrub_show(&record);
            }
            place.record = Some(record);
        }
        let fresh = || ScrubRecord::new(Timestamp::EPOCH);
        Ok(place.record.get_or_insert_with(fresh))
    }

    /// Keeps where the scrub stands: at every turn, and every so many steps. Without
    /// it the next process reads some of it once more, so a failure is no trouble.
    async fn scrub_save(&self, record: &ScrubRecord, steps: &mut u32, now: bool) {
        *steps += 1;
        if !now && *steps < SCRUB_SAVE_STEPS {
            return;
        }
        *steps = 0;
        let Some(name) = ScrubRecord::job() else { return };
        let set = Command::JobSet { name, state: Some(record.encode()) };
        if let Err(error) = self.propose(set).await {
            tracing::debug!(%error, "where the scrub stands could not be kept");
        }
    }

    /// Lets every sound disk note that its last commit is durable.
    pub async fn settle_step(&self) -> Result<(), StewardError> {
        for disk in self.own_disks().disks() {
            if self.disk_is_sound(disk) {
                self.own_disks().settle(disk).await?;
            }
        }
        Ok(())
    }

    /// Shows a round that begins, or goes on from an earlier process.
    fn scrub_show(&self, record: &ScrubRecord) {
        let read = |disk: &DiskId| record.disks.iter().any(|e| e.disk == *disk && e.finished);
        let space = |disk| self.own_disks().space(disk).map_or(0, |space| space.live.get());
        let disks = self.own_disks().disks();
        let total: u64 = disks.iter().map(|disk| space(*disk)).sum();
        let done: u64 = disks.iter().filter(|disk| read(disk)).map(|disk| space(*disk)).sum();
        self.shared.round.lock().begin();
        self.count(|status| {
            status.scrub.running = true;
            status.scrub.bytes_total = total;
            status.scrub.bytes_done = done;
            status.scrub.fragments = 0;
            status.scrub.bad = 0;
            status.scrub.repaired = 0;
            status.scrub.lost = 0;
            status.scrub.homeless = 0;
            status.scrub.waiting = 0;
            status.scrub.deferred = 0;
        });
    }

    /// One whole round from its beginning, as fast as it goes, and the repairs it leads to.
    /// What a round that was under way has read may have decayed since.
    pub async fn scrub_round(&self) -> Result<(), StewardError> {
        self.shared.scrub_afresh.store(true, Ordering::SeqCst);
        while self.scrub_step().await?.is_some() {}
        while self.damage_step().await? {}
        while !self.shared.repairs.lock().is_empty() {
            self.repair_step().await?;
        }
        Ok(())
    }
}
