//! Versions, locks and lifecycle in a trial: what is deleted stays deleted, what is
//! locked stays, and what a rule ends ends neither early nor never.

use core::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use catalog::record::Record as _;
use catalog::{
    BucketName, LifecycleExpiration, LifecycleFilter, LifecycleRule, LifecycleRules, Refusal,
    Retention, RetentionMode, SettingKind, Tenant, VersionAsk,
};
use objects::{BucketCreate, DeleteObject, GetObject, ObjectError, ObjectName};
use rand::Rng;
use units::{Clock, Timestamp};

use crate::site::{Running, simulator};
use crate::trial::World;

/// A version that was acknowledged.
pub(crate) struct Version {
    pub(crate) name: ObjectName,
    pub(crate) ask: VersionAsk,
    pub(crate) body: Bytes,
    /// It has a retention that outlasts the trial.
    pub(crate) locked: bool,
}

/// Later than any trial ends.
const RETENTION_UNTIL_SECONDS: i64 = 2_000_000_000;

/// What the rule of the mortal bucket says, and the least it can mean.
const MORTAL_DAYS: u32 = 1;
const MORTAL: Duration = Duration::from_hours(24);

impl Running {
    /// Makes a bucket with object lock.
    pub async fn bucket_locked(&self, tenant: &Tenant, name: &str) -> Result<BucketName> {
        let bucket = BucketName::new(name)?;
        let ask = BucketCreate {
            bucket: bucket.clone(),
            tenant: Some(tenant.id),
            object_lock: true,
            ownership: None,
            acl: None,
        };
        self.objects.bucket_create(&simulator(), ask).await?;
        Ok(bucket)
    }

    /// Makes a bucket in which everything ends after a day.
    pub async fn bucket_mortal(&self, tenant: &Tenant, name: &str) -> Result<BucketName> {
        let bucket = self.bucket(tenant, name, false).await?;
        let rule = LifecycleRule {
            id: "all".to_owned(),
            enabled: true,
            filter: LifecycleFilter::default(),
            expiration: Some(LifecycleExpiration::Days(MORTAL_DAYS)),
            noncurrent: None,
            abort_uploads_days: None,
        };
        let rules = Bytes::from(LifecycleRules { rules: vec![rule] }.encode());
        let kind = SettingKind::Lifecycle;
        self.objects.bucket_setting_set(&simulator(), &bucket, kind, Some(rules)).await?;
        Ok(bucket)
    }
}

impl World {
    /// Half of what goes to the locked bucket is locked.
    pub(crate) fn retention(&mut self, name: &ObjectName) -> Option<Retention> {
        let locked = name.bucket == self.buckets.locked && self.rng.random_bool(0.5);
        let until = Timestamp::from_seconds(RETENTION_UNTIL_SECONDS);
        locked.then_some(Retention { mode: RetentionMode::Compliance, until })
    }

    /// Whether a lifecycle rule may have ended what the key held.
    pub(crate) fn may_have_expired(&self, name: &ObjectName) -> bool {
        let written = self.written.get(name.key.as_str());
        name.bucket == self.buckets.mortal
            && written.is_some_and(|written| self.site.clock.now().since(*written) >= MORTAL)
    }

    /// Deletes a version for good, though not the latest of its key: what is then
    /// current would be a guess. A locked one must stay, whoever asks.
    pub(crate) async fn version_delete(&mut self) -> Result<()> {
        if self.versions.is_empty() {
            return Ok(());
        }
        let at = self.rng.random_range(0..self.versions.len());
        let (_, rest) = self.versions.split_at(at + 1);
        if !rest.iter().any(|later| later.name == self.versions[at].name) {
            return Ok(());
        }
        let Version { name, ask, locked, .. } = &self.versions[at];
        let (name, version, locked) = (name.clone(), *ask, *locked);
        let ask = DeleteObject::plain(name.key.clone(), version);
        let by = simulator();
        let objects = &self.running()?.objects;
        match objects.object_delete(&by, &name.bucket, ask, true).await {
            Ok(_) if locked => bail!("a locked version of {name:?} was deleted"),
            Err(ObjectError::Refused(Refusal::ObjectLocked { .. })) if locked => {
                self.report.locks_held += 1;
            }
            Ok(_) => {
                self.report.acknowledged += 1;
                self.report.versions_deleted += 1;
                self.versions.remove(at);
                self.gone.push((name, version));
            }
            Err(_) if self.is_excused() => {
                // There or not: nothing is claimed of it any more.
                self.report.unknown += 1;
                if !locked {
                    self.versions.remove(at);
                }
            }
            Err(error) => bail!("a version of {name:?} could not be deleted: {error:?}"),
        }
        Ok(())
    }

    /// Every version acknowledged is there, none that was deleted.
    pub(crate) async fn look_at_versions(&mut self) -> Result<()> {
        let by = simulator();
        let objects = &self.running()?.objects;
        for Version { name, ask, body, .. } in &self.versions {
            let get = GetObject { version: *ask, ..GetObject::whole(name.clone()) };
            let got = objects.object_get(&by, get).await;
            let got = got.with_context(|| format!("version {ask:?} of {name:?}"))?;
            ensure!(got.body.collect().await? == *body, "a version of {name:?} differs");
        }
        for (name, ask) in &self.gone {
            let get = GetObject { version: *ask, ..GetObject::whole(name.clone()) };
            let back = objects.object_get(&by, get).await.is_ok();
            ensure!(!back, "version {ask:?} of {name:?} was deleted and is back");
        }
        self.report.verified += (self.versions.len() + self.gone.len()) as u64;
        Ok(())
    }

    /// Days go by: nothing may be left in the mortal bucket.
    pub(crate) async fn all_expire(&mut self) -> Result<()> {
        self.site.clock.advance(MORTAL * 3);
        self.running()?.steward.lifecycle_pass().await?;
        let keys: Vec<String> = self.written.keys().cloned().collect();
        for key in keys {
            let name = ObjectName::new(self.buckets.mortal.as_str(), &key)?;
            let there = self.running()?.get(&name).await.is_ok();
            ensure!(!there, "{key} has outlived its rule");
        }
        Ok(())
    }
}
