//! The steward: its hands, its memory, its counters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use caretaker::{ErasedSweep, LifecycleSweep, RepairQueue};
use catalog::{Command, Success, View};
use fragments::{ClusterStore, DiskState, FragmentName, FragmentStore, Reach};
use objects::{Findings, Objects};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, watch};
use units::{ClusterId, DiskId, NodeId, PartId, Timestamp};

use crate::buckets::BucketsWalk;
use crate::claims::Claims;
use crate::copies::CopiesMet;
use crate::custody::CustodyRound;
use crate::hands::Hands;
use crate::homeless::Homeless;
use crate::limits::{
    REPAIR_BYTES_MAX, REPAIR_LOOK_BYTES_MAX, REPAIR_STRIPES_BYTES_MAX, ROOM_AGAIN_SHARE,
};
use crate::losses::{Counted, Survey};
use crate::moves::Moving;
use crate::recut::RecutsPutOff;
use crate::repair::LostWalk;
use crate::round::RoundFindings;
use crate::scrub::ScrubPlace;
use crate::second_copies::SecondCopies;
use crate::unreadable::UnreadablePlace;
use crate::{Settings, Status, StewardError};

/// Carries out the caretaker's plans; cheap to clone.
///
/// Each duty is a method that does one bounded step; [`Steward::start`] calls
/// them in turn, tests call them as they like.
#[derive(Clone)]
pub struct Steward {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) objects: Objects,
    /// The disks of all nodes, for what nobody waits for.
    pub(crate) fragments: ClusterStore,
    pub(crate) settings: Settings,
    pub(crate) findings: tokio::sync::Mutex<Option<Findings>>,
    /// Parts taken out of the queue of given-up writes and not condemned yet.
    pub(crate) abandoned: tokio::sync::Mutex<Vec<PartId>>,
    pub(crate) repairs: Mutex<RepairQueue>,
    pub(crate) homeless: Mutex<Homeless>,
    /// Parts whose fragments somebody is at work on.
    pub(crate) claims: Claims,
    /// Bytes of rebuilt fragments that may wait for their sync.
    pub(crate) repair_room: Semaphore,
    /// Bytes of fragments that repairs may read to look at them.
    pub(crate) look_room: Semaphore,
    /// Bytes of stripes that are being rebuilt, with all their fragments.
    pub(crate) stripe_room: Semaphore,
    /// Who repairs how much of what this node found.
    pub(crate) hands: Hands,
    /// What the scrub round found; locked after `repairs` where both are.
    pub(crate) round: Mutex<RoundFindings>,
    pub(crate) lost_walk: Mutex<LostWalk>,
    /// Disks on nodes that do not answer, and since when.
    pub(crate) away: Mutex<BTreeMap<DiskId, Duration>>,
    pub(crate) survey: Mutex<Survey>,
    /// Held while a page is surveyed.
    pub(crate) surveying: tokio::sync::Mutex<()>,
    /// What lay on the disks when it was counted last; held while it is counted.
    pub(crate) holdings: tokio::sync::Mutex<Counted>,
    /// Held by a step of the walks.
    pub(crate) second_copies: tokio::sync::Mutex<SecondCopies>,
    /// Held by a step of the walk.
    pub(crate) buckets_walk: tokio::sync::Mutex<BucketsWalk>,
    /// Held by a step of the walk.
    pub(crate) moving: tokio::sync::Mutex<Moving>,
    /// Parts that could not be cut anew, for a while.
    pub(crate) recuts_put_off: Mutex<RecutsPutOff>,
    /// Held by a step of the questions.
    pub(crate) custody: tokio::sync::Mutex<CustodyRound>,
    /// As whom sites are asked; nobody is before that is said.
    pub(crate) custodian: OnceLock<(ClusterId, NodeId)>,
    /// Held while a disk is forgotten.
    pub(crate) forgetting: tokio::sync::Mutex<()>,
    /// Fragments whose checksums hold and which a reader could not open.
    pub(crate) distrusted: Mutex<BTreeSet<FragmentName>>,
    pub(crate) lifecycle: Mutex<LifecycleSweep>,
    pub(crate) erased: Mutex<ErasedSweep>,
    /// Parts the catalog does not know, and since when they have been met.
    pub(crate) suspects: Mutex<BTreeMap<PartId, Timestamp>>,
    /// Up to where copies were looked at, if a sweep did not come to the end of them.
    pub(crate) copies_passed: Mutex<Option<(DiskId, PartId)>>,
    /// Copies that another node may be about to name, and since when they have been met.
    pub(crate) copies_met: Mutex<CopiesMet>,
    /// Released parts, and since when they are known to be.
    pub(crate) released: Mutex<BTreeMap<PartId, Timestamp>>,
    pub(crate) scrub: tokio::sync::Mutex<ScrubPlace>,
    pub(crate) unreadable: UnreadablePlace,
    pub(crate) scrub_wanted: Notify,
    pub(crate) scrub_hurry: std::sync::atomic::AtomicBool,
    /// The next step begins a round anew, whatever is under way.
    pub(crate) scrub_afresh: std::sync::atomic::AtomicBool,
    pub(crate) rotation_wanted: Notify,
    /// Whether this process has looked at the keys of all erased tenants.
    pub(crate) erased_shredded: std::sync::atomic::AtomicBool,
    pub(crate) status: watch::Sender<Status>,
}

impl Steward {
    /// A steward of these objects. Nothing is done yet.
    pub fn new(objects: Objects, settings: Settings) -> Self {
        let findings = objects.findings();
        Self {
            shared: Arc::new(Shared {
                fragments: objects.parts().fragments.upkeep(),
                objects,
                settings,
                findings: tokio::sync::Mutex::new(findings),
                abandoned: tokio::sync::Mutex::default(),
                repairs: Mutex::new(RepairQueue::default()),
                homeless: Mutex::default(),
                claims: Claims::default(),
                repair_room: Semaphore::new(REPAIR_BYTES_MAX),
                look_room: Semaphore::new(REPAIR_LOOK_BYTES_MAX),
                stripe_room: Semaphore::new(REPAIR_STRIPES_BYTES_MAX),
                hands: Hands::default(),
                round: Mutex::default(),
                lost_walk: Mutex::default(),
                away: Mutex::default(),
                survey: Mutex::default(),
                surveying: tokio::sync::Mutex::default(),
                holdings: tokio::sync::Mutex::default(),
                second_copies: tokio::sync::Mutex::default(),
                buckets_walk: tokio::sync::Mutex::default(),
                moving: tokio::sync::Mutex::default(),
                recuts_put_off: Mutex::default(),
                custody: tokio::sync::Mutex::default(),
                custodian: OnceLock::new(),
                forgetting: tokio::sync::Mutex::default(),
                distrusted: Mutex::default(),
                lifecycle: Mutex::new(LifecycleSweep::default()),
                erased: Mutex::new(ErasedSweep::default()),
                suspects: Mutex::new(BTreeMap::new()),
                copies_passed: Mutex::default(),
                copies_met: Mutex::default(),
                released: Mutex::new(BTreeMap::new()),
                scrub: tokio::sync::Mutex::new(ScrubPlace::default()),
                unreadable: UnreadablePlace::default(),
                scrub_wanted: Notify::new(),
                scrub_hurry: std::sync::atomic::AtomicBool::new(false),
                scrub_afresh: std::sync::atomic::AtomicBool::new(false),
                rotation_wanted: Notify::new(),
                erased_shredded: std::sync::atomic::AtomicBool::new(false),
                status: watch::channel(Status::default()).0,
            }),
        }
    }

    /// What is being done; changes as it goes on.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Status)) {
        self.shared.status.send_modify(change);
    }

    pub(crate) fn view(&self) -> View {
        self.shared.objects.parts().consensus.view()
    }

    /// The disks of all nodes: where fragments of parts are read and written.
    pub(crate) fn fragments(&self) -> &ClusterStore {
        &self.shared.fragments
    }

    /// The disks of this node, for what each node does for its own.
    pub(crate) fn own_disks(&self) -> &FragmentStore {
        self.fragments().local()
    }

    /// What is done away with for its age is judged by this; never by one machine's clock,
    /// unless that is alone.
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.objects.parts().consensus.time_come()
    }

    /// What ages within one process are counted by: no clock that is set makes anything
    /// older. To be held against itself only.
    pub(crate) fn watch(&self) -> Timestamp {
        Timestamp::EPOCH.after(self.shared.objects.parts().clock.elapsed())
    }

    pub(crate) async fn propose(&self, command: Command) -> Result<Success, StewardError> {
        Ok(self.shared.objects.parts().consensus.propose(command).await?)
    }

    /// Whether the catalog would take this command now: what writes fragments that only
    /// a command makes known asks this first.
    pub(crate) fn takes(&self, command: &Command) -> bool {
        self.shared.objects.parts().consensus.takes(command).is_ok()
    }

    /// Whether this node is the one for what one node does for all: whoever leads the
    /// catalog. For a while two may think so; what they do is done once by the catalog.
    pub(crate) fn leads(&self) -> bool {
        self.shared.objects.parts().consensus.status().is_leader
    }

    /// Whether what a disk holds is to be rebuilt elsewhere. One that hangs may answer
    /// again with all it holds; the operator is told, and may go on without it. So may
    /// one on a node that does not answer, for a while.
    pub(crate) fn disk_is_lost(&self, disk: DiskId) -> bool {
        let is_away = matches!(self.fragments().reach(disk), Reach::Unreachable { .. });
        !self.disk_is_sound(disk)
            && self.fragments().state(disk) != Some(DiskState::Hanging)
            && self.away_too_long(disk, is_away)
    }

    /// Whether a disk that is away has been for too long; notes since when it is. One
    /// that is not away needs no such patience.
    fn away_too_long(&self, disk: DiskId, is_away: bool) -> bool {
        let now = self.shared.objects.parts().clock.elapsed();
        let mut away = self.shared.away.lock();
        if !is_away {
            away.remove(&disk);
            return true;
        }
        now.saturating_sub(*away.entry(disk).or_insert(now)) >= self.shared.settings.away_lost_after
    }

    /// Disks that take writes and are not full. One that was is again only when it has more
    /// than the last few bytes: else a disk at its limit would be new each second.
    pub(crate) fn disk_has_room(&self, disk: DiskId, had: bool) -> bool {
        let has_enough = || {
            let space = self.fragments().space(disk);
            space.is_none_or(|space| space.available.get() >= space.total.get() / ROOM_AGAIN_SHARE)
        };
        self.fragments().state(disk) == Some(DiskState::Healthy) && (had || has_enough())
    }

    /// Disks that take writes.
    pub(crate) fn disk_is_sound(&self, disk: DiskId) -> bool {
        matches!(self.fragments().state(disk), Some(DiskState::Healthy | DiskState::Full))
    }
}
