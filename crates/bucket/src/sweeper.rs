//! Deleting what says nothing any more, beside everything else.
//!
//! **Invariant**: the object that ends a file goes only after all that it ends is gone, and
//! after every request for the file that may still arrive.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use object_store::path::Path;
use tokio::sync::mpsc;

use crate::error::Failure;
use crate::limits::{PROBE_PAUSE_MAX, PUT_WITHIN};
use crate::remote::{Found, Remote};

/// How long a request that was given up may still arrive.
pub(crate) const LATE: Duration = PUT_WITHIN.saturating_mul(2);

/// What is to be deleted together.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) stale: Vec<Found>,
    /// Deleted last.
    pub(crate) ends: Vec<Found>,
}

/// Takes what is to be deleted.
#[derive(Clone, Debug)]
pub(crate) struct Sweeper {
    queue: mpsc::UnboundedSender<Sweep>,
}

impl Sweeper {
    /// Starts it; `used` goes down with each object that is gone.
    pub(crate) fn start(remote: &Arc<Remote>, used: Arc<AtomicU64>, late: Duration) -> Self {
        // As long as what is to be deleted, which lies in the bucket anyhow.
        let (queue, mut sweeps) = mpsc::unbounded_channel::<Sweep>();
        let weak = Arc::downgrade(remote);
        remote.spawn(async move {
            while let Some(Sweep { stale, ends }) = sweeps.recv().await {
                let freed: u64 = stale.iter().map(|found| found.bytes).sum();
                let paths: Vec<Path> = stale.into_iter().map(|found| found.path).collect();
                if !paths.is_empty() {
                    loop {
                        let Some(remote) = weak.upgrade() else { return };
                        match remote.delete(paths.clone()).await {
                            Ok(()) | Err(Failure::NotFound) => break,
                            // It is stale at the next start too, and is deleted then.
                            Err(Failure::Full(_)) => break,
                            Err(Failure::Unanswered(_)) => {}
                        }
                        drop(remote);
                        tokio::time::sleep(PROBE_PAUSE_MAX).await;
                    }
                }
                let _ = used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |used| {
                    Some(used.saturating_sub(freed))
                });
                if ends.is_empty() {
                    continue;
                }
                let Some(remote) = weak.upgrade() else { return };
                let later = weak.clone();
                remote.spawn(async move {
                    tokio::time::sleep(late).await;
                    let Some(remote) = later.upgrade() else { return };
                    let paths = ends.into_iter().map(|found| found.path).collect();
                    // Otherwise the next start does it.
                    let _ = remote.delete(paths).await;
                });
            }
        });
        Self { queue }
    }

    /// Has objects deleted.
    pub(crate) fn sweep(&self, sweep: Sweep) {
        // One that has ended leaves them to the next start.
        let _ = self.queue.send(sweep);
    }
}
