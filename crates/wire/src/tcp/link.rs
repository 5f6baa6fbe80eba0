//! The way to one peer: a lane for short calls, lanes for long bodies, and one for long
//! bodies that nobody waits for.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use units::NodeId;

use super::credentials::Credentials;
use super::health::Health;
use super::lane::{Kind, Lane};
use crate::limits::BULK_LANES;
use crate::{Peer, Service};

/// The first lane.
pub(super) const SHORT_LANE: usize = 0;

/// The last lane.
const UPKEEP_LANE: usize = 1 + BULK_LANES;

/// What all links of a node share.
pub(super) struct Shared {
    pub credentials: Credentials,
    /// Every task of this node's connections.
    pub tasks: TaskTracker,
    /// Ends them all.
    pub end: CancellationToken,
    numbers: AtomicU64,
}

impl Shared {
    pub(super) fn new(credentials: Credentials) -> Self {
        let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
        Self { credentials, tasks, end, numbers: AtomicU64::new(0) }
    }

    /// A number that no other connection has.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

/// A peer, as this node calls it.
pub(super) struct Link {
    pub node: NodeId,
    pub peer: Mutex<Peer>,
    pub health: Arc<Health>,
    /// Once cancelled, nothing more passes.
    pub cut: CancellationToken,
    pub lanes: [Lane; 2 + BULK_LANES],
    pub shared: Arc<Shared>,
    turn: AtomicUsize,
}

impl Link {
    pub(super) fn new(node: NodeId, peer: Peer, shared: Arc<Shared>) -> Self {
        Self {
            node,
            peer: Mutex::new(peer),
            health: Arc::new(Health::unknown()),
            cut: shared.end.child_token(),
            lanes: core::array::from_fn(|at| {
                Lane::new(match at {
                    SHORT_LANE => Kind::Short,
                    UPKEEP_LANE => Kind::Upkeep,
                    _ => Kind::Bulk,
                })
            }),
            shared,
            turn: AtomicUsize::new(0),
        }
    }

    /// The lane for a call.
    pub(super) fn lane(&self, service: Service) -> usize {
        if service == Service::Upkeep {
            return UPKEEP_LANE;
        }
        if service.is_bulk() {
            return 1 + self.turn.fetch_add(1, Ordering::Relaxed) % BULK_LANES;
        }
        SHORT_LANE
    }

    /// Where it is reached from now on. Connections that stand stay.
    pub(super) fn addresses_set(&self, addresses: &[String]) {
        let mut peer = self.peer.lock();
        if peer.addresses != addresses {
            peer.addresses = addresses.to_vec();
            self.lanes.iter().for_each(Lane::hurry);
        }
    }
}
