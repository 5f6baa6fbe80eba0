//! When the engine is persisted and the log purged.
//!
//! Both are one act: openraft builds a "snapshot", which here persists the
//! engine and copies nothing, and then purges the log up to it. The rule bounds
//! the log's room on disk and the tail that a start after a power cut replays.

use std::sync::Arc;
use std::time::Duration;

use openraft::metrics::WaitError;

use parking_lot::Mutex;

use crate::limits;
use crate::log::index::Index;
use crate::types::Raft;

/// How much log may gather between two checkpoints; tests make it small.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointRule {
    /// Bytes in all segments.
    pub bytes: units::ByteCount,
    /// Entries not purged.
    pub entries: u64,
    /// How often to look.
    pub interval: Duration,
}

impl Default for CheckpointRule {
    fn default() -> Self {
        Self {
            bytes: units::ByteCount::new(limits::CHECKPOINT_BYTES),
            entries: limits::CHECKPOINT_ENTRIES,
            interval: limits::CHECKPOINT_INTERVAL,
        }
    }
}

/// Looks at the log until the Raft instance ends.
pub(crate) async fn run(raft: Raft, index: Arc<Mutex<Index>>, rule: CheckpointRule) {
    let mut ticks = tokio::time::interval(rule.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut purged_bytes = 0;
    loop {
        ticks.tick().await;
        let (bytes, entries) = {
            let index = index.lock();
            (index.bytes, index.slots.len() as u64)
        };
        // What the newest segment keeps of purged entries does not count again.
        purged_bytes = purged_bytes.min(bytes);
        if bytes - purged_bytes < rule.bytes.get() && entries < rule.entries {
            continue;
        }
        if let Err(error) = take(&raft).await {
            if raft.metrics().borrow().running_state.is_err() {
                return;
            }
            tracing::warn!(error, "no checkpoint, the log grows until the next one");
        }
        purged_bytes = index.lock().bytes;
    }
}

/// Persists the engine, purges the log, waits for both.
pub(crate) async fn take(raft: &Raft) -> Result<(), String> {
    let Some(applied) = raft.metrics().borrow().last_applied else { return Ok(()) };
    let purged = format!("purged up to {applied}");
    let deadline = tokio::time::Instant::now() + limits::OPEN_TIMEOUT;
    loop {
        // A snapshot that is being built already may end before `applied`, and
        // openraft passes over a trigger meanwhile: so trigger again.
        raft.trigger().snapshot().await.map_err(|error| error.to_string())?;
        // After a start the rows count as a snapshot already; one that brings nothing
        // new is passed over, and what it may purge with it.
        raft.trigger().purge_log(applied.index).await.map_err(|error| error.to_string())?;
        let wait = raft.wait(Some(limits::CHECKPOINT_RETRY_INTERVAL));
        match wait.metrics(|metrics| metrics.purged >= Some(applied), &purged).await {
            Ok(_) => return Ok(()),
            Err(WaitError::Timeout(..)) if tokio::time::Instant::now() < deadline => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}
