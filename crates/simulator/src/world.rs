//! The world of a trial: a site, what is known of what it holds, and the looks that
//! hold the two against each other.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use catalog::{BucketName, VersionAsk, VersionName};
use fragments::DiskState;
use objects::{ObjectError, ObjectName};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use units::{Clock, DiskId, Timestamp};

use crate::model::Model;
use crate::report::{Kind, TrialReport};
use crate::site::{Running, Site, SiteOptions};
use crate::trial::Trial;
use crate::uploads::OpenUpload;
use crate::versions::Version;

const KEYS: u32 = 16;

pub(crate) struct World {
    pub(crate) trial: Trial,
    pub(crate) site: Site,
    pub(crate) running: Option<Running>,
    pub(crate) rng: StdRng,
    pub(crate) model: Model,
    /// For versioned keys: every version acknowledged and not deleted.
    pub(crate) versions: Vec<Version>,
    /// Versions whose deletion was acknowledged: never to be seen again.
    pub(crate) gone: Vec<(ObjectName, VersionAsk)>,
    /// Uploads acknowledged and neither completed nor given up.
    pub(crate) uploads: Vec<OpenUpload>,
    /// When what the mortal bucket's keys may hold was written, at the earliest.
    pub(crate) written: BTreeMap<String, Timestamp>,
    pub(crate) buckets: Buckets,
    /// An operation of a disk is to fail in this life, so a verb may too.
    pub(crate) faulty: bool,
    pub(crate) report: TrialReport,
}

/// Where keys are, by their number.
#[derive(Clone)]
pub(crate) struct Buckets {
    pub(crate) plain: BucketName,
    pub(crate) versioned: BucketName,
    /// Versioned, with object lock.
    pub(crate) locked: BucketName,
    /// With a lifecycle rule that ends everything.
    pub(crate) mortal: BucketName,
}

impl Buckets {
    pub(crate) fn of(&self, number: u32) -> &BucketName {
        match number % 8 {
            0 | 3 => &self.versioned,
            5 | 6 => &self.locked,
            7 => &self.mortal,
            _ => &self.plain,
        }
    }
}

impl World {
    /// New hardware, a tenant, and the buckets.
    pub(crate) async fn founded(trial: Trial) -> Result<Self> {
        let mut world = Self::unfounded(trial)?;
        world.running = Some(world.site.start().await?);
        world.found().await?;
        Ok(world)
    }

    /// New hardware that has never been switched on.
    pub(crate) fn unfounded(trial: Trial) -> Result<Self> {
        Ok(Self {
            trial,
            site: Site::new(SiteOptions { seed: trial.seed, disks: trial.disks }),
            running: None,
            rng: StdRng::seed_from_u64(trial.seed ^ 0x5eed),
            model: Model::default(),
            versions: Vec::new(),
            gone: Vec::new(),
            uploads: Vec::new(),
            written: BTreeMap::new(),
            buckets: Buckets {
                plain: BucketName::new("plain")?,
                versioned: BucketName::new("versioned")?,
                locked: BucketName::new("locked")?,
                mortal: BucketName::new("mortal")?,
            },
            faulty: false,
            report: TrialReport::default(),
        })
    }

    /// Another world with what a power cut now would leave of this one's site
    /// (everything, or what a seed draws), and the same knowledge; it is down.
    pub(crate) fn after_power_cut(&self, drawn: Option<u64>) -> Self {
        Self {
            trial: self.trial,
            site: self.site.after_power_cut(drawn),
            running: None,
            rng: self.rng.clone(),
            model: self.model.clone(),
            versions: self.versions.clone(),
            gone: self.gone.clone(),
            uploads: self.uploads.clone(),
            written: self.written.clone(),
            buckets: self.buckets.clone(),
            faulty: false,
            report: TrialReport::default(),
        }
    }

    pub(crate) fn running(&self) -> Result<&Running> {
        self.running.as_ref().context("the site is down")
    }

    pub(crate) fn key(&mut self) -> ObjectName {
        let number = self.rng.random_range(0..KEYS);
        let bucket = self.buckets.of(number);
        let key = format!("k/{number}");
        ObjectName::new(bucket.as_str(), &key).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn body(&mut self) -> Bytes {
        let length = match self.rng.random_range(0..10_u32) {
            0 => 0,
            1..=3 => self.rng.random_range(1..8 * 1024),
            _ if self.trial.small => self.rng.random_range(8 * 1024..40_000),
            4..=6 => self.rng.random_range(8 * 1024..200_000),
            7 | 8 => self.rng.random_range(60_000..140_000),
            _ => self.rng.random_range(200_000..6_000_000),
        };
        self.bytes(length)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Bytes {
        let mut bytes = vec![0; length];
        self.rng.fill(bytes.as_mut_slice());
        bytes.into()
    }

    /// Verbs until the power goes, then a start and a look at everything.
    pub(crate) async fn round(&mut self) -> Result<()> {
        if self.rng.random_bool(0.3) {
            self.fault_plan()?;
        } else if self.rng.random_bool(0.8) {
            self.site.cut_within(self.rng.random_range(1..40));
        }
        for _ in 0..self.rng.random_range(1..=self.trial.verbs) {
            self.verb().await?;
            if self.site.is_cut() {
                break;
            }
        }
        let pulled = self.trial.disks > 1 && self.rng.random_bool(0.15);
        self.site.missing = if pulled { Some(self.worst_disk()?) } else { None };
        self.report.note_times(Kind::Pulled, u64::from(pulled));
        self.reboot().await?;
        if self.trial.disks > 1 && !pulled && self.rng.random_bool(0.3) {
            self.rot()?;
        }
        self.look().await
    }

    /// Notes what became of a write of this value; a version it made is remembered
    /// by what [`World::noted_version`] adds.
    pub(crate) fn noted<T>(
        &mut self,
        kind: Kind,
        name: &ObjectName,
        value: Option<Bytes>,
        outcome: Result<T, ObjectError>,
    ) -> Result<Option<T>> {
        let key = name.key.as_str();
        match outcome {
            Ok(done) => {
                self.report.acknowledged += 1;
                self.report.note(kind);
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
            // Nothing was written, and the client was told so.
            Err(ObjectError::OneDiskLeft { .. }) if self.has_one_disk_left() => Ok(None),
            Err(error) => bail!("a write of {key} failed without a fault: {error:?}"),
        }
    }

    /// Several disks, one of which takes writes.
    pub(crate) fn has_one_disk_left(&self) -> bool {
        let takes = |running: &Running| {
            let store = &running.fragments;
            let sound = |disk: &DiskId| {
                matches!(store.state(*disk), Some(DiskState::Healthy | DiskState::Full))
            };
            store.disks().iter().filter(|disk| sound(disk)).count()
        };
        self.trial.disks > 1 && self.running.as_ref().is_some_and(|running| takes(running) == 1)
    }

    /// Remembers a version that was made, if one was.
    pub(crate) fn noted_version(
        &mut self,
        name: ObjectName,
        version: Option<VersionName>,
        body: Bytes,
        lock: crate::locks::Lock,
    ) {
        if let Some(version) = version {
            let ask = version.into();
            self.versions.push(Version { name, ask, body, locks: vec![lock] });
        }
    }

    /// The process dies, the power too, and the site starts again.
    async fn reboot(&mut self) -> Result<()> {
        self.running = None;
        self.report.note(Kind::Cut);
        self.fault_settle();
        let seed = self.rng.random();
        self.site.power_cut(seed);
        self.start().await
    }

    /// Starts what is there; without a fault it must.
    pub(crate) async fn start(&mut self) -> Result<()> {
        self.running = Some(self.site.start().await.context("the site does not start")?);
        Ok(())
    }

    /// Every acknowledged write is there, byte for byte; nothing deleted returned.
    pub(crate) async fn look(&mut self) -> Result<()> {
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
                self.report.note(Kind::Expired);
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
        self.look_at_versions().await?;
        self.look_at_uploads().await
    }

    /// Clients go on: what was begun can be ended, and new things can be written.
    pub(crate) async fn go_on(&mut self) -> Result<()> {
        self.put().await?;
        self.upload_close().await?;
        self.look().await
    }

    /// No more faults: everything must be whole, and nothing may be left behind.
    pub(crate) async fn heal(&mut self) -> Result<()> {
        self.site.missing = None;
        self.reboot().await?;
        self.look().await?;
        self.all_expire().await?;
        self.tidy_up().await
    }

    /// The steward does all it has to; then every fragment is whole, every fragment
    /// belongs to something, and nothing has changed for clients.
    pub(crate) async fn tidy_up(&mut self) -> Result<()> {
        let steward = self.running()?.steward.clone();
        steward.orphan_sweep().await?;
        self.site.clock.advance(core::time::Duration::from_secs(3_601));
        steward.abandoned_step().await?;
        steward.orphan_sweep().await?;
        steward.clean_up_step().await?;
        steward.scrub_round().await?;
        let census = steward.census().await?;
        if self.trial.disks > 1 {
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
