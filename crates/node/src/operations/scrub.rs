//! A scrub asked for by an operator: every fragment of every disk, at once.

use std::sync::Arc;

use admin::model::{Scrub, ScrubState, date_text};
use fragments::{FragmentStore, ScrubCursor};
use parking_lot::Mutex;
use units::{ByteCount, Clock, DiskId};

use super::SiteOperations;

/// Bytes re-read between two looks at the progress.
const STEP: ByteCount = ByteCount::new(64 * 1024 * 1024);

/// The state of the scrub.
#[derive(Default)]
pub(super) struct Scrubber {
    state: Mutex<Scrub>,
}

impl Scrubber {
    pub(super) fn state(&self) -> Scrub {
        self.state.lock().clone()
    }

    /// Marks it as running; false if it is already.
    fn begin(&self, now: String, bytes_total: u64) -> bool {
        let mut state = self.state.lock();
        if state.state == ScrubState::Running {
            return false;
        }
        *state = Scrub {
            state: ScrubState::Running,
            started: Some(now),
            bytes_total,
            last_complete: state.last_complete.take(),
            ..Scrub::default()
        };
        true
    }

    async fn run(&self, store: &FragmentStore, disks: &[DiskId], clock: &dyn Clock) {
        let mut whole = true;
        for disk in disks {
            whole &= self.run_disk(store, *disk).await;
        }
        let now = date_text(clock.now());
        let mut state = self.state.lock();
        state.state = ScrubState::Done;
        state.ended = Some(now.clone());
        if whole {
            state.last_complete = Some(now);
        }
    }

    /// One disk from its first fragment to its last; whether all could be looked at.
    async fn run_disk(&self, store: &FragmentStore, disk: DiskId) -> bool {
        let mut cursor = ScrubCursor::START;
        loop {
            let report = match store.scrub(disk, cursor, STEP).await {
                Ok(report) => report,
                Err(error) => {
                    tracing::error!(%disk, %error, "the scrub of a disk broke off");
                    return false;
                }
            };
            for name in &report.damaged {
                tracing::error!(%disk, fragment = ?name, "a fragment is damaged");
            }
            let mut state = self.state.lock();
            state.bytes_checked = state.bytes_checked.saturating_add(report.bytes.get());
            state.fragments_checked = state.fragments_checked.saturating_add(report.fragments);
            state.fragments_bad = state.fragments_bad.saturating_add(report.damaged.len() as u64);
            match report.next {
                Some(next) => cursor = next,
                None => return true,
            }
        }
    }
}

impl SiteOperations {
    /// Starts a scrub in the background, unless one runs.
    pub(super) fn start_scrub(&self) {
        let live = |(disk, _): &(DiskId, _)| {
            self.fragments.space(*disk).map_or(0, |space| space.live.get())
        };
        let total = self.disks.iter().map(live).sum();
        if !self.scrub.begin(date_text(self.clock.now()), total) {
            return;
        }
        let (scrub, store) = (Arc::clone(&self.scrub), self.fragments.clone());
        let disks: Vec<DiskId> = self.disks.iter().map(|(disk, _)| *disk).collect();
        let clock = Arc::clone(&self.clock);
        // Ends by itself; a stopping node may cut it, since it only reads.
        tokio::spawn(async move { scrub.run(&store, &disks, clock.as_ref()).await });
    }
}
