//! A simulated node, as its transport and those who call it share it.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;

use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;
use units::{NodeId, NodePublicKey};

use crate::answer::Services;
use crate::{Contact, Roster};

/// One process on the simulated network.
pub(super) struct SimNode {
    pub me: NodeId,
    pub key: NodePublicKey,
    pub roster: RwLock<Roster>,
    pub services: RwLock<Services>,
    ended: AtomicBool,
    heard: Mutex<BTreeMap<NodeId, Heard>>,
}

#[derive(Clone, Copy, Default)]
struct Heard {
    reached: bool,
    round_trip: Option<Duration>,
    last: Option<Instant>,
}

impl SimNode {
    pub(super) fn new(me: NodeId, key: NodePublicKey, roster: Roster) -> Self {
        Self {
            me,
            key,
            roster: RwLock::new(roster),
            services: RwLock::default(),
            ended: AtomicBool::new(false),
            heard: Mutex::default(),
        }
    }

    /// Ends the process: nothing comes from it any more, and its handlers are let go.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        *self.services.write() = Services::default();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    pub(super) fn heard(&self, from: NodeId, round_trip: Duration) {
        let heard =
            Heard { reached: true, round_trip: Some(round_trip), last: Some(Instant::now()) };
        self.heard.lock().insert(from, heard);
    }

    pub(super) fn missed(&self, whom: NodeId) {
        self.heard.lock().entry(whom).or_default().reached = false;
    }

    pub(super) fn contact(&self, with: NodeId) -> Contact {
        match self.heard.lock().get(&with) {
            None => Contact::default(),
            Some(heard) => Contact {
                reached: Some(heard.reached),
                round_trip: heard.round_trip,
                heard_ago: heard.last.map(|at| at.elapsed()),
            },
        }
    }
}
