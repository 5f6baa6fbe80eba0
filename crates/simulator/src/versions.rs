//! Versions and lifecycle in a trial: what is deleted stays deleted, and what a rule
//! ends ends neither early nor never.

use core::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use catalog::VersionAsk;
use objects::{GetObject, ObjectName};
use rand::Rng;
use units::Clock;

use crate::locks::Lock;
use crate::site::simulator;
use crate::world::World;

/// A version that was acknowledged.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) name: ObjectName,
    pub(crate) ask: VersionAsk,
    pub(crate) body: Bytes,
    /// How it is locked: one of these, until somebody looks.
    pub(crate) locks: Vec<Lock>,
}

/// What the rule of the mortal bucket says, and the least it can mean.
pub(crate) const MORTAL_DAYS: u32 = 1;
pub(crate) const MORTAL: Duration = Duration::from_hours(24);

impl World {
    /// Whether a lifecycle rule may have ended what the key held.
    pub(crate) fn may_have_expired(&self, name: &ObjectName) -> bool {
        let written = self.written.get(name.key.as_str());
        name.bucket == self.buckets.mortal
            && written.is_some_and(|written| self.site.clock.now().since(*written) >= MORTAL)
    }

    /// Deletes any version for good, if it is not the latest of its key.
    pub(crate) async fn version_delete(&mut self) -> Result<()> {
        if self.versions.is_empty() {
            return Ok(());
        }
        let at = self.rng.random_range(0..self.versions.len());
        self.version_remove(at).await
    }

    /// Every version acknowledged is there, locked as it was; none that was deleted.
    pub(crate) async fn look_at_versions(&mut self) -> Result<()> {
        let by = simulator();
        let objects = self.running()?.objects.clone();
        for version in &mut self.versions {
            let Version { name, ask, body, locks } = version;
            let get = GetObject { version: *ask, ..GetObject::whole(name.clone()) };
            let got = objects.object_get(&by, get).await;
            let got = got.with_context(|| format!("version {ask:?} of {name:?}"))?;
            ensure!(got.body.collect().await? == *body, "a version of {name:?} differs");
            let record = objects.object_record(&by, name, *ask).await?;
            let hold = record.detail.legal_hold == Some(true);
            let lock = Lock { retention: record.detail.retention, hold };
            ensure!(locks.contains(&lock), "{name:?} is locked {lock:?} and not {locks:?}");
            *locks = vec![lock];
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
