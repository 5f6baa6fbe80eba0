//! Bad fragments met by readers, on their way to the steward.

use tokio::sync::mpsc;
use units::{DiskId, FragmentNumber, PartId, StripeNumber};

use crate::limits::DAMAGE_QUEUE_MAX;

/// What was wrong with a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DamageKind {
    /// It is not there, or does not match its checksums.
    Unread,
    /// Its checksums hold, but the stripe opens only without it: it is not what was
    /// sealed. Only a reader, who has the key, can know; whoever looks at checksums
    /// must take its word.
    Unopened,
}

/// A fragment that could not be read, or not be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Damage {
    /// Of which part.
    pub part: PartId,
    /// Of which stripe, as the fragment's name says it.
    pub stripe: StripeNumber,
    /// Which fragment of it.
    pub fragment: FragmentNumber,
    /// On which disk it should be.
    pub disk: DiskId,
    /// What was wrong with it.
    pub kind: DamageKind,
}

/// Both ends of the queue.
pub(crate) fn damage_queue() -> (mpsc::Sender<Damage>, mpsc::Receiver<Damage>) {
    mpsc::channel(DAMAGE_QUEUE_MAX)
}
