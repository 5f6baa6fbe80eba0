//! Fragments that no part of the catalog accounts for.
//!
//! Two ways lead here: the object path says that a write did not end well, and a
//! sweep over the disks meets parts that the catalog does not know. Either way
//! the catalog condemns the part first, and only then is it cleaned up. Fragments of a
//! known part that lie where nobody looks for them: [`crate::copies`].

use std::collections::BTreeMap;

use caretaker::{FoundPart, condemn_orphans};
use catalog::{Command, Job};
use fragments::FragmentName;
use units::{DiskId, PartId, Timestamp, planted};

use crate::copies::{CopiesMet, CopiesTurn, is_copy};
use crate::limits::{CONDEMN_BATCH_MAX, SUSPECTS_MAX, SWEEP_PAGE, SWEEP_REST};
use crate::planted::FORGET_REFERENCES;
use crate::{Steward, StewardError};

impl Steward {
    /// Condemns parts whose writes were given up; says how many. Those that the catalog
    /// takes no command about now are kept for the next step.
    // Cancel-safety: what was taken out of the queue stays in `abandoned` until it is
    // condemned; condemning twice does no harm.
    pub async fn abandoned_step(&self) -> Result<u64, StewardError> {
        let mut parts = self.shared.abandoned.lock().await;
        if let Some(findings) = self.shared.findings.lock().await.as_mut() {
            while parts.len() < CONDEMN_BATCH_MAX {
                let Ok(part) = findings.abandoned.try_recv() else { break };
                parts.push(part);
            }
        }
        let condemned = self.condemn(parts.clone()).await;
        let kept = condemned.as_ref().is_err_and(StewardError::catalog_takes_no_command);
        if !kept {
            // A batch that was refused would be for ever; the sweep meets its parts.
            parts.clear();
        }
        condemned
    }

    async fn condemn(&self, parts: Vec<PartId>) -> Result<u64, StewardError> {
        if parts.is_empty() {
            return Ok(0);
        }
        let count = parts.len() as u64;
        self.propose(Command::PartCondemn { parts }).await?;
        self.count(|status| status.parts_condemned += count);
        Ok(count)
    }

    /// When the backup was taken that the catalog was put back from, if nobody has said
    /// yet that what came after it is not wanted.
    pub fn restored_from(&self) -> Result<Option<Timestamp>, StewardError> {
        Ok(self.view().job(&Job::restored())?.map(|job| job.updated))
    }

    /// An operator says that what the restored catalog does not know is not wanted.
    pub async fn restore_confirm(&self) -> Result<(), StewardError> {
        let name = Job::restored();
        self.propose(Command::JobSet { name, state: None }).await?;
        // A rotation of the root key may have waited for it.
        self.shared.rotation_wanted.notify_one();
        Ok(())
    }

    /// Goes over every disk of this node once; condemns what has been unknown for long enough.
    /// Not in a catalog that was put back from a backup, before that is confirmed.
    // Cancel-safety: may be cut anywhere; what it met is met by the next one.
    pub async fn orphan_sweep(&self) -> Result<u64, StewardError> {
        if self.restored_from()?.is_some() {
            // All that was written after the backup looks like an orphan now.
            self.shared.suspects.lock().clear();
            return Ok(0);
        }
        let now = self.watch();
        let mut met = BTreeMap::new();
        let passed = self.shared.copies_passed.lock().take();
        let mut turn = CopiesTurn::new(passed, self.copies_budget());
        let mut copies = CopiesMet::new();
        for disk in self.own_disks().disks() {
            self.disk_sweep(disk, now, &mut met, (&mut turn, &mut copies)).await?;
            turn.disk_done(disk);
        }
        *self.shared.copies_passed.lock() = turn.stopped_at();
        *self.shared.copies_met.lock() = copies;
        if planted::is_on(FORGET_REFERENCES) {
            for part in met.keys() {
                for disk in self.own_disks().disks() {
                    self.own_disks().remove_part(disk, *part).await?;
                }
            }
        }
        let found: Vec<FoundPart> =
            met.iter().map(|(part, since)| FoundPart { part: *part, written: *since }).collect();
        *self.shared.suspects.lock() = met;
        let mut condemned = 0;
        for chunk in found.chunks(CONDEMN_BATCH_MAX) {
            // A fresh view: the write may have ended while the sweep went on.
            let grace = self.shared.settings.orphan_grace;
            if let Some(command) = condemn_orphans(&self.view(), chunk, now, grace)?
                && let Command::PartCondemn { parts } = command
            {
                condemned += self.condemn(parts).await?;
            }
        }
        Ok(condemned)
    }

    async fn disk_sweep(
        &self,
        disk: DiskId,
        now: Timestamp,
        met: &mut BTreeMap<PartId, Timestamp>,
        (turn, copies): (&mut CopiesTurn, &mut CopiesMet),
    ) -> Result<(), StewardError> {
        let mut after = None;
        loop {
            let page = self.own_disks().list(disk, after, SWEEP_PAGE);
            let Some(last) = page.last() else { return Ok(()) };
            // A page at a time, of rows as they are then: others need this thread too,
            // and a view that is held for long holds back compaction.
            let view = self.view();
            after = Some(FragmentName::last_of(last.name.part));
            let mut copied = Vec::new();
            for names in page.chunk_by(|one, next| one.name.part == next.name.part) {
                let Some(part) = names.first().map(|listed| listed.name.part) else { continue };
                if self.shared.objects.part_is_in_use(part) {
                    continue;
                }
                let row = view.part(part)?;
                if row.is_none() || planted::is_on(FORGET_REFERENCES) {
                    if met.len() < SUSPECTS_MAX {
                        let since = self.shared.suspects.lock().get(&part).copied();
                        met.insert(part, since.unwrap_or(now));
                    }
                } else if row.is_some_and(|row| names.iter().any(|l| is_copy(&row, l.name, disk))) {
                    copied.push(part);
                }
            }
            drop(view);
            for part in copied {
                if self.copy_may_be_awaited(disk, part, now, copies) {
                    continue;
                }
                if turn.is_of(disk, part) {
                    let read = self.copies_collect(disk, part).await?;
                    turn.took(disk, part, read);
                }
            }
            tokio::time::sleep(SWEEP_REST).await;
        }
    }
}
