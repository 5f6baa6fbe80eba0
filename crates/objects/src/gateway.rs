//! The gateway: what the faces hold, and what it stands on.

use std::sync::Arc;

use catalog::{AccessKeyId, BucketName};
use consensus::CutOff;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};
use units::{Clock, LogIndex, PartId, Random};

use crate::began::Verbs;
use crate::directory::Kept;
use crate::limits::{
    BUCKET_FACTS_CACHED_MAX, CREDENTIALS_CACHED_MAX, DEGRADED_READS_MAX, READ_POOL_BYTES,
};
use crate::read::damage::{Damage, damage_queue};
use crate::read::hedging::Hedging;
use crate::read::pins::Pins;
use crate::sites::Placings;
use crate::verbs::{BucketFacts, SettingsCache};
use crate::write::abandoned::abandoned_queue;
use crate::write::budget::WriteBudget;
use crate::write::stragglers::{Behind, Stragglers};
use crate::{Credential, ObjectError};

/// The path of objects, in and out; cheap to clone.
///
/// Every verb is a method, grouped by family under `verbs`.
#[derive(Clone)]
pub struct Objects {
    pub(crate) inner: Arc<Inner>,
}

/// What [`Objects`] is made of.
#[derive(Clone)]
pub struct Parts {
    /// The catalog, through its log.
    pub consensus: consensus::Consensus,
    /// The disks of all nodes.
    pub fragments: fragments::ClusterStore,
    /// The keeper of keys.
    pub vault: Arc<vault::Vault>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// What the object path hands to the steward.
pub struct Findings {
    /// Fragments that readers found bad.
    pub damage: mpsc::Receiver<Damage>,
    /// Parts of writes that did not end well, to be condemned.
    pub abandoned: mpsc::Receiver<PartId>,
}

/// Fragments that are on their way of what was answered for.
pub struct LateFragments(Arc<Behind>);

impl LateFragments {
    /// Waits until there are none: they are durable then, or the steward was told of them.
    // Cancel-safety: what was waited for is cut off with the call.
    pub async fn ended(&self) {
        self.0.ended().await;
    }
}

pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) write_budget: WriteBudget,
    pub(crate) stragglers: Arc<Stragglers>,
    pub(crate) behind: Arc<Behind>,
    pub(crate) read_pool: Arc<Semaphore>,
    pub(crate) degraded_reads: Semaphore,
    pub(crate) hedging: Hedging,
    pub(crate) pins: Pins,
    pub(crate) verbs: Arc<Verbs>,
    pub(crate) abandoned: mpsc::Sender<PartId>,
    pub(crate) credentials: Kept<AccessKeyId, Arc<Credential>>,
    pub(crate) facts: Kept<BucketName, Arc<BucketFacts>>,
    pub(crate) settings: SettingsCache,
    pub(crate) damage: mpsc::Sender<Damage>,
    pub(crate) placings: Placings,
    findings: Mutex<Option<Findings>>,
}

impl Objects {
    /// A gateway over these parts. Nothing is read or written yet.
    pub fn new(parts: Parts) -> Self {
        let (damage, damage_found) = damage_queue();
        let (abandoned, abandoned_found) = abandoned_queue();
        let findings = Findings { damage: damage_found, abandoned: abandoned_found };
        Self {
            inner: Arc::new(Inner {
                parts,
                write_budget: WriteBudget::new(),
                stragglers: Arc::default(),
                behind: Arc::default(),
                read_pool: Arc::new(Semaphore::new(READ_POOL_BYTES)),
                degraded_reads: Semaphore::new(DEGRADED_READS_MAX),
                hedging: Hedging::default(),
                pins: Pins::default(),
                verbs: Arc::default(),
                abandoned,
                credentials: Kept::new(CREDENTIALS_CACHED_MAX),
                facts: Kept::new(BUCKET_FACTS_CACHED_MAX),
                settings: SettingsCache::default(),
                damage,
                placings: Placings::default(),
                findings: Mutex::new(Some(findings)),
            }),
        }
    }

    /// Waits until what this node reads of the catalog shows everything that was
    /// acknowledged before the call, wherever in the cluster; to be asked once for each
    /// request, before anything of it is decided. Free on a site alone.
    pub async fn catch_up(&self) -> Result<(), ObjectError> {
        let consensus = &self.inner.parts.consensus;
        consensus.catch_up().await.map_err(|error| match consensus.cut_off() {
            Some(_) => ObjectError::CutOff,
            None => ObjectError::Unavailable { reason: error.reason },
        })
    }

    /// What a write may be decided as of without catching up, where that saves a question
    /// to whoever leads; see [`consensus::Consensus::as_of`]. To be asked before anything is
    /// decided. Only verbs that write one object may be decided so.
    pub fn as_of(&self) -> Option<LogIndex> {
        self.inner.parts.consensus.as_of()
    }

    /// As [`Objects::catch_up`]; but if this node is cut off from the other sites, it says
    /// since when instead: what it reads shows what was acknowledged before.
    pub async fn catch_up_if_in_touch(&self) -> Result<Option<CutOff>, ObjectError> {
        let Err(error) = self.catch_up().await else { return Ok(None) };
        self.inner.parts.consensus.cut_off().map(Some).ok_or(error)
    }

    /// What it is made of; for the steward and for status pages.
    pub fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    /// The steward's ends of the queues; only the first asker gets them.
    pub fn findings(&self) -> Option<Findings> {
        self.inner.findings.lock().take()
    }

    /// Waits until every verb has ended that is under way now. Later ones are not
    /// waited for; they see the catalog as it is now, or newer.
    pub async fn earlier_verbs_ended(&self) {
        self.inner.verbs.earlier_ended().await;
    }

    /// The fragments that are on their way of what was answered for.
    pub fn late_fragments(&self) -> LateFragments {
        LateFragments(Arc::clone(&self.inner.behind))
    }

    /// How many verbs are under way.
    pub fn verbs_running(&self) -> usize {
        self.inner.verbs.running()
    }

    /// Whether somebody is reading or writing the part: its fragments must stay
    /// meanwhile.
    pub fn part_is_in_use(&self, part: PartId) -> bool {
        self.inner.pins.is_pinned(part)
    }
}

impl Inner {
    /// Tells the steward; if it is behind, the next scrub will.
    pub(crate) fn report(&self, damage: Damage) {
        tracing::warn!(?damage, "a fragment is bad");
        if self.damage.try_send(damage).is_err() {
            tracing::debug!("the steward is behind; the next scrub will find it");
        }
    }
}
