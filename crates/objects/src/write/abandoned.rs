//! Parts whose write did not end well.
//!
//! From the first fragment on, a [`PartGuard`] stands for the part. Unless the
//! catalog is known to have taken the part, dropping the guard queues it for the
//! steward, which has the catalog condemn it: if the command did arrive after
//! all, condemning is refused and nothing is lost; if not, it can never arrive
//! any more and the fragments go. What finds no room in the queue is found by the
//! orphan sweep.

use tokio::sync::mpsc;
use units::PartId;

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
    /// Fragments that are not where the part's row will say, to be told once it does.
    missing: Vec<Damage>,
    damage: mpsc::Sender<Damage>,
    _pin: Pin,
}

impl PartGuard {
    /// `pin` keeps the orphan sweep away while the part is being written.
    pub(crate) fn new(
        part: PartId,
        queue: mpsc::Sender<PartId>,
        damage: mpsc::Sender<Damage>,
        pin: Pin,
    ) -> Self {
        Self { part, queue, armed: true, missing: Vec::new(), damage, _pin: pin }
    }

    /// Notes a fragment that a disk did not take.
    pub(crate) fn missing_note(&mut self, missing: impl IntoIterator<Item = Damage>) {
        self.missing.extend(missing);
    }

    /// The catalog has it now.
    pub(crate) fn kept(mut self) {
        self.armed = false;
        for damage in self.missing.drain(..) {
            // A steward that is behind finds it by the next scrub.
            let _ = self.damage.try_send(damage);
        }
    }
}

impl Drop for PartGuard {
    fn drop(&mut self) {
        if self.armed && self.queue.try_send(self.part).is_err() {
            tracing::debug!(part = %self.part, "an abandoned part is left to the orphan sweep");
        }
    }
}
