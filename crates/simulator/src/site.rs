//! One site: real catalog, consensus, vault, object path, caretaker's hands and
//! fragment store, over simulated disks, clock and randomness.
//!
//! The power can be cut at any changing operation of any disk; what survives is
//! drawn from the seed, and the same site starts again on it.

use core::ops::Bound;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use access::Authorised;
use anyhow::{Context, Result};
use catalog::{BucketName, Quota, Tenant, TenantName, Versioning};
use consensus::Consensus;
use disk::{Disk, SimDisk, Survival};
use fragments::{ClusterStore, FragmentStore};
use kv::{Engine, SimEngine};
use objects::{BucketCreate, ObjectError, ObjectName, Objects};
use steward::{Settings, Steward};
use units::{Clock, ClusterId, NodeId, Random, SimClock, SimRandom, Timestamp};
use vault::{Passphrase, Vault};

use crate::power::{Power, PoweredDisk, PoweredEngine};
use crate::recorder::Recorder;

/// What a site is made of.
#[derive(Clone, Copy, Debug)]
pub struct SiteOptions {
    /// Where everything random comes from.
    pub seed: u64,
    /// How many disks hold fragments.
    pub disks: usize,
}

/// A site and its hardware.
pub struct Site {
    /// Time; moves only when told.
    pub clock: Arc<SimClock>,
    /// The disk of the log and the keys.
    pub system: Arc<SimDisk>,
    /// The disks of the fragments.
    pub data: Vec<Arc<SimDisk>>,
    /// A disk of these that is pulled out: the next start does not see it.
    pub missing: Option<usize>,
    /// What protects the root key; set before the first start.
    pub passphrase: Option<Passphrase>,
    /// What the next start tells the steward.
    pub settings: Settings,
    random: Arc<Recorder>,
    engine: Arc<SimEngine>,
    power: Arc<Power>,
    cluster: ClusterId,
    node: NodeId,
}

/// A site that is up.
pub struct Running {
    /// The catalog's log.
    pub consensus: Consensus,
    /// The fragment store.
    pub fragments: FragmentStore,
    /// The object path.
    pub objects: Objects,
    /// The steward; its duties are called by the trial, not by a timer.
    pub steward: Steward,
}

fn power_of(system: &Arc<SimDisk>, data: &[Arc<SimDisk>], engine: &Arc<SimEngine>) -> Arc<Power> {
    let disks = data.iter().chain([system]).cloned().collect();
    Power::on(disks, Arc::clone(engine))
}

/// Where the salts of the log come from: the writer's thread draws them when it pleases, so
/// they must not be among the draws that a seed repeats.
fn log_random() -> Arc<dyn Random> {
    Arc::new(SimRandom::seeded(1))
}

/// The authorisation of everything the simulator does.
pub fn simulator() -> Authorised {
    Authorised::steward("simulator")
}

impl Site {
    /// New hardware.
    pub fn new(options: SiteOptions) -> Self {
        let random = Arc::new(Recorder::seeded(options.seed));
        let system = SimDisk::new();
        let data: Vec<_> = (0..options.disks).map(|_| SimDisk::new()).collect();
        let engine = Arc::new(SimEngine::seeded(options.seed));
        Self {
            clock: Arc::new(SimClock::starting_at(Timestamp::from_seconds(1_800_000_000))),
            power: power_of(&system, &data, &engine),
            system,
            data,
            missing: None,
            passphrase: None,
            settings: Settings {
                release_grace: Duration::ZERO,
                orphan_grace: Duration::from_hours(1),
                ..Settings::default()
            },
            engine,
            cluster: ClusterId::draw(&*random),
            node: NodeId::draw(&*random),
            random,
        }
    }

    /// One more blank disk, which the next start takes.
    pub fn disk_add(&mut self) {
        self.data.push(SimDisk::new());
        self.power = power_of(&self.system, &self.data, &self.engine);
    }

    /// Whoever next draws randomness panics: a defect in the midst of some work.
    pub fn panic_at_next_draw(&self) {
        self.random.panic_next();
    }

    /// Starts everything there is on the disks.
    pub async fn start(&self) -> Result<Running> {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let random: Arc<dyn Random> = Arc::clone(&self.random) as Arc<dyn Random>;
        let powered = |disk: &Arc<SimDisk>| -> Arc<dyn Disk> {
            Arc::new(PoweredDisk { disk: Arc::clone(disk), power: Arc::clone(&self.power) })
        };
        let system = powered(&self.system);
        let (beneath, passphrase) = (Arc::clone(&system), self.passphrase.as_ref());
        let vault = if Vault::exists(&*system)? {
            Vault::open(beneath, Arc::clone(&random), passphrase)?
        } else {
            Vault::create(beneath, Arc::clone(&random), passphrase)?
        };
        let (engine, power) = (Arc::clone(&self.engine), Arc::clone(&self.power));
        let engine: Arc<dyn Engine> = Arc::new(PoweredEngine { engine, power });
        let (cluster, node) = (self.cluster, self.node);
        let mut parts =
            consensus::Parts::new(system, engine, Arc::clone(&clock), log_random(), cluster, node);
        // A test machine may stand still for minutes; that is no fault of the site's.
        parts.propose_timeout = Duration::from_hours(1);
        let consensus = Consensus::open(parts).await.context("the catalog does not open")?;
        let present = self.data.iter().enumerate().filter(|(at, _)| Some(*at) != self.missing);
        let data = present.map(|(_, disk)| powered(disk)).collect();
        let forgotten = consensus.view().disks_forgotten()?;
        let forgotten: BTreeSet<_> = forgotten.iter().map(|one| one.disk).collect();
        let cluster = self.cluster;
        let fragments = FragmentStore::open_unless_forgotten(cluster, data, &forgotten, &*random)
            .await
            .context("the fragment store does not open")?;
        if let Some(pulled) = self.missing.and_then(|at| self.data.get(at)) {
            // A disk that was never opened has no mark, and nobody counts on it.
            let mark = fragments::Identity::read(&**pulled).ok().map(|mark| mark.disk);
            fragments.missing_note(mark.filter(|disk| !forgotten.contains(disk)));
        }
        let objects = Objects::new(objects::Parts {
            consensus: consensus.clone(),
            fragments: ClusterStore::alone(fragments.clone()),
            vault: Arc::new(vault),
            clock,
            random,
        });
        let steward = Steward::new(objects.clone(), self.settings.clone());
        Ok(Running { consensus, fragments, objects, steward })
    }

    /// The power goes and comes back: what was synced is there, of the rest what
    /// the seed says. What is left of the old process goes on with hardware that is no
    /// longer this site's, its catalog's engine included.
    pub fn power_cut(&mut self, seed: u64) {
        self.system = self.system.after_power_cut(Survival::Drawn(seed));
        for (disk, draw) in self.data.iter_mut().zip(1_u64..) {
            *disk = disk.after_power_cut(Survival::Drawn(seed.wrapping_add(draw)));
        }
        self.engine = Arc::new(self.engine.after_power_cut(Some(seed)));
        self.power = power_of(&self.system, &self.data, &self.engine);
    }

    /// Disks that hang: every changing operation waits until told otherwise.
    pub fn hang(&self, hangs: bool) {
        self.power.hang(hangs);
    }

    /// Changing operations that hang now.
    pub fn hanging(&self) -> u64 {
        self.power.hanging()
    }

    /// Another site with what a power cut now would leave of this one: everything,
    /// or what a seed draws. This one stays as it is; clocks go apart.
    #[must_use]
    pub fn after_power_cut(&self, drawn: Option<u64>) -> Self {
        let survival = |add: u64| {
            drawn.map_or(Survival::KeepAll, |seed| Survival::Drawn(seed.wrapping_add(add)))
        };
        let system = self.system.after_power_cut(survival(0));
        let data = self.data.iter().zip(1_u64..);
        let data: Vec<_> = data.map(|(disk, at)| disk.after_power_cut(survival(at))).collect();
        let engine = Arc::new(self.engine.after_power_cut(drawn));
        let mut seed = [0; 8];
        self.random.fill(&mut seed);
        Self {
            clock: Arc::new(SimClock::starting_at(self.clock.now())),
            power: power_of(&system, &data, &engine),
            system,
            data,
            missing: self.missing,
            passphrase: self.passphrase.clone(),
            settings: self.settings.clone(),
            random: Arc::new(Recorder::seeded(u64::from_le_bytes(seed))),
            engine,
            cluster: self.cluster,
            node: self.node,
        }
    }

    /// What time it is.
    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The disk of the catalog was lost but for the keys: a fresh one gets a backup.
    pub fn catalog_restore(&mut self, backup: &[u8]) -> Result<()> {
        for (path, _) in self.system.files() {
            if path.starts_with("log/") {
                self.system.remove(&path)?;
            }
        }
        self.engine = Arc::new(SimEngine::seeded(1));
        self.power = power_of(&self.system, &self.data, &self.engine);
        let parts = consensus::RestoreParts {
            disk: Arc::clone(&self.system) as Arc<dyn Disk>,
            directory: "log".to_owned(),
            engine: Arc::clone(&self.engine) as Arc<dyn Engine>,
            random: log_random(),
            node: self.node,
        };
        consensus::restore(&parts, &mut std::io::Cursor::new(backup))?;
        Ok(())
    }

    /// The power of the whole site is to go just before the changing operation with
    /// this number, counted over all disks and the catalog's engine, from 0.
    pub fn cut_before(&self, operation: u64) {
        self.power.cut_before(operation);
    }

    /// Changing operations of all disks and the engine since the power came.
    pub fn operations(&self) -> u64 {
        self.power.operations()
    }

    /// The power is to go within about so many operations of each disk.
    pub fn cut_within(&self, operations: u64) {
        for disk in self.data.iter().chain([&self.system]) {
            disk.cut_before(disk.operations() + operations);
        }
    }

    /// Whether the planned power cut has happened on some disk.
    pub fn is_cut(&self) -> bool {
        self.data.iter().chain([&self.system]).any(|disk| disk.is_cut())
    }

    /// Every key that was drawn: of the root, of tenants, of buckets and of parts, in
    /// the order of their making.
    pub fn keys_drawn(&self) -> Vec<[u8; 32]> {
        self.random.keys()
    }

    /// Bytes of every file on every disk and of every row of the catalog, for
    /// searching.
    pub fn files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut all = Vec::new();
        for disk in self.data.iter().chain([&self.system]) {
            for (path, length) in disk.files() {
                let mut bytes = vec![0; usize::try_from(length.get())?];
                disk.open(&path)?.read_exact_at(&mut bytes, 0)?;
                all.push((path, bytes));
            }
        }
        for row in self.engine.view().scan(Bound::Unbounded, Bound::Unbounded) {
            let (key, value) = row?;
            all.push((format!("catalog row {key:02x?}"), value));
        }
        Ok(all)
    }
}

impl Running {
    /// Makes a tenant.
    pub async fn tenant(&self, name: &str) -> Result<Tenant> {
        let name = TenantName::new(name)?;
        Ok(self.objects.tenant_create(&simulator(), name, Quota::default()).await?)
    }

    /// Makes a bucket.
    pub async fn bucket(&self, tenant: &Tenant, name: &str, versioned: bool) -> Result<BucketName> {
        let bucket = BucketName::new(name)?;
        let ask = BucketCreate {
            bucket: bucket.clone(),
            tenant: Some(tenant.id),
            object_lock: false,
            ownership: None,
            acl: None,
        };
        self.objects.bucket_create(&simulator(), ask).await?;
        if versioned {
            let enabled = Versioning::Enabled;
            self.objects.bucket_versioning_set(&simulator(), &bucket, enabled).await?;
        }
        Ok(bucket)
    }

    /// Puts an object that says nothing beyond its name.
    pub async fn put(
        &self,
        name: &ObjectName,
        bytes: bytes::Bytes,
    ) -> Result<objects::PutOutcome, ObjectError> {
        let ask = objects::PutObject::plain(name.clone());
        self.objects.object_put(&simulator(), ask, objects::body_of(bytes)).await
    }

    /// Reads an object whole.
    pub async fn get(&self, name: &ObjectName) -> Result<bytes::Bytes, ObjectError> {
        let ask = objects::GetObject::whole(name.clone());
        self.objects.object_get(&simulator(), ask).await?.body.collect().await
    }

    /// Stops everything as an operator would.
    pub async fn stop(self) {
        let Self { consensus, fragments, objects, steward } = self;
        drop((objects, steward));
        fragments.shutdown().await;
        consensus.shutdown().await;
    }
}
