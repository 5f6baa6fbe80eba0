//! One trial: verbs drawn from a seed, cut by power losses, failing operations,
//! pulled disks and rotten bits, held against the model after every start; then
//! everything heals.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use catalog::{BucketName, DeleteDone, VersionAsk};
use objects::{
    CompleteUpload, CopyObject, CopySource, CreateUpload, DeleteObject, GetObject, ObjectError,
    ObjectName, PutPart, RangeAsk, UploadName,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use units::{ByteCount, Clock, PartNumber, Timestamp};

use crate::model::Model;
use crate::site::{Running, Site, SiteOptions, simulator};
use crate::versions::Version;

/// What a trial does.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Where everything random comes from.
    pub seed: u64,
    /// How many disks hold fragments.
    pub disks: usize,
    /// How many times the power goes.
    pub rounds: u32,
    /// Most verbs between two cuts.
    pub verbs: u32,
}

/// What a trial saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrialReport {
    /// Verbs that were acknowledged.
    pub acknowledged: u64,
    /// Verbs whose outcome the power took.
    pub unknown: u64,
    /// Keys read back after a start.
    pub verified: u64,
    /// Bits flipped in fragments.
    pub flipped: u64,
    /// Power cuts: in the middle of a verb, or between two.
    pub cuts: u64,
    /// Operations of a disk that were made to fail.
    pub faults: u64,
    /// Starts without one of the disks.
    pub pulled: u64,
    /// Versions deleted for good.
    pub versions_deleted: u64,
    /// Deletions of locked versions that were refused.
    pub locks_held: u64,
    /// Objects that a lifecycle rule has ended.
    pub expired: u64,
}

impl TrialReport {
    /// Adds another trial's.
    pub fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.verified += other.verified;
        self.flipped += other.flipped;
        self.cuts += other.cuts;
        self.faults += other.faults;
        self.pulled += other.pulled;
        self.versions_deleted += other.versions_deleted;
        self.locks_held += other.locks_held;
        self.expired += other.expired;
    }
}

const KEYS: u32 = 16;
const PART_BYTES: usize = 5 * 1024 * 1024;

pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) running: Option<Running>,
    pub(crate) rng: StdRng,
    pub(crate) model: Model,
    /// For versioned keys: every version acknowledged and not deleted.
    pub(crate) versions: Vec<Version>,
    /// Versions whose deletion was acknowledged: never to be seen again.
    pub(crate) gone: Vec<(ObjectName, VersionAsk)>,
    /// When what the mortal bucket's keys may hold was written, at the earliest.
    pub(crate) written: BTreeMap<String, Timestamp>,
    pub(crate) buckets: Buckets,
    /// An operation of a disk is to fail in this life, so a verb may too.
    pub(crate) faulty: bool,
    pub(crate) report: TrialReport,
}

/// Where keys are, by their number.
pub(crate) struct Buckets {
    plain: BucketName,
    versioned: BucketName,
    /// Versioned, with object lock.
    pub(crate) locked: BucketName,
    /// With a lifecycle rule that ends everything.
    pub(crate) mortal: BucketName,
}

impl Buckets {
    fn of(&self, number: u32) -> &BucketName {
        match number % 8 {
            0 | 3 => &self.versioned,
            6 => &self.locked,
            7 => &self.mortal,
            _ => &self.plain,
        }
    }
}

/// Runs one trial; an error is a broken promise, and ends with how to see it again.
pub async fn run_trial(trial: Trial) -> Result<TrialReport> {
    let again = format!(
        "seed {} of {} disks: ESSAIM_SEED={} ESSAIM_DISKS={} cargo test -p simulator one_seed",
        trial.seed, trial.disks, trial.seed, trial.disks
    );
    run(trial).await.context(again)
}

async fn run(trial: Trial) -> Result<TrialReport> {
    let site = Site::new(SiteOptions { seed: trial.seed, disks: trial.disks });
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let buckets = Buckets {
        plain: running.bucket(&tenant, "plain", false).await?,
        versioned: running.bucket(&tenant, "versioned", true).await?,
        locked: running.bucket_locked(&tenant, "locked").await?,
        mortal: running.bucket_mortal(&tenant, "mortal").await?,
    };
    let rng = StdRng::seed_from_u64(trial.seed ^ 0x5eed);
    let mut world = World {
        site,
        running: Some(running),
        rng,
        model: Model::default(),
        versions: Vec::new(),
        gone: Vec::new(),
        written: BTreeMap::new(),
        buckets,
        faulty: false,
        report: TrialReport::default(),
    };
    for _ in 0..trial.rounds {
        world.round(trial).await?;
    }
    world.heal(trial).await?;
    Ok(world.report)
}

impl World {
    pub(crate) fn running(&self) -> Result<&Running> {
        self.running.as_ref().context("the site is down")
    }

    fn key(&mut self) -> ObjectName {
        let number = self.rng.random_range(0..KEYS);
        let bucket = self.buckets.of(number);
        let key = format!("k/{number}");
        ObjectName::new(bucket.as_str(), &key).unwrap_or_else(|error| panic!("{error}"))
    }

    fn body(&mut self) -> Bytes {
        let length = match self.rng.random_range(0..10_u32) {
            0 => 0,
            1..=3 => self.rng.random_range(1..8 * 1024),
            4..=6 => self.rng.random_range(8 * 1024..200_000),
            7 | 8 => self.rng.random_range(60_000..140_000),
            _ => self.rng.random_range(200_000..6_000_000),
        };
        let mut bytes = vec![0; length];
        self.rng.fill(bytes.as_mut_slice());
        bytes.into()
    }

    /// Verbs until the power goes, then a start and a look at everything.
    async fn round(&mut self, trial: Trial) -> Result<()> {
        if self.rng.random_bool(0.3) {
            self.fault_plan(trial)?;
        } else if self.rng.random_bool(0.8) {
            self.site.cut_within(self.rng.random_range(1..40));
        }
        for _ in 0..self.rng.random_range(1..=trial.verbs) {
            self.verb().await?;
            if self.site.is_cut() {
                break;
            }
        }
        let pulled = trial.disks > 1 && self.rng.random_bool(0.15);
        self.site.absent = if pulled { Some(self.worst_disk(trial)?) } else { None };
        self.report.pulled += u64::from(pulled);
        self.reboot().await?;
        if trial.disks > 1 && !pulled && self.rng.random_bool(0.3) {
            self.rot(trial)?;
        }
        self.look().await
    }

    async fn verb(&mut self) -> Result<()> {
        match self.rng.random_range(0..100_u32) {
            0..=33 => self.put().await,
            34..=39 => self.version_delete().await,
            40..=54 => self.range().await,
            55..=69 => self.delete().await,
            70..=79 => self.copy().await,
            80..=84 => self.multipart().await,
            85..=89 => self.truncated().await,
            _ => self.steward().await,
        }
    }

    /// Notes what became of a write of this value.
    fn noted<T>(
        &mut self,
        name: &ObjectName,
        value: Option<Bytes>,
        outcome: Result<T, ObjectError>,
    ) -> Result<Option<T>> {
        let key = name.key.as_str();
        match outcome {
            Ok(done) => {
                self.report.acknowledged += 1;
                self.written.insert(key.to_owned(), self.site.clock.now());
                self.model.acknowledged(key, value);
                Ok(Some(done))
            }
            Err(_) if self.is_excused() => {
                self.report.unknown += 1;
                let now = self.site.clock.now();
                self.written.entry(key.to_owned()).or_insert(now);
                self.model.unknown(key, value);
                Ok(None)
            }
            Err(error) => bail!("a write of {key} failed without a fault: {error:?}"),
        }
    }

    async fn put(&mut self) -> Result<()> {
        let (name, body) = (self.key(), self.body());
        let mut ask = objects::PutObject::plain(name.clone());
        ask.retention = self.retention(&name);
        let locked = ask.retention.is_some();
        let running = self.running()?;
        let body_sent = objects::body_of(body.clone());
        let outcome = running.objects.object_put(&simulator(), ask, body_sent).await;
        if let Some(done) = self.noted(&name, Some(body.clone()), outcome)?
            && let Some(version) = done.version
        {
            self.versions.push(Version { name, ask: version.into(), body, locked });
        }
        Ok(())
    }

    /// A body that ends too early: nothing may appear.
    async fn truncated(&mut self) -> Result<()> {
        let (name, body) = (self.key(), self.body());
        let mut ask = objects::PutObject::plain(name.clone());
        ask.length = Some(ByteCount::new(body.len() as u64 + 1));
        let running = self.running()?;
        let put = running.objects.object_put(&simulator(), ask, objects::body_of(body)).await;
        ensure!(put.is_err(), "a truncated body was accepted");
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
        self.noted(&name, None, outcome)?;
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
        if let Some(done) = self.noted(&to, Some(body.clone()), outcome)?
            && let Some(version) = done.version
        {
            let body = body.clone();
            self.versions.push(Version { name: to, ask: version.into(), body, locked: false });
        }
        Ok(())
    }

    async fn multipart(&mut self) -> Result<()> {
        let name = self.key();
        let mut first = vec![0; PART_BYTES];
        self.rng.fill(first.as_mut_slice());
        let parts = [Bytes::from(first), self.body()];
        let whole: Bytes = parts.concat().into();
        let outcome = self.multipart_store(&name, &parts).await;
        if let Some(done) = self.noted(&name, Some(whole.clone()), outcome)?
            && let Some(version) = done.version
        {
            let ask = version.into();
            self.versions.push(Version { name, ask, body: whole, locked: false });
        }
        Ok(())
    }

    async fn multipart_store(
        &self,
        name: &ObjectName,
        parts: &[Bytes],
    ) -> Result<objects::CompleteOutcome, ObjectError> {
        let down = |_| ObjectError::Internal { reason: "the site is down".to_owned() };
        let objects = &self.running().map_err(down)?.objects;
        let by = simulator();
        let created = objects.upload_create(&by, CreateUpload::plain(name.clone())).await?;
        let upload = UploadName { name: name.clone(), upload: created.upload };
        let mut asked = Vec::new();
        for (number, body) in (1_u16..).zip(parts) {
            let part = PartNumber::new(number);
            let ask = PutPart::plain(upload.clone(), part);
            let done = objects.upload_part_put(&by, ask, objects::body_of(body.clone())).await?;
            asked.push(catalog::PartAsk { number: part, etag: done.etag, checksum: None });
        }
        objects.upload_complete(&by, CompleteUpload::plain(upload, asked)).await
    }

    /// One duty of the steward, in the middle of everything.
    async fn steward(&mut self) -> Result<()> {
        let duty = self.rng.random_range(0..6_u32);
        self.site.clock.advance(core::time::Duration::from_secs(3_601));
        let steward = self.running()?.steward.clone();
        let done = match duty {
            0 => steward.abandoned_step().await.map(drop),
            1 => steward.clean_up_step().await.map(drop),
            2 => steward.orphan_sweep().await.map(drop),
            3 => steward.scrub_round().await,
            4 => steward.compaction_step().await.map(drop),
            _ => steward.lifecycle_pass().await,
        };
        match done {
            Err(error) if !self.is_excused() => bail!("a duty failed without a fault: {error:?}"),
            _ => Ok(()),
        }
    }

    /// The process dies, the power too, and the site starts again.
    async fn reboot(&mut self) -> Result<()> {
        self.running = None;
        self.report.cuts += 1;
        self.fault_settle();
        let seed = self.rng.random();
        self.site.power_cut(seed);
        self.running = Some(self.site.start().await.context("the site does not start")?);
        Ok(())
    }

    /// Flips bits, always on the same disk of a trial: one failure domain is what
    /// every geometry survives, and nothing is repaired between two rounds.
    fn rot(&mut self, trial: Trial) -> Result<()> {
        let rotten = self.worst_disk(trial)?;
        let disk = &self.site.data[rotten];
        let files: Vec<_> = disk.files();
        let segments: Vec<_> = files
            .iter()
            .filter(|(path, length)| path.contains("segment") && length.get() > 0)
            .collect();
        for _ in 0..self.rng.random_range(1..4_u32) {
            if segments.is_empty() {
                return Ok(());
            }
            let (path, length) = segments[self.rng.random_range(0..segments.len())];
            let bit = self.rng.random_range(0..length.get() * 8);
            disk.flip_bit(path, bit);
            self.report.flipped += 1;
        }
        Ok(())
    }

    /// Every acknowledged write is there, byte for byte; nothing deleted returned.
    async fn look(&mut self) -> Result<()> {
        let keys: Vec<String> = self.model.keys().cloned().collect();
        for key in keys {
            let number: u32 = key.trim_start_matches("k/").parse()?;
            let name = ObjectName::new(self.buckets.of(number).as_str(), &key)?;
            let seen = match self.running()?.get(&name).await {
                Ok(bytes) => Some(bytes),
                Err(
                    ObjectError::Refused(catalog::Refusal::NoSuchKey { .. })
                    | ObjectError::DeleteMarker { .. },
                ) => None,
                Err(error) => bail!("{key} cannot be read: {error:?}"),
            };
            let may = self.model.expected(&key);
            if seen.is_none() && !may.any_of.contains(&None) && self.may_have_expired(&name) {
                self.report.expired += 1;
                self.model.acknowledged(&key, None);
                continue;
            }
            ensure!(
                self.model.seen(&key, &seen),
                "{key} holds {} and may hold {:?}",
                describe(seen.as_ref()),
                may.any_of.iter().map(|one| describe(one.as_ref())).collect::<Vec<_>>()
            );
            self.report.verified += 1;
        }
        self.look_at_versions().await
    }

    /// No more faults: everything must be whole, and nothing may be left behind.
    async fn heal(&mut self, trial: Trial) -> Result<()> {
        self.site.absent = None;
        self.reboot().await?;
        self.look().await?;
        let steward = self.running()?.steward.clone();
        self.all_expire().await?;
        steward.orphan_sweep().await?;
        self.site.clock.advance(core::time::Duration::from_secs(3_601));
        steward.abandoned_step().await?;
        steward.orphan_sweep().await?;
        steward.clean_up_step().await?;
        steward.scrub_round().await?;
        let census = steward.census().await?;
        if trial.disks > 1 {
            ensure!(census.is_whole(), "not healed: {census:?}");
        }
        self.look().await?;
        self.no_leftovers(&census)
    }

    /// Every fragment on the disks belongs to a part of the catalog.
    fn no_leftovers(&self, census: &steward::Census) -> Result<()> {
        let running = self.running()?;
        let mut stored = 0_u64;
        for disk in running.fragments.disks() {
            let mut after = None;
            loop {
                let page = running.fragments.list(disk, after, 10_000);
                let Some(last) = page.last() else { break };
                after = Some(last.name);
                stored += page.len() as u64;
            }
        }
        let known = census.good + census.bad;
        ensure!(stored <= known, "{stored} fragments are stored, {known} are accounted for");
        Ok(())
    }
}

fn describe(value: Option<&Bytes>) -> String {
    value.map_or("nothing".to_owned(), |bytes| format!("{} bytes", bytes.len()))
}
