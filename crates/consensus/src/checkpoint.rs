//! When the engine is persisted and the log purged.
//!
//! Both are one act: openraft builds a "snapshot", which here persists the
//! engine and copies nothing, and then purges the log up to it. The rule bounds
//! the log's room on disk and the tail that a start after a power cut replays. On a small
//! disk, and where room is short, it bounds them more closely.

use std::sync::Arc;
use std::time::Duration;

use openraft::metrics::WaitError;

use parking_lot::Mutex;
use units::ByteCount;

use crate::admission::Admission;
use crate::limits;
use crate::log::index::Index;
use crate::types::Raft;

/// How much log may gather between two checkpoints; tests make it small.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointRule {
    /// Bytes in all segments.
    pub bytes: ByteCount,
    /// Entries not purged.
    pub entries: u64,
    /// How often to look.
    pub interval: Duration,
}

impl Default for CheckpointRule {
    fn default() -> Self {
        Self {
            bytes: ByteCount::new(limits::CHECKPOINT_BYTES),
            entries: limits::CHECKPOINT_ENTRIES,
            interval: limits::CHECKPOINT_INTERVAL,
        }
    }
}

impl CheckpointRule {
    /// The usual one for a file system of this size: on a small one the log takes its share
    /// and no more.
    pub fn for_disk(total: ByteCount) -> Self {
        let bytes = total.get() / limits::CHECKPOINT_SHARE;
        let bytes = bytes.clamp(limits::SEGMENT_BYTES_MIN, limits::CHECKPOINT_BYTES);
        Self { bytes: ByteCount::new(bytes), ..Self::default() }
    }

    /// Whether it is time for one, as so much has gathered since the last and so much room
    /// is left: the less, the sooner.
    fn is_due(&self, bytes: u64, entries: u64, room: Option<ByteCount>) -> bool {
        let left = room.map_or(u64::MAX, |room| room.get() / limits::CHECKPOINT_ROOM_SHARE);
        let is_short = bytes > 0 && bytes >= left;
        is_short || bytes >= self.bytes.get() || entries >= self.entries
    }
}

/// Looks at the log until the Raft instance ends.
pub(crate) async fn run(
    raft: Raft,
    index: Arc<Mutex<Index>>,
    admission: Arc<Admission>,
    rule: CheckpointRule,
) {
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
        if !rule.is_due(bytes - purged_bytes, entries, admission.room()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_takes_its_share_of_a_small_disk_and_less_where_room_is_short() {
        let bytes = |total: u64| CheckpointRule::for_disk(ByteCount::new(total)).bytes.get();
        assert_eq!(bytes(1 << 40), limits::CHECKPOINT_BYTES);
        assert_eq!(bytes(64 << 20), 4 << 20);
        let rule = CheckpointRule::for_disk(ByteCount::new(64 << 20));
        let due = |bytes, room: u64| rule.is_due(bytes, 1, Some(ByteCount::new(room)));
        assert!(!due(3 << 20, 40 << 20), "less than its share");
        assert!(due(4 << 20, 40 << 20), "its share");
        assert!(due(1 << 20, 4 << 20), "a quarter of what is left");
        assert!(due(1, 0), "nothing is left");
        assert!(!due(0, 0), "nothing has gathered");
        assert!(!rule.is_due(3 << 20, 1, None), "nobody knows what is left");
        assert!(rule.is_due(0, limits::CHECKPOINT_ENTRIES, None), "many entries");
    }
}
