//! What clients and the steward do in a trial.

use anyhow::{Result, bail, ensure};
use catalog::{DeleteDone, VersionAsk};
use objects::{
    CopyObject, CopySource, DeleteObject, GetObject, ObjectName, PutObject, RangeAsk, body_of,
};
use rand::Rng;
use units::ByteCount;

use crate::locks::Lock;
use crate::report::Kind;
use crate::site::simulator;
use crate::world::World;

impl World {
    pub(crate) async fn verb(&mut self) -> Result<()> {
        match self.rng.random_range(0..100_u32) {
            0..=27 => self.put().await,
            28..=32 => self.version_delete().await,
            33..=41 => self.locked_delete().await,
            42..=46 => self.retention_change().await,
            47..=51 => self.hold_change().await,
            52..=59 => self.range().await,
            60..=69 => self.delete().await,
            70..=76 => self.copy().await,
            77..=79 => self.multipart().await,
            80..=82 => self.upload_open().await,
            83..=87 => self.upload_close().await,
            88..=89 => self.truncated().await,
            _ => self.steward().await,
        }
    }

    pub(crate) async fn put(&mut self) -> Result<()> {
        let name = self.key();
        self.put_at(name).await
    }

    pub(crate) async fn put_at(&mut self, name: ObjectName) -> Result<()> {
        let body = self.body();
        let lock = self.lock_of_new(&name);
        let mut ask = PutObject::plain(name.clone());
        ask.retention = lock.retention;
        ask.legal_hold = lock.hold.then_some(true);
        let objects = &self.running()?.objects;
        let outcome = objects.object_put(&simulator(), ask, body_of(body.clone())).await;
        if let Some(done) = self.noted(Kind::Put, &name, Some(body.clone()), outcome)? {
            self.noted_version(name, done.version, body, lock);
        }
        Ok(())
    }

    /// A body that ends too early: nothing may appear.
    async fn truncated(&mut self) -> Result<()> {
        let (name, body) = (self.key(), self.body());
        let mut ask = PutObject::plain(name.clone());
        ask.length = Some(ByteCount::new(body.len() as u64 + 1));
        let put = self.running()?.objects.object_put(&simulator(), ask, body_of(body)).await;
        ensure!(put.is_err(), "a truncated body was accepted");
        self.report.note(Kind::Truncated);
        Ok(())
    }

    async fn range(&mut self) -> Result<()> {
        let name = self.key();
        let expected = self.model.expected(name.key.as_str());
        let [Some(body)] = expected.any_of.as_slice() else { return Ok(()) };
        if body.is_empty() || self.may_have_expired(&name) {
            return Ok(());
        }
        let first = self.rng.random_range(0..body.len());
        let last = self.rng.random_range(first..body.len());
        let mut ask = GetObject::whole(name.clone());
        ask.range = Some(RangeAsk::Bounded { first: first as u64, last: last as u64 });
        let got = match self.running()?.objects.object_get(&simulator(), ask).await {
            Ok(reader) => reader.body.collect().await,
            Err(error) => Err(error),
        };
        match got {
            Ok(got) => {
                ensure!(got == body.slice(first..=last), "bytes {first}-{last} of {name:?} differ");
                self.report.note(Kind::Range);
                Ok(())
            }
            Err(_) if self.site.is_cut() => Ok(()),
            Err(error) => bail!("bytes {first}-{last} of {name:?}: {error:?}"),
        }
    }

    async fn delete(&mut self) -> Result<()> {
        let name = self.key();
        let ask = DeleteObject::plain(name.key.clone(), VersionAsk::Current);
        let running = self.running()?;
        let outcome: Result<DeleteDone, _> =
            running.objects.object_delete(&simulator(), &name.bucket, ask, false).await;
        self.noted(Kind::Delete, &name, None, outcome)?;
        Ok(())
    }

    async fn copy(&mut self) -> Result<()> {
        let (from, to) = (self.key(), self.key());
        let expected = self.model.expected(from.key.as_str());
        let [Some(body)] = expected.any_of.as_slice() else { return Ok(()) };
        if from == to || self.may_have_expired(&from) {
            return Ok(());
        }
        let source = CopySource {
            name: from,
            version: VersionAsk::Current,
            conditions: objects::ReadConditions::default(),
            customer_key: None,
        };
        let ask = CopyObject::plain(source, to.clone());
        let outcome = self.running()?.objects.object_copy(&simulator(), &simulator(), ask).await;
        if let Some(done) = self.noted(Kind::Copy, &to, Some(body.clone()), outcome)? {
            self.noted_version(to, done.version, body.clone(), Lock::NONE);
        }
        Ok(())
    }

    /// One duty of the steward, in the middle of everything.
    async fn steward(&mut self) -> Result<()> {
        let duty = self.rng.random_range(0..6_u32);
        self.site.clock.advance(core::time::Duration::from_secs(3_601));
        let steward = self.running()?.steward.clone();
        let (kind, done) = match duty {
            0 => (Kind::DutyAbandoned, steward.abandoned_step().await.map(drop)),
            1 => (Kind::DutyCleanUp, steward.clean_up_step().await.map(drop)),
            2 => (Kind::DutyOrphans, steward.orphan_sweep().await.map(drop)),
            3 => (Kind::DutyScrub, steward.scrub_round().await),
            4 => (Kind::DutyCompaction, steward.compaction_step().await.map(drop)),
            _ => (Kind::DutyLifecycle, steward.lifecycle_pass().await),
        };
        match done {
            Ok(()) => self.report.note(kind),
            Err(_) if self.is_excused() => {}
            Err(error) => bail!("a duty failed without a fault: {error:?}"),
        }
        Ok(())
    }
}
