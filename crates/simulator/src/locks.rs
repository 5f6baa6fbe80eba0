//! Object lock in a trial: what is held stays, whoever asks, and what may go goes.
//!
//! The rules stand here a second time, in words of their own: they are what the
//! catalog is held against.

use core::time::Duration;

use anyhow::{Result, bail, ensure};
use catalog::{Refusal, Retention, RetentionMode};
use objects::{DeleteObject, ObjectError, ObjectName};
use rand::Rng;
use units::{Clock, Timestamp};

use crate::report::Kind;
use crate::site::simulator;
use crate::world::World;

/// Later than any trial ends.
const UNTIL_LONG_SECONDS: i64 = 2_000_000_000;

/// Less than one duty of the steward takes.
const UNTIL_SHORT: Duration = Duration::from_mins(50);

/// How a version is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) retention: Option<Retention>,
    pub(crate) hold: bool,
}

impl Lock {
    pub(crate) const NONE: Self = Self { retention: None, hold: false };

    fn retained(self, now: Timestamp) -> Option<RetentionMode> {
        self.retention.filter(|retention| now < retention.until).map(|retention| retention.mode)
    }

    /// Whether the version must stay.
    pub(crate) fn keeps(self, now: Timestamp, bypass: bool) -> bool {
        let retained = match self.retained(now) {
            Some(RetentionMode::Compliance) => true,
            Some(RetentionMode::Governance) => !bypass,
            None => false,
        };
        self.hold || retained
    }

    /// Whether the retention must stay as it is.
    fn refuses(self, new: Option<Retention>, now: Timestamp, bypass: bool) -> bool {
        let (Some(mode), Some(old)) = (self.retained(now), self.retention) else { return false };
        let longer = new.is_some_and(|new| new.mode == mode && new.until >= old.until);
        let bypassed = bypass && mode == RetentionMode::Governance;
        !(longer || bypassed)
    }
}

impl World {
    /// How a new object is locked: half of what goes to the locked bucket is.
    pub(crate) fn lock_of_new(&mut self, name: &ObjectName) -> Lock {
        if name.bucket != self.buckets.locked || self.rng.random_bool(0.5) {
            return Lock::NONE;
        }
        match self.rng.random_range(0..5_u32) {
            0 => Lock { retention: None, hold: true },
            1 => Lock { retention: Some(self.retention()), hold: true },
            _ => Lock { retention: Some(self.retention()), hold: false },
        }
    }

    fn retention(&mut self) -> Retention {
        let mode = if self.rng.random_bool(0.5) {
            RetentionMode::Compliance
        } else {
            RetentionMode::Governance
        };
        let until = if self.rng.random_bool(0.5) {
            Timestamp::from_seconds(UNTIL_LONG_SECONDS)
        } else {
            self.site.clock.now().after(UNTIL_SHORT)
        };
        Retention { mode, until }
    }

    /// A version in the locked bucket; one that has a lock if there is any.
    fn lockable(&mut self) -> Option<usize> {
        let locked = &self.buckets.locked;
        let within = |at: &usize| self.versions[*at].name.bucket == *locked;
        let all: Vec<usize> = (0..self.versions.len()).filter(within).collect();
        let has_lock = |at: &usize| self.versions[*at].locks != [Lock::NONE];
        let with: Vec<usize> = all.iter().copied().filter(has_lock).collect();
        let from = if with.is_empty() { all } else { with };
        (!from.is_empty()).then(|| from[self.rng.random_range(0..from.len())])
    }

    /// Tries to delete a version of the locked bucket for good; sometimes a newer one
    /// is put before, or time goes by, so that there is one that may go.
    pub(crate) async fn locked_delete(&mut self) -> Result<()> {
        match self.rng.random_range(0..4_u32) {
            0 | 1 => {
                let key = format!("k/{}", if self.rng.random_bool(0.5) { 5 } else { 6 });
                let name = ObjectName::new(self.buckets.locked.as_str(), &key)?;
                self.put_at(name).await?;
            }
            2 => self.site.clock.advance(core::time::Duration::from_hours(1)),
            _ => {}
        }
        match self.lockable() {
            Some(at) => self.version_remove(at).await,
            None => Ok(()),
        }
    }

    /// Deletes a version for good, with or without the right to bypass governance.
    /// One that may go goes only if it is not the latest of its key: what would then
    /// be current would be a guess.
    pub(crate) async fn version_remove(&mut self, at: usize) -> Result<()> {
        let version = self.versions[at].clone();
        let (now, bypass) = (self.site.clock.now(), self.rng.random_bool(0.5));
        let must_stay = version.locks.iter().all(|lock| lock.keeps(now, bypass));
        let may_go = !version.locks.iter().any(|lock| lock.keeps(now, bypass));
        let is_older = self.versions[at + 1..].iter().any(|later| later.name == version.name);
        if !must_stay && !is_older {
            return Ok(());
        }
        let ask = DeleteObject::plain(version.name.key.clone(), version.ask);
        let objects = &self.running()?.objects;
        let outcome = objects.object_delete(&simulator(), &version.name.bucket, ask, bypass).await;
        let name = &version.name;
        match outcome {
            Ok(_) if must_stay => bail!("a locked version of {name:?} was deleted"),
            Ok(_) => {
                self.report.acknowledged += 1;
                self.report.note(gone_kind(&version.locks, now));
                self.versions.remove(at);
                self.gone.push((version.name, version.ask));
            }
            Err(ObjectError::Refused(Refusal::ObjectLocked { .. })) if !may_go => {
                self.report.note(kept_kind(&version.locks, now));
            }
            Err(_) if self.is_excused() => {
                // There or not: nothing is claimed of it any more, unless it is held.
                self.report.unknown += 1;
                if !must_stay {
                    self.versions.remove(at);
                }
            }
            Err(error) => bail!("a version of {name:?} could not be deleted: {error:?}"),
        }
        Ok(())
    }

    /// Sets, prolongs, shortens or takes away a retention.
    pub(crate) async fn retention_change(&mut self) -> Result<()> {
        let Some(at) = self.lockable() else { return Ok(()) };
        let new = self.rng.random_bool(0.7).then(|| self.retention());
        let (now, bypass) = (self.site.clock.now(), self.rng.random_bool(0.5));
        let version = self.versions[at].clone();
        let refuses = |lock: &Lock| lock.refuses(new, now, bypass);
        let (must, may) = (version.locks.iter().all(refuses), version.locks.iter().any(refuses));
        let objects = &self.running()?.objects;
        let by = simulator();
        let outcome =
            objects.object_retention_set(&by, &version.name, version.ask, new, bypass).await;
        let changed = version.locks.iter().map(|lock| Lock { retention: new, ..*lock });
        match outcome {
            Ok(_) => {
                ensure!(!must, "a retention of {:?} was weakened: {new:?}", version.name);
                self.report.note(Kind::RetentionSet);
                self.versions[at].locks = unique(changed);
            }
            Err(ObjectError::Refused(Refusal::ObjectLocked { .. })) if may => {
                self.report.note(Kind::RetentionKept);
            }
            Err(_) if self.is_excused() => {
                self.report.unknown += 1;
                let allowed = version.locks.iter().filter(|lock| !refuses(lock));
                let changed = allowed.map(|lock| Lock { retention: new, ..*lock });
                self.versions[at].locks = unique(version.locks.iter().copied().chain(changed));
            }
            Err(error) => bail!("a retention of {:?}: {error:?}", version.name),
        }
        Ok(())
    }

    /// Sets or lifts a legal hold.
    pub(crate) async fn hold_change(&mut self) -> Result<()> {
        let Some(at) = self.lockable() else { return Ok(()) };
        let hold = self.rng.random_bool(0.5);
        let version = self.versions[at].clone();
        let objects = &self.running()?.objects;
        let by = simulator();
        let outcome = objects.object_legal_hold_set(&by, &version.name, version.ask, hold).await;
        let changed = version.locks.iter().map(|lock| Lock { hold, ..*lock });
        match outcome {
            Ok(_) => {
                self.report.note(if hold { Kind::HoldSet } else { Kind::HoldLifted });
                self.versions[at].locks = unique(changed);
            }
            Err(_) if self.is_excused() => {
                self.report.unknown += 1;
                self.versions[at].locks = unique(version.locks.iter().copied().chain(changed));
            }
            Err(error) => bail!("a legal hold of {:?}: {error:?}", version.name),
        }
        Ok(())
    }
}

fn unique(locks: impl Iterator<Item = Lock>) -> Vec<Lock> {
    let mut unique = Vec::new();
    for lock in locks {
        if !unique.contains(&lock) {
            unique.push(lock);
        }
    }
    unique
}

/// What was shown by a version's staying.
fn kept_kind(locks: &[Lock], now: Timestamp) -> Kind {
    match locks {
        [lock] if lock.hold => Kind::HoldKept,
        [lock] if lock.retained(now) == Some(RetentionMode::Governance) => Kind::GovernanceKept,
        _ => Kind::ComplianceKept,
    }
}

/// What was shown by a version's going.
fn gone_kind(locks: &[Lock], now: Timestamp) -> Kind {
    match locks {
        [lock] if lock.retained(now).is_some() => Kind::GovernanceBypassed,
        [lock] if lock.retention.is_some() => Kind::RetentionEnded,
        _ => Kind::VersionDeleted,
    }
}
