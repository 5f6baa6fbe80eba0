//! Parts whose write did not end well.
//!
//! From the first fragment on, a [`PartGuard`] stands for the part. Unless the
//! catalog is known to have taken the part, dropping the guard queues it for the
//! steward, which has the catalog condemn it: if the command did arrive after
//! all, condemning is refused and nothing is lost; if not, it can never arrive
//! any more and the fragments go. What finds no room in the queue is found by the
//! orphan sweep.

use std::sync::Arc;

use tokio::sync::mpsc;
use units::PartId;

use super::pipeline::PartSetup;
use super::stragglers::Behind;
use crate::limits::ABANDONED_QUEUE_MAX;
use crate::read::damage::Damage;
use crate::read::pins::Pin;

/// Both ends of the queue.
pub(crate) fn abandoned_queue() -> (mpsc::Sender<PartId>, mpsc::Receiver<PartId>) {
    mpsc::channel(ABANDONED_QUEUE_MAX)
}

/// A part that is being written.
pub(crate) struct PartGuard {
    part: PartId,
    queue: mpsc::Sender<PartId>,
    armed: bool,
    /// How it was written: fragments that are not where the part's row will say are told
    /// of once it does.
    wrote: Option<Arc<PartSetup>>,
    damage: mpsc::Sender<Damage>,
    /// What goes on behind the answer.
    behind: Arc<Behind>,
    pin: Option<Pin>,
}

impl PartGuard {
    /// `pin` keeps the orphan sweep away while the part is being written.
    pub(crate) fn new(
        part: PartId,
        queue: mpsc::Sender<PartId>,
        damage: mpsc::Sender<Damage>,
        behind: Arc<Behind>,
        pin: Pin,
    ) -> Self {
        Self { part, queue, armed: true, wrote: None, damage, behind, pin: Some(pin) }
    }

    /// It is written, but for what is late.
    pub(crate) fn wrote(&mut self, setup: Arc<PartSetup>) {
        self.wrote = Some(setup);
    }

    /// The catalog has it now. What is late goes on, and the part is in use until it has
    /// ended.
    pub(crate) fn kept(mut self) {
        self.armed = false;
        let Some(setup) = self.wrote.take() else { return };
        if let Some(missing) = setup.missing_now() {
            return tell(&self.damage, missing);
        }
        let (damage, pin) = (self.damage.clone(), self.pin.take());
        self.behind.go_on(async move {
            tell(&damage, setup.missing().await);
            drop(pin);
        });
    }
}

fn tell(damage: &mpsc::Sender<Damage>, missing: Vec<Damage>) {
    for damaged in missing {
        // A steward that is behind finds it by the next scrub.
        let _ = damage.try_send(damaged);
    }
}

impl Drop for PartGuard {
    fn drop(&mut self) {
        if self.armed && self.queue.try_send(self.part).is_err() {
            tracing::debug!(part = %self.part, "an abandoned part is left to the orphan sweep");
        }
    }
}
